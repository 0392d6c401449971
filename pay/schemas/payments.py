"""The body of POST /v1/payments, checked in the order of the contract: the first fault answers.

Spec: pay-api.md §5.1 (fields), §5.2 (order and words), §5.3 (business checks).
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from pay.errors import AttributeOutOfRange, FeatureNotEnabled, InvalidAttribute, UnexpectedAttribute
from pay.models.account import Account
from pay.operations.payments import AMOUNT_OF_RULE, NewPayment
from pay.providers.sandbox import SandboxGateway
from pay.schemas.allocations import check_sum, read_allocations
from pay.schemas.bodies import Body
from pay.schemas.fees import FIELD, read_fee
from pay.schemas.methods import FIELD as METHODS_FIELD
from pay.schemas.methods import read_later, read_methods
from pay.schemas.rules import MAX_TEXT, check_length, check_metadata, check_plain_text, is_integer, missing, out_of_range, wrong_type
from pay.standards.link_reference import holds_real_card_number
from pay.standards.payment_object import Address, Payer

AMOUNT_DOCS = "https://docs.payments.service.gov.uk/making_payments/#amount"
LANGUAGES = ("en", "cy", "es")
MODES = ("web", "moto_api", "agreement")
PAYMENT_TYPES = ("instalment", "recurring", "unscheduled")
SOURCES = ("CARD_PAYMENT_LINK", "CARD_AGENT_INITIATED_MOTO")
ID_LENGTH, EMAIL_MAX, URL_MAX, POSTCODE_MAX = 26, 254, 2000, 25
_ADDRESS = ("line1", "line2", "city", "postcode", "country")

Check = Callable[[Body], None]


def _amount_type(body: Body) -> None:
    if body.get("amount") is None and FIELD in body:
        return
    if body.get("amount") is None:
        raise missing("amount")
    if not is_integer(body.get("amount")):
        raise wrong_type("amount", "Must be a valid numeric format")


def _plain(field: str) -> Check:
    return lambda body: check_plain_text(field, body.get(field))


def _typed(field: str, kind: type, message: str) -> Check:
    def check(body: Body) -> None:
        if field in body and not isinstance(body[field], kind):
            raise wrong_type(field, message)

    return check


def _one_of(field: str, values: tuple[str, ...], message: str) -> Check:
    def check(body: Body) -> None:
        if field not in body:
            return
        value = body[field]
        if not isinstance(value, str) or not value.strip():
            raise wrong_type(field, message)
        if value not in values:
            raise out_of_range(field, message)

    return check


def _details(body: Body) -> tuple[Body, Body]:
    """Return the prefilled details and the address in them, empty where absent."""
    details = body.get("prefilled_cardholder_details")
    details = details if isinstance(details, dict) else {}
    address = details.get("billing_address")
    return details, address if isinstance(address, dict) else {}


def _details_type(body: Body) -> None:
    if not isinstance(body.get("prefilled_cardholder_details", {}), dict):
        raise wrong_type("prefilled_cardholder_details", "Must be a JSON object")
    details, address = _details(body)
    if not isinstance(details.get("cardholder_name", ""), str):
        raise wrong_type("cardholder_name", "Field must be a string")
    if not isinstance(details.get("billing_address", {}), dict):
        raise wrong_type("billing_address", "Must be a JSON object")
    for name in ("line1", "line2", "city", "postcode", "country"):
        if not isinstance(address.get(name, ""), str):
            raise wrong_type(name, "Field must be a string")


def _metadata_rules(body: Body) -> None:
    if "metadata" in body:
        check_metadata(body["metadata"])


def _source_type(body: Body) -> None:
    if "internal" not in body:
        return
    internal = body["internal"]
    source = internal.get("source") if isinstance(internal, dict) else internal
    if source is None:
        return
    message = "Accepted values are only CARD_PAYMENT_LINK, CARD_AGENT_INITIATED_MOTO"
    if not isinstance(source, str):
        raise wrong_type("source", message)
    if source not in SOURCES:
        raise out_of_range("source", message)


# Step 2 of §5.2: type and presence, in this order.
TYPES: tuple[Check, ...] = (
    _amount_type,
    _plain("reference"),
    _plain("description"),
    _typed("return_url", str, "Must be a valid URL format"),
    _typed("moto", bool, "Must be true or false"),
    _typed("set_up_agreement", str, "Must be a valid string format"),
    _one_of("authorisation_mode", MODES, "Must be one of web, moto_api, agreement"),
    _typed("agreement_id", str, "Must be a valid string format"),
    _one_of("agreement_payment_type", PAYMENT_TYPES, "Must be one of instalment, recurring, unscheduled"),
    _one_of("language", LANGUAGES, 'Must be "en" or "cy"'),
    _typed("delayed_capture", bool, "Must be true or false"),
    _typed("email", str, "Field must be a string"),
    _details_type,
    _metadata_rules,
    _source_type,
)


def _amount_range(body: Body, account: Account) -> None:
    amount = body.get("amount")
    if FIELD in body and amount is None:
        return
    if not isinstance(amount, int):
        raise wrong_type("amount", "Must be a valid numeric format")
    if amount < 0:
        raise out_of_range("amount", "Must be greater than or equal to 1")
    if amount == 0 and not account.allow_zero_amount and FIELD not in body:
        raise out_of_range("amount", f"Must be greater than or equal to 1. Refer to {AMOUNT_DOCS}")
    if amount > account.max_amount_minor:
        raise out_of_range("amount", f"Must be less than or equal to {account.max_amount_minor}")


def is_web_url(value: str) -> bool:
    """True for an absolute http or https address with a host, without blanks or control characters."""
    if any(character.isspace() or not character.isprintable() or character in '<>"\\^`{|}' for character in value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _ranges(body: Body, account: Account) -> None:
    """Step 3 of §5.2: ranges and lengths, in the same order."""
    _amount_range(body, account)
    check_length("reference", body["reference"], MAX_TEXT)
    check_length("description", body["description"], MAX_TEXT)
    url = body.get("return_url")
    if isinstance(url, str):
        check_length("return_url", url, URL_MAX)
        if not is_web_url(url):
            raise out_of_range("return_url", "Must be a valid URL format")
    for field in ("set_up_agreement", "agreement_id"):
        value = body.get(field)
        if isinstance(value, str) and len(value) != ID_LENGTH:
            raise out_of_range(field, f"Field [{field}] length must be {ID_LENGTH}")
    check_length("email", body.get("email"), EMAIL_MAX)
    details, address = _details(body)
    check_length("cardholder_name", details.get("cardholder_name"), MAX_TEXT)
    for name in ("line1", "line2", "city"):
        check_length(name, address.get(name), MAX_TEXT)
    check_length("postcode", address.get("postcode"), POSTCODE_MAX)


def _unexpected(field: str) -> UnexpectedAttribute:
    return UnexpectedAttribute("P0104", f"Unexpected attribute: {field}", field=field)


def _business(body: Body, account: Account, contact: str) -> None:
    """Step 4 of §5.2: the table of §5.3 as far as it does not need the account's other objects."""
    mode = body.get("authorisation_mode", "web")
    url = body.get("return_url")
    if mode == "web":
        if url is None:
            raise missing("return_url", named=False)
        if account.is_live and not str(url).startswith("https://"):
            text = "Invalid attribute value: return_url. Must begin with https:// for a live gateway account"
            raise AttributeOutOfRange("P0920", text, field="return_url")
    elif url is not None:
        raise _unexpected("return_url")
    if body.get("moto") is True and mode != "agreement" and not account.allow_moto:
        text = "MOTO payments are not enabled for this account. Please contact support if you would like to process MOTO payments"
        raise FeatureNotEnabled("P0196", f"{text} - {contact} .")
    if mode == "moto_api" and not (account.allow_moto_api and account.gateway == SandboxGateway.name and not account.is_live):
        raise FeatureNotEnabled("P0195", "Using authorisation_mode of moto_api is not allowed for this account")
    if FIELD in body and (mode != "web" or "allocations" in body):
        raise _unexpected(FIELD)
    if body.get(METHODS_FIELD) is not None and mode != "web":
        raise _unexpected(METHODS_FIELD)
    _agreement(body, str(mode))
    internal = body.get("internal")
    is_typed_by_payer = isinstance(internal, dict) and internal.get("source") == SOURCES[0]
    if is_typed_by_payer and holds_real_card_number(str(body["reference"])):
        raise InvalidAttribute("P0105", "Card number entered in a payment link reference", field="reference")


