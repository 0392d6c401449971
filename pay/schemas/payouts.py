"""Orders of pay-outs, from the API and from the console's form.  Spec: requirements PA-8, PA-9; pay-api.md §25."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pay.errors import MissingAttribute
from pay.models.account import Account
from pay.models.payout import Payee
from pay.operations.idempotency import IdempotencyKey
from pay.operations.payouts import NewPayout
from pay.operations.searches import DISPLAY_SIZE_MAX
from pay.schemas.bodies import Body
from pay.schemas.console import read_amount
from pay.schemas.headers import HEADER, read_idempotency_key
from pay.schemas.rules import check_length, check_plain_text, is_integer, missing, out_of_range, wrong_type
from pay.standards.credit_transfers import BankAccount
from pay.standards.payout_states import PayoutMethod, PayoutState
from pay.standards.run_number import read_run
from shared.web import gettext

NAME_MAX, DESCRIPTION_MAX, REFERENCE_MAX, EMAIL_MAX = 140, 140, 255, 254
ACCOUNT_KINDS = ("checking", "sight", "savings")
_BANK = re.compile(r"[0-9]{3}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{4,20}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def read_new_payout(body: Body, account: Account) -> NewPayout:
    """Return what is ordered.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange."""
    amount = body.get("amount")
    if amount is None:
        raise missing("amount")
    if not isinstance(amount, int) or not is_integer(amount):
        raise wrong_type("amount", "Must be a valid numeric format")
    if not 1 <= amount <= account.max_amount_minor:
        raise out_of_range("amount", f"Must be between 1 and {account.max_amount_minor}")
    for name, longest in (("reference", REFERENCE_MAX), ("description", DESCRIPTION_MAX)):
        check_plain_text(name, body.get(name))
        check_length(name, body.get(name), longest)
    method = body.get("method")
    if method is None:
        raise missing("method")
    if method not in set(PayoutMethod):
        raise out_of_range("method", "Must be one of transfer, cash")
    payee = body.get("payee")
    if payee is None:
        raise missing("payee")
    if not isinstance(payee, dict):
        raise wrong_type("payee", "Must be a JSON object")
    return NewPayout(
        amount, str(body["reference"]), str(body["description"]), PayoutMethod(str(method)), _payee(payee, PayoutMethod(str(method)))
    )


def _is_email(text: str) -> bool:
    return len(text) <= EMAIL_MAX and _EMAIL.fullmatch(text) is not None


def _payee(body: Body, method: PayoutMethod) -> Payee:
    check_plain_text("name", body.get("name"))
    check_length("name", body.get("name"), NAME_MAX)
    identifier = read_run(str(body["identifier"])) if isinstance(body.get("identifier"), str) else None
    if body.get("identifier") is None:
        raise missing("identifier")
    if identifier is None:
        raise out_of_range("identifier", "Must be a RUN with its check digit")
    email = body.get("email", "")
    if not isinstance(email, str) or (email and not _is_email(email)):
        raise out_of_range("email", "Must be an e-mail address")
    account = body.get("account")
    if method is PayoutMethod.TRANSFER:
        if not isinstance(account, dict):
            raise missing("account") if account is None else wrong_type("account", "Must be a JSON object")
        return Payee(str(body["name"]), identifier, email, _account(account))
    return Payee(str(body["name"]), identifier, email)


def _account(body: Body) -> BankAccount:
    bank, kind, number = body.get("bank"), body.get("type"), body.get("number")
    for name, value in (("bank", bank), ("type", kind), ("number", number)):
        if value is None:
            raise missing(name)
    if not isinstance(bank, str) or not _BANK.fullmatch(bank):
        raise out_of_range("bank", "Must be the three digits of the bank")
    if kind not in ACCOUNT_KINDS:
        raise out_of_range("type", "Must be one of checking, sight, savings")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise out_of_range("number", "Must be 4 to 20 digits")
    return BankAccount(bank, str(kind), number)


def require_key(value: str | None, body: Body) -> IdempotencyKey:
    """Return the caller's key; money that goes out never goes without one.  Raises: MissingAttribute, AttributeOutOfRange."""
    key = read_idempotency_key(value, body)
    if key is None:
        raise MissingAttribute("P0101", f"Missing mandatory header: {HEADER}", header=HEADER)
    return key


@dataclass(frozen=True)
class PayoutForm:
    """What staff typed: an order where it is right, else what to do about each field."""

    order: NewPayout | None
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_payout_form(form: Mapping[str, str], account: Account, *, at_most: int | None = None) -> PayoutForm:
    """Read the console's form; `at_most` is what is left of a payment that is given back."""
    typed = {name: form.get(name, "").strip() for name in ("amount", "reference", "description", "method", "name", "run", "bank", "type")}
    number, email = re.sub(r"[\s.-]", "", form.get("number", "")), form.get("email", "").strip()
    amount, run = read_amount(typed["amount"], account.currency), read_run(typed["run"])
    most = account.max_amount_minor if at_most is None else min(at_most, account.max_amount_minor)
    is_transfer = typed["method"] == PayoutMethod.TRANSFER
    checks = (
        ("amount", amount is not None and 1 <= amount <= most, gettext("Type an amount that is not more than what may be paid.")),
        ("reference", 0 < len(typed["reference"]) <= REFERENCE_MAX, gettext("Type a reference by which you find it again.")),
        ("description", 0 < len(typed["description"]) <= DESCRIPTION_MAX, gettext("Say what it is for, in up to 140 characters.")),
        ("name", 0 < len(typed["name"]) <= NAME_MAX, gettext("Type the name of the person.")),
        ("run", run is not None, gettext("The RUN is not correct. Check the digit after the hyphen.")),
        (
            "email",
            not email or (len(email) <= EMAIL_MAX and _EMAIL.fullmatch(email)),
            gettext("Type the address in full, or leave it empty."),
        ),
        ("method", typed["method"] in set(PayoutMethod), gettext("Choose how the person gets the money.")),
        ("bank", not is_transfer or _BANK.fullmatch(typed["bank"]), gettext("Type the three digits of the bank.")),
        ("type", not is_transfer or typed["type"] in ACCOUNT_KINDS, gettext("Choose the kind of account.")),
        ("number", not is_transfer or _NUMBER.fullmatch(number), gettext("Type the account number: 4 to 20 digits.")),
    )
    faults = [(name, text) for name, is_right, text in checks if not is_right]
    if faults or amount is None or run is None:
        return PayoutForm(None, faults)
    bank = BankAccount(typed["bank"], typed["type"], number) if is_transfer else None
    payee = Payee(typed["name"], run, email, bank)
    return PayoutForm(NewPayout(amount, typed["reference"], typed["description"], PayoutMethod(typed["method"]), payee))


STATES = tuple(state.value for state in PayoutState)
SEARCH: dict[str, Callable[[str], bool]] = {
    "state": lambda value: value in STATES,
    "reference": lambda value: len(value) <= REFERENCE_MAX and "\0" not in value,
    "page": lambda value: _number(value, 10**8),
    "display_size": lambda value: _number(value, DISPLAY_SIZE_MAX),
}
"""What a search of pay-outs may say, in the order in which the refusal names it."""


def _number(text: str, most: int) -> bool:
    return re.fullmatch("[0-9]{1,9}", text, re.ASCII) is not None and 1 <= int(text) <= most
