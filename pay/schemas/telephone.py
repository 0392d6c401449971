"""The bodies of POST /v1/auth and POST /v1/payment_notification.  Spec: pay-api.md §13, §14."""

import re
from collections.abc import Callable

from pay.models.account import Account
from pay.operations.payments import NewPayment
from pay.operations.telephone import EXTERNAL, Report
from pay.providers.base import CardDetails, CardNumber
from pay.schemas.bodies import Body
from pay.schemas.rules import MAX_TEXT, check_length, check_plain_text, is_integer, missing, out_of_range, wrong_type
from pay.standards.cards import BRANDS
from pay.standards.payment_object import CardFacts, Payer

AUTH_FIELDS = ("one_time_token", "card_number", "cvc", "expiry_date", "cardholder_name")
_FORMS = {
    "card_number": (re.compile(r"[0-9]{12,19}", re.ASCII), "Must be between 12 and 19 digits long"),
    "cvc": (re.compile(r"[0-9]{3,4}", re.ASCII), "Must contain between 3 and 4 characters"),
    "expiry_date": (re.compile(r"(0[1-9]|1[0-2])/[0-9]{2}", re.ASCII), "Must be a valid date with the format MM/YY"),
}
_OUTCOMES = ("success", "failed")
_CODES = ("P0010", "P0030", "P0050")
_CARD_TYPES = ("visa", "master-card", "maestro", "american-express", "diners-club", "jcb")
_TEXTS = (
    "auth_code",
    "card_type",
    "name_on_card",
    "email_address",
    "card_expiry",
    "first_six_digits",
    "last_four_digits",
    "telephone_number",
)


def read_authorisation(body: Body) -> tuple[str, CardDetails]:
    """Return the one-time token and the card; what was sent is never repeated in a refusal.  Raises: AttributeOutOfRange.  Spec: §13."""
    values: dict[str, str] = {}
    for name in AUTH_FIELDS:
        value = body.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            problem = out_of_range(name, "", code="P0101")
            problem.description = f"Missing mandatory attribute: {name}"
            raise problem
        if not isinstance(value, str):
            raise out_of_range(name, "Must be of type String")
        values[name] = value
    for name, (form, message) in _FORMS.items():
        if form.fullmatch(values[name]) is None:
            raise out_of_range(name, message)
    check_length("cardholder_name", values["cardholder_name"], MAX_TEXT)
    month, year = values["expiry_date"].split("/")
    card = CardDetails(CardNumber(values["card_number"]), values["cvc"], int(month), 2000 + int(year), values["cardholder_name"])
    return values["one_time_token"], card


def read_report(body: Body, account: Account) -> Report:
    """Return what an external telephone service reports.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange.  Spec: §14."""
    amount = body.get("amount")
    if amount is None:
        raise missing("amount")
    if not isinstance(amount, int) or not is_integer(amount):
        raise wrong_type("amount", "Must be a valid numeric format")
    for name in ("reference", "description", "processor_id", "provider_id"):
        check_plain_text(name, body.get(name))
    failure = _outcome(body)
    texts = _texts(body)
    if not 1 <= amount <= account.max_amount_minor:
        raise out_of_range("amount", f"Must be between 1 and {account.max_amount_minor}")
    for name in ("reference", "description"):
        check_length(name, body[name], MAX_TEXT)
    for name in ("processor_id", "provider_id"):
        check_length(name, body[name], 100)
    order = NewPayment(
        amount_minor=amount,
        reference=str(body["reference"]),
        description=str(body["description"]),
        return_url=None,
        payer=Payer(texts.get("email_address", ""), texts.get("name_on_card", "")),
        mode=EXTERNAL,
    )
    facts = {name: value for name, value in texts.items() if name in {"auth_code", "telephone_number"}}
    return Report(order, str(body["provider_id"]), str(body["processor_id"]), failure, _card(texts), facts)


def _outcome(body: Body) -> str | None:
    """Return the state code of a payment that failed, None for one that was taken."""
    outcome = body.get("payment_outcome")
    if outcome is None:
        raise missing("payment_outcome")
    if not isinstance(outcome, dict):
        raise wrong_type("payment_outcome", "Must be a JSON object")
    status, code = outcome.get("status"), outcome.get("code")
    if status not in _OUTCOMES:
        raise out_of_range("payment_outcome", "Must include a valid status and error code")
    if status == "success" and code is None:
        return None
    if status == "success" or code not in _CODES:
        raise out_of_range("payment_outcome", "Must include a valid status and error code")
    return str(code)


def _texts(body: Body) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _TEXTS:
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise wrong_type(name, "Must be a valid string format")
        found[name] = value
    rules: tuple[tuple[str, Callable[[str], bool], str], ...] = (
        ("card_type", lambda value: value in _CARD_TYPES, f"Must be one of {', '.join(_CARD_TYPES)}"),
        ("card_expiry", lambda value: _FORMS["expiry_date"][0].fullmatch(value) is not None, "Must have the format MM/YY"),
        ("first_six_digits", lambda value: re.fullmatch(r"[0-9]{6}", value, re.ASCII) is not None, "Must be exactly 6 digits"),
        ("last_four_digits", lambda value: re.fullmatch(r"[0-9]{4}", value, re.ASCII) is not None, "Must be exactly 4 digits"),
        ("email_address", lambda value: len(value) <= 254, "Must be less than or equal to 254 characters length"),
        ("name_on_card", lambda value: len(value) <= MAX_TEXT, f"Must be less than or equal to {MAX_TEXT} characters length"),
        ("auth_code", lambda value: len(value) <= 100, "Must be less than or equal to 100 characters length"),
        ("telephone_number", lambda value: len(value) <= 50, "Must be less than or equal to 50 characters length"),
    )
    for name, is_valid, message in rules:
        if name in found and not is_valid(found[name]):
            raise out_of_range(name, message)
    return found


def _card(texts: dict[str, str]) -> CardFacts | None:
    brand = BRANDS.get(texts.get("card_type", ""))
    if brand is None:
        return None
    digits = texts.get("first_six_digits", ""), texts.get("last_four_digits", "")
    return CardFacts(brand.label, digits[0], digits[1], texts.get("card_expiry", ""), None)
