"""That a payer is to be told: decided in the transaction of what happened.  Spec: requirements PA-7, pay-api.md §23.

A message is a job that names its matter and an id, so that nothing personal waits in the outbox; the job reads the rest when it runs.
"""

from enum import StrEnum

from pay.context import Pay
from pay.models.account import get_account
from pay.standards.payment_object import Payment
from shared.transaction import Transaction

JOB = "tell_payer"


class Matter(StrEnum):
    """What a message is about."""

    RECEIPT = "receipt"
    REFUND = "refund"
    NOTICE = "notice"
    REMINDER = "reminder"


def tell_later(pay: Pay, tx: Transaction, matter: Matter, object_id: str, payment: Payment) -> bool:
    """Have the payer told after the commit; False where nobody can be told, or the account does not want it."""
    is_told = pay.messages.tells and bool(payment.payer.email) and get_account(tx.connection, payment.account_id).payer_emails
    if is_told:
        tx.enqueue(JOB, {"matter": matter.value, "id": object_id})
    return is_told
