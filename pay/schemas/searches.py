"""The queries of searches, and a page of results.  Spec: pay-api.md §10, §11, §12."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from pay.errors import InvalidSearch, UnexpectedAttribute
from pay.operations.agreements import AgreementQuery
from pay.operations.disputes import DisputeQuery
from pay.operations.searches import DISPLAY_SIZE_MAX, Query
from pay.standards.agreement_states import AgreementState
from pay.standards.cards import BRANDS
from pay.standards.dispute_states import DisputeState
from pay.standards.payment_object import Json

STATUSES = ("created", "started", "submitted", "capturable", "success", "failed", "cancelled", "error")
Rule = Callable[[str], bool]
_METADATA = re.compile(r"metadata\[(.{1,30})\]")
_METADATA_MAX = 5


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and "T" in (text or "") else None


def _day(text: str | None) -> date | None:
    if text is None or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str, most: int) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is not None and 1 <= int(text) <= most


def _is_moment(text: str) -> bool:
    return _moment(text) is not None


def _is_day(text: str) -> bool:
    return _day(text) is not None


def _text(longest: int) -> Rule:
    return lambda value: len(value) <= longest and "\0" not in value


def _digits(count: int) -> Rule:
    return lambda value: re.fullmatch(rf"[0-9]{{{count}}}", value, re.ASCII) is not None


_PAGES: dict[str, Rule] = {"page": lambda value: _number(value, 10**8), "display_size": lambda value: _number(value, DISPLAY_SIZE_MAX)}
_DATES: dict[str, Rule] = {"from_date": _is_moment, "to_date": _is_moment}
_SETTLED: dict[str, Rule] = {"from_settled_date": _is_day, "to_settled_date": _is_day}

# In the order in which the refusal names them.
PAYMENTS: dict[str, Rule] = {
    "state": lambda value: value in STATUSES,
    "reference": _text(255),
    "email": _text(254),
    "card_brand": lambda value: value.lower() in BRANDS,
    **_DATES,
    **_PAGES,
    "first_digits_card_number": _digits(6),
    "last_digits_card_number": _digits(4),
    **_SETTLED,
    "cardholder_name": _text(255),
    "agreement_id": lambda value: len(value) == 26 and "\0" not in value,
}
REFUNDS: dict[str, Rule] = {**_DATES, **_PAGES, **_SETTLED}
DISPUTES: dict[str, Rule] = {**_DATES, **_SETTLED, "status": lambda value: value in set(DisputeState), **_PAGES}
AGREEMENTS: dict[str, Rule] = {"reference": _text(255), "status": lambda value: value in set(AgreementState), **_PAGES}


def _checked(given: Mapping[str, str], rules: Mapping[str, Rule], code: str) -> dict[str, str]:
    """Return the parameters that say something; empty ones are as absent.  Raises: InvalidSearch naming every bad one."""
    values = {name: value for name, value in given.items() if value}
    bad = [name for name, is_valid in rules.items() if name in values and not is_valid(values[name])]
    if bad:
        raise InvalidSearch(code, f"Invalid parameters: {', '.join(bad)}. See Public API documentation for the correct data formats")
    return values


def _metadata(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what is asked of metadata: `metadata[key]=value`, our extension.  Raises: InvalidSearch.  Spec: §25."""
    found = tuple((match[1], value) for name, value in values.items() if (match := _METADATA.fullmatch(name)))
    if len(found) > _METADATA_MAX or any("\0" in key + value or len(value) > 100 for key, value in found):
        raise InvalidSearch("P0401", "Invalid parameters: metadata. See Public API documentation for the correct data formats")
    return found


def asked(given: Mapping[str, str], rules: Mapping[str, Rule] = PAYMENTS) -> dict[str, str]:
    """Return the parameters that a search knows, as the links of its pages repeat them; others are ignored."""
    return {name: value for name, value in given.items() if name in rules or (rules is PAYMENTS and _METADATA.fullmatch(name))}


def read_query(given: Mapping[str, str], rules: Mapping[str, Rule] = PAYMENTS, code: str = "P0401") -> Query:
    """Return what to look for.  Raises: InvalidSearch naming every bad parameter."""
    values = _checked(given, rules, code)
    brand = values.get("card_brand")
    return Query(
        reference=values.get("reference"),
        status=values.get("state"),
        card_brand=BRANDS[brand.lower()].label if brand else None,
        first_digits=values.get("first_digits_card_number"),
        last_digits=values.get("last_digits_card_number"),
        from_date=_moment(values.get("from_date")),
        to_date=_moment(values.get("to_date")),
        from_settled=_day(values.get("from_settled_date")),
        to_settled=_day(values.get("to_settled_date")),
        agreement_id=values.get("agreement_id"),
        email=values.get("email"),
        cardholder_name=values.get("cardholder_name"),
        metadata=_metadata(values),
        page=int(values.get("page", "1")),
        display_size=int(values.get("display_size", DISPLAY_SIZE_MAX)),
    )


def read_dispute_query(given: Mapping[str, str]) -> DisputeQuery:
    """Return what to look for.  Raises: InvalidSearch naming every bad parameter."""
    values = _checked(given, DISPUTES, "P0401")
    return DisputeQuery(
        from_date=_moment(values.get("from_date")),
        to_date=_moment(values.get("to_date")),
        from_settled=_day(values.get("from_settled_date")),
        to_settled=_day(values.get("to_settled_date")),
        status=values.get("status"),
        page=int(values.get("page", "1")),
        display_size=int(values.get("display_size", DISPLAY_SIZE_MAX)),
    )


def read_agreement_query(given: Mapping[str, str]) -> AgreementQuery:
    """Return what to look for.  Raises: UnexpectedAttribute for a parameter that is not known, InvalidSearch.  Spec: §12."""
    unknown = sorted(set(given) - set(AGREEMENTS))
    if unknown:
        text = f"Invalid parameters: {', '.join(unknown)}. See Public API documentation for the correct data formats"
        raise UnexpectedAttribute("P2401", text)
    values = _checked(given, AGREEMENTS, "P2401")
    size = int(values.get("display_size", DISPLAY_SIZE_MAX))
    return AgreementQuery(values.get("reference"), values.get("status"), int(values.get("page", "1")), size)


@dataclass(frozen=True)
class ResultsPage:
    """Where a page of results stands: the address of the search, how many there are, which page of which size."""

    path: str
    total: int
    number: int
    size: int


def results_body(page: ResultsPage, results: Sequence[Json], given: Mapping[str, str]) -> Json:
    """Return a page of results with the links that lead on; they repeat what was asked, and absent links are left out."""
    filters = {name: value for name, value in given.items() if value and name not in {"page", "display_size"}}
    last = max(1, -(-page.total // page.size))

    def link(number: int) -> Json:
        return {"href": f"{page.path}?{urlencode(filters | {'page': str(number), 'display_size': str(page.size)})}"}

    links = {"self": link(page.number), "first_page": link(1), "last_page": link(last)}
    if page.number > 1:
        links["prev_page"] = link(page.number - 1)
    if page.number < last:
        links["next_page"] = link(page.number + 1)
    return {"total": page.total, "count": len(results), "page": page.number, "results": list(results), "_links": links}