def _agreement(body: Body, mode: str) -> None:
    """Which members go with which mode; whether the agreement is there, the operation looks."""
    if mode == "agreement":
        if "agreement_id" not in body:
            raise missing("agreement_id")
        for field in ("moto", "email", "prefilled_cardholder_details"):
            if body.get(field):
                raise _unexpected(field)
    elif "agreement_id" in body:
        raise _unexpected("agreement_id")
    if "set_up_agreement" in body and mode != "web":
        raise _unexpected("set_up_agreement")
    if mode != "agreement" and "set_up_agreement" not in body and "agreement_payment_type" in body:
        raise _unexpected("agreement_payment_type")


def read_new_payment(body: Body, account: Account, *, contact: str) -> NewPayment:
    """Return what the caller asks for.

    Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange, UnexpectedAttribute, FeatureNotEnabled.
    """
    for check in TYPES:
        check(body)
    fee = read_fee(body)
    allocations, methods = read_allocations(body), read_methods(body)
    later = read_later(body, methods)
    _ranges(body, account)
    check_sum(allocations, body.get("amount"))
    _business(body, account, contact)
    amount = body.get("amount")
    agreement = body.get("agreement_id", body.get("set_up_agreement"))
    return NewPayment(
        amount_minor=amount if isinstance(amount, int) else AMOUNT_OF_RULE,
        reference=str(body["reference"]),
        description=str(body["description"]),
        return_url=_text(body, "return_url"),
        language=_text(body, "language"),
        delayed_capture=body.get("delayed_capture") is True,
        moto=body.get("moto") is True,
        metadata=check_metadata(body["metadata"]) if "metadata" in body else None,
        payer=_payer(body),
        mode=_text(body, "authorisation_mode") or "web",
        agreement_id=agreement if isinstance(agreement, str) else None,
        agreement_payment_type=_text(body, "agreement_payment_type"),
        allocations=allocations,
        fee=fee,
        methods=methods,
        later=later,
    )


def _text(body: Body, name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _payer(body: Body) -> Payer:
    details, address = _details(body)
    parts = {name: str(address.get(name, "")) for name in _ADDRESS}
    if len(parts["country"]) != 2:
        parts["country"] = ""  # another length is silently dropped: §5.1
    parts["country"] = parts["country"].upper()
    known = Address(**parts) if any(parts.values()) else None
    return Payer(str(body.get("email", "")), str(details.get("cardholder_name", "")), known)
