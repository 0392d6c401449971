"""What is owed now: asked of the service itself where it has said so, for interest and surcharges grow.  Spec: pay-design.md §6, §8."""

import json
from datetime import date

from pay.context import Pay
from pay.errors import AmountUnknown
from pay.models.account import Account
from pay.models.notice import Issuer, Notice
from pay.models.payment import payer_scope
from pay.standards.payment_object import Payment, iso_milliseconds
from pay.standards.signatures import HEADER, sign
from shared.clock import ZONE
from shared.http import OutboundError

TIMEOUT_SECONDS = 5.0


def today(pay: Pay) -> date:
    """Return the day it is where due dates are meant."""
    return pay.clock.now().astimezone(ZONE).date()


def amount_now(pay: Pay, account: Account, issuer: Issuer | None, notice: Notice, payment: Payment) -> int:
    """Return what is owed now, in minor units.

    Until the due date what is printed on the slip holds where the service does not answer; afterwards only the service knows.
    Raises: AmountUnknown.
    """
    if issuer is None or issuer.amount_hook_url is None or issuer.hook_key_sealed is None:
        return payment.amount_minor
    question = {
        "notice_number": notice.number,
        "payment_id": payment.id,
        "reference": payment.reference,
        "amount": payment.amount_minor,
        "due_date": notice.due_on.isoformat(),
        "asked_at": iso_milliseconds(pay.clock.now()),
    }
    body = json.dumps(question).encode()
    key = pay.cipher.decrypt(issuer.hook_key_sealed, scope=payer_scope(account.id))
    headers = {"Content-Type": "application/json", HEADER: sign(body, key)}
    try:
        reply = pay.http.request("POST", issuer.amount_hook_url, body=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
        answer = reply.json() if reply.status == 200 else None
    except OutboundError:
        answer = None
    amount = answer.get("amount") if isinstance(answer, dict) else None
    if isinstance(amount, int) and not isinstance(amount, bool) and 1 <= amount <= account.max_amount_minor:
        return amount
    if today(pay) <= notice.due_on:
        return payment.amount_minor
    raise AmountUnknown("The service that is owed the money cannot say how much it is now. Try again in a few minutes.")
