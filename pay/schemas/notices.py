"""The bodies of /v1/notices, and notices as they go out.  Spec: pay-api.md §25 (payer, expires_at), pay-design.md §6, §8."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from pay.models.account import Account
from pay.operations.notices import Instalment, NewDebt, Slip
from pay.operations.payments import NewPayment
from pay.schemas.bodies import Body
from pay.schemas.methods import read_debtor
from pay.schemas.rules import check_length, check_metadata, check_plain_text, is_email, is_integer, missing, out_of_range, wrong_type
from pay.standards.payment_object import Addresses, Json, Payer, iso_milliseconds, state_body
from shared.clock import ZONE

INSTALMENTS_MAX = 36
DESCRIPTION_MAX = 255
DUE_DAYS_MAX = 5 * 366
BATCH_MAX = 500
LANGUAGES = ("es", "en")


def read_new_debt(body: Body, account: Account, today: date) -> NewDebt:
    """Return what is owed.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange."""
    for field in ("reference", "description"):
        check_plain_text(field, body.get(field))
        check_length(field, body.get(field), DESCRIPTION_MAX)
    language = body.get("language", account.language)
    if language not in LANGUAGES:
        raise out_of_range("language", 'Must be "es" or "en"')
    instalments = _read_instalments(body, account, today)
    order = NewPayment(
        amount_minor=sum(part.amount_minor for part in instalments),
        reference=str(body["reference"]),
        description=str(body["description"]),
        return_url=None,
        language=str(language),
        metadata=check_metadata(body["metadata"]) if "metadata" in body else None,
    )
    email = body.get("email")
    if email is not None and not (isinstance(email, str) and is_email(email)):
        raise out_of_range("email", "Must be an e-mail address")
    order = replace(order, payer=Payer(email or ""))
    until = _read_day("payable_until", body["payable_until"], today) if body.get("payable_until") is not None else None
    if until is not None and until < max(part.due_on for part in instalments):
        raise out_of_range("payable_until", "Must not be before the last due date")
    return NewDebt(order, instalments, read_debtor(body.get("payer")), until)


def _read_instalments(body: Body, account: Account, today: date) -> tuple[Instalment, ...]:
    parts = body.get("instalments")
    if parts is None:
        return (_read_instalment(body, account, today),)
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise wrong_type("instalments", "Must be a list of amounts with due dates")
    if not 1 <= len(parts) <= INSTALMENTS_MAX:
        raise out_of_range("instalments", f"Must have between 1 and {INSTALMENTS_MAX} parts")
    read = tuple(_read_instalment(part, account, today) for part in parts)
    if list(read) != sorted(read, key=lambda part: part.due_on):
        raise out_of_range("instalments", "Must be in the order of their due dates")
    return read


def _read_instalment(body: Body, account: Account, today: date) -> Instalment:
    amount = body.get("amount")
    if amount is None:
        raise missing("amount")
    if not isinstance(amount, int) or not is_integer(amount):
        raise wrong_type("amount", "Must be a valid numeric format")
    if not 1 <= amount <= account.max_amount_minor:
        raise out_of_range("amount", f"Must be between 1 and {account.max_amount_minor}")
    if body.get("due_date") is None:
        raise missing("due_date")
    return Instalment(amount, _read_day("due_date", body["due_date"], today))


def _read_day(field: str, value: object, today: date) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise wrong_type(field, "Must be a date such as 2026-11-30")
    if not today <= day <= today + timedelta(days=DUE_DAYS_MAX):
        raise out_of_range(field, "Must be today or later, within five years")
    return day


def notice_body(slip: Slip, addresses: Addresses) -> Json:
    """Return a notice with its links."""
    notice, payment = slip.notice, slip.payment
    own = f"{addresses.api}/v1/notices/{notice.number}"
    debtor: Json = {name: value for name, value in (("identifier", notice.debtor.identifier), ("name", notice.debtor.name)) if value}
    body: Json = {
        "number": notice.number,
        "debt_id": notice.debt_id,
        "instalment": notice.instalment,
        "instalments": notice.instalments,
        "state": notice.state.value,
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "reference": payment.reference,
        "description": payment.description,
        "language": payment.language,
        "due_date": notice.due_on.isoformat(),
        "payable_until": payment.expires_at.astimezone(ZONE).date().isoformat(),
        "payer": debtor or None,
        "metadata": payment.metadata or None,
        "batch_id": notice.batch_id,
        "created_date": iso_milliseconds(notice.created_at),
        "payment_id": payment.id,
        "payment_state": state_body(payment.public_state),
        "_links": {
            "self": {"href": own, "method": "GET"},
            "slip": {"href": own + "/slip.pdf", "method": "GET"},
            "page": {"href": f"{addresses.pages}/notice/{notice.number}", "method": "GET"},
            "payment": {"href": addresses.payment(payment.id), "method": "GET"},
        },
    }
    return {name: value for name, value in body.items() if value is not None}


def debt_body(slips: Iterable[Slip], addresses: Addresses) -> Json:
    """Return the notices of a debt."""
    bodies = [notice_body(slip, addresses) for slip in slips]
    return {"debt_id": bodies[0]["debt_id"], "notices": bodies}
