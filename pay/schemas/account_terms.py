"""What an operator types about an account, and an office about its mall.  Spec: pay-api.md §16, §20, §21, §23; pay-design.md §7.1."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pay.models.account import Account
from pay.operations.account_desk import Terms
from pay.schemas.console import plain_amount, read_amount
from pay.standards.ledger import SURCHARGE
from shared.web import gettext

ATTEMPTS_MAX, CALLS_MAX, CHILDREN_MAX, BODY_MAX = 20, 10_000, 50, 100
EMAIL_COLLECTION, LANGUAGES = ("MANDATORY", "OPTIONAL", "OFF"), ("es", "en")
Faults = list[tuple[str, str]]
_CODE = re.compile(r"[0-9]{12}", re.ASCII)


@dataclass(frozen=True)
class TermsForm:
    """The terms where all is right, and what is wrong."""

    terms: Terms | None
    faults: Faults


def read_terms(form: Mapping[str, str], currency: str) -> TermsForm:
    """Read the form of an account's terms."""
    faults: Faults = []
    amount = read_amount(form.get("max_amount", ""), currency)
    if not amount:
        faults.append(("max_amount", gettext("Type an amount.")))
    numbers: dict[str, int] = {}
    for name, most in (("attempts_max", ATTEMPTS_MAX), ("posts_per_second", CALLS_MAX), ("others_per_second", CALLS_MAX)):
        typed = form.get(name, "").strip()
        numbers[name] = int(typed) if re.fullmatch("[0-9]{1,5}", typed, re.ASCII) else 0
        if not 1 <= numbers[name] <= most:
            faults.append((name, gettext("Type a number from 1 to %(n)s.", n=most)))
    email, language = form.get("email_collection", ""), form.get("language", "")
    if email not in EMAIL_COLLECTION:
        faults.append(("email_collection", gettext("Choose one.")))
    if language not in LANGUAGES:
        faults.append(("language", gettext("Choose one.")))
    if faults or not amount:
        return TermsForm(None, faults)
    attempts, posts, others = numbers.values()
    return TermsForm(Terms(amount, attempts, posts, others, email, language), [])


def typed_terms(account: Account) -> dict[str, str]:
    """Return an account's terms as they would be typed."""
    names = ("attempts_max", "posts_per_second", "others_per_second", "email_collection", "language")
    return {name: str(getattr(account, name)) for name in names} | {"max_amount": plain_amount(account.max_amount_minor, account.currency)}


def read_children(form: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the commerce codes of a mall's bodies, from lines such as `org-a 597055555536`, and what is wrong."""
    children: dict[str, str] = {}
    for line in form.get("children", "").replace("\0", "").splitlines():
        if not line.strip():
            continue
        body, _, code = line.strip().replace("=", " ").partition(" ")
        if not _CODE.fullmatch(code.strip()) or len(body) > BODY_MAX or body == SURCHARGE or ":" in body:
            return {}, gettext("Type a body and its code of 12 digits on each line, with a space between.")
        if body in children or code.strip() in children.values():
            return {}, gettext("Type each body and each code once.")
        children[body] = code.strip()
    if len(children) > CHILDREN_MAX:
        return {}, gettext("Type at most %(n)s lines.", n=CHILDREN_MAX)
    return children, ""
