"""What staff type into the console."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from babel.numbers import get_currency_precision

from pay.schemas.searches import STATUSES
from shared.web import gettext

PAGE_SIZE = 50
REFERENCE_MAX = 255
AMOUNT_MAX = 10**12
PARTNER_NAME_MAX = 100


@dataclass(frozen=True)
class Search:
    """Filters that are right, those that are not with what to do, and the page that is asked for."""

    values: dict[str, str]
    page: int
    typed: Mapping[str, str]
    faults: list[tuple[str, str]] = field(default_factory=list)

    def address(self, **changes: object) -> str:
        """Return the filters as a query, with changes."""
        return urlencode({name: value for name, value in {**self.values, **changes}.items() if value})


def read_search(args: Mapping[str, str]) -> Search:
    """Read the filters of an address."""
    values: dict[str, str] = {}
    faults: list[tuple[str, str]] = []
    reference = args.get("reference", "").strip()
    if reference and "\0" not in reference:
        values["reference"] = reference[:REFERENCE_MAX]
    if args.get("state") in STATUSES:
        values["state"] = args["state"]
    for name in ("from", "to"):
        text = args.get(name, "").strip()
        if text and is_day(text):
            values[name] = text
        elif text:
            faults.append((name, gettext("Type the day like this: 2026-11-30.")))
    page = args.get("page", "1")
    return Search(values, int(page) if re.fullmatch("[1-9][0-9]{0,6}", page) else 1, args, faults)


@dataclass(frozen=True)
class PartnerForm:
    """What a partner is called and how much it takes at once (None: any amount), as typed, and what is wrong."""

    name: str = ""
    max_amount_minor: int | None = None
    typed_amount: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_partner(form: Mapping[str, str], currency: str) -> PartnerForm:
    """Read the form of a partner."""
    name, typed = " ".join(form.get("name", "").replace("\0", "").split())[:PARTNER_NAME_MAX], form.get("max_amount", "").strip()[:30]
    amount = read_amount(typed, currency) if typed else None
    faults = []
    if not name:
        faults.append(("name", gettext("Say what the partner is called.")))
    if typed and not amount:
        faults.append(("max_amount", gettext("Type an amount, or leave this empty.")))
    return PartnerForm(name, amount, typed, faults)


def is_day(text: str) -> bool:
    """Answer whether a text is a day such as 2026-11-30."""
    try:
        return len(text) == 10 and 2000 <= date.fromisoformat(text).year < 2100
    except ValueError:
        return False


def read_amount(text: str, currency: str) -> int | None:
    """Return an amount in minor units: `14.500` for pesos, `50.50` where there are decimals; None when it is none."""
    plain = re.sub(r"[\s$£€]", "", text)
    digits = get_currency_precision(currency)
    if digits == 0:
        if not re.fullmatch(r"[0-9]{1,3}(?:[.,][0-9]{3})+|[0-9]{1,13}", plain):
            return None
        return _at_most(int(re.sub(r"[.,]", "", plain)))
    if not re.fullmatch(rf"[0-9]{{1,13}}(?:[.,][0-9]{{1,{digits}}})?", plain):
        return None
    try:
        return _at_most(int(Decimal(plain.replace(",", ".")).scaleb(digits)))
    except InvalidOperation:
        return None


def plain_amount(amount_minor: int, currency: str) -> str:
    """Return an amount as somebody would type it."""
    return str(Decimal(amount_minor).scaleb(-get_currency_precision(currency)))


def _at_most(amount: int) -> int | None:
    return amount if amount <= AMOUNT_MAX else None
