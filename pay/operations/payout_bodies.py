"""A pay-out as others see it: in the API and in webhooks.  The person's account is named by its last digits only."""

from pay.models.payout import Payout
from pay.standards.payment_object import Json, iso_milliseconds
from pay.standards.payout_states import PAYOUT_TABLE

SHOWN_DIGITS = 4
_FINAL = PAYOUT_TABLE.finals()


def payout_body(payout: Payout) -> Json:
    """Return what happened to the money; nothing says who gets it."""
    body: Json = {
        "payout_id": payout.id,
        "amount": payout.amount_minor,
        "currency": payout.currency,
        "method": payout.method.value,
        "reference": payout.reference,
        "description": payout.description,
        "state": {"status": payout.state.value, "finished": payout.state in _FINAL or payout.paid_at is not None},
        "created_date": iso_milliseconds(payout.created_at),
        "updated_date": iso_milliseconds(payout.updated_at),
    }
    sometimes = {
        "payment_id": payout.payment_id,
        "return_reason": payout.return_reason,
        "receipt_number": payout.receipt_number,
        "paid_date": iso_milliseconds(payout.paid_at) if payout.paid_at else None,
        "expires_at": iso_milliseconds(payout.expires_at) if payout.expires_at else None,
    }
    return body | {name: value for name, value in sometimes.items() if value is not None}


def payee_body(payout: Payout) -> Json:
    """Return who gets the money, for the service that ordered it."""
    payee = payout.payee
    body: Json = {"name": payee.name, "identifier": payee.identifier}
    if payee.email:
        body["email"] = payee.email
    if payee.account is not None:
        account = payee.account
        last = account.number[-SHOWN_DIGITS:]
        body["account"] = {"bank": account.bank, "type": account.kind, "last_digits": last}
    return body
