"""The query of GET /v1/payments, and a page of results.  Spec: pay-api.md §10."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from pay.errors import InvalidSearch
from pay.operations.searches import DISPLAY_SIZE_MAX, Found, Query
from pay.standards.cards import BRANDS
from pay.standards.payment_object import Addresses, Json, payment_body, search_links

STATUSES = ("created", "started", "submitted", "capturable", "success", "failed", "cancelled", "error")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and "T" in text else None


def _number(text: str, most: int) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is not None and 1 <= int(text) <= most


# In the order in which the refusal names them.
RULES: dict[str, Callable[[str], bool]] = {
    "state": lambda value: value in STATUSES,
    "reference": lambda value: len(value) <= 255 and "\0" not in value,
    "card_brand": lambda value: value.lower() in BRANDS,
    "from_date": lambda value: _moment(value) is not None,
    "to_date": lambda value: _moment(value) is not None,
    "page": lambda value: _number(value, 10**8),
    "display_size": lambda value: _number(value, DISPLAY_SIZE_MAX),
    "first_digits_card_number": lambda value: re.fullmatch(r"[0-9]{6}", value, re.ASCII) is not None,
    "last_digits_card_number": lambda value: re.fullmatch(r"[0-9]{4}", value, re.ASCII) is not None,
}
# Filters of the contract that come later are refused by name: an answer that ignored them would be a wrong one.
NOT_YET = ("email", "cardholder_name", "agreement_id", "from_settled_date", "to_settled_date")


def read_query(given: Mapping[str, str]) -> Query:
    """Return what to look for; empty parameters are as absent.  Raises: InvalidSearch naming every bad parameter."""
    values = {name: value for name, value in given.items() if value}
    bad = [name for name, is_valid in RULES.items() if name in values and not is_valid(values[name])]
    bad += [name for name in NOT_YET if name in values]
    if bad:
        raise InvalidSearch("P0401", f"Invalid parameters: {', '.join(bad)}. See Public API documentation for the correct data formats")
    brand = values.get("card_brand")
    return Query(
        reference=values.get("reference"),
        status=values.get("state"),
        card_brand=BRANDS[brand.lower()].label if brand else None,
        first_digits=values.get("first_digits_card_number"),
        last_digits=values.get("last_digits_card_number"),
        from_date=_moment(values["from_date"]) if "from_date" in values else None,
        to_date=_moment(values["to_date"]) if "to_date" in values else None,
        page=int(values.get("page", "1")),
        display_size=int(values.get("display_size", DISPLAY_SIZE_MAX)),
    )


def results_body(found: Found, query: Query, given: Mapping[str, str], addresses: Addresses) -> Json:
    """Return a page of results with the links that lead on; absent links are left out."""
    filters = {name: value for name, value in given.items() if value and name in RULES and name not in {"page", "display_size"}}
    last = max(1, -(-found.total // query.display_size))

    def link(page: int) -> Json:
        wanted = urlencode(filters | {"page": str(page), "display_size": str(query.display_size)})
        return {"href": f"{addresses.api}/v1/payments?{wanted}"}

    links = {"self": link(query.page), "first_page": link(1), "last_page": link(last)}
    if query.page > 1:
        links["prev_page"] = link(query.page - 1)
    if query.page < last:
        links["next_page"] = link(query.page + 1)
    results = [payment_body(payment) | {"_links": search_links(payment, addresses)} for payment in found.payments]
    return {"total": found.total, "count": len(results), "page": query.page, "results": results, "_links": links}
