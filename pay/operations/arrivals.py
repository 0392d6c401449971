"""Money that is there before we are told: at a counter, or on our bank account.  Spec: pay-design.md §8."""

from dataclasses import dataclass, replace
from datetime import datetime

from pay.context import Pay
from pay.models.account import get_account
from pay.models.ledger import post
from pay.operations.moves import move
from pay.operations.notice_moves import PAYABLE
from pay.standards import ledger
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PaymentState
from pay.standards.suspense_states import SuspenseReason
from shared.transaction import Transaction

S = PaymentState
_PATH = (S.AUTHORISATION_READY, S.AUTHORISATION_SUCCESS, S.CAPTURE_APPROVED, S.CAPTURE_READY, S.CAPTURED)
"""The states that a payment passes when its money is on the table."""


@dataclass(frozen=True)
class Arrived:
    """Money on the table: the channel it came by, the channel's number for it, and when the payer gave it."""

    channel: str
    provider_id: str
    paid_at: datetime


def misfit(pay: Pay, payment: Payment | None, amount_minor: int, paid_at: datetime) -> SuspenseReason | None:
    """Say why money fits no payment; what was given in time counts, whenever we hear of it."""
    if payment is None:
        return SuspenseReason.UNKNOWN_REFERENCE
    if payment.state not in PAYABLE:
        is_over = payment.public_state.finished and payment.public_state.status != "success"
        return SuspenseReason.LATE if is_over else SuspenseReason.DOUBLE_PAYMENT
    if payment.expires_at <= min(paid_at, pay.clock.now()):
        return SuspenseReason.LATE
    return None if payment.amount_minor == amount_minor else SuspenseReason.WRONG_AMOUNT


def take(pay: Pay, tx: Transaction, payment: Payment, money: Arrived, *, actor: str) -> Payment:
    """Bring a payment, whose row is locked, to its end with the money on the table; its notice follows."""
    now = pay.clock.now()
    book = replace(get_account(tx.connection, payment.account_id).book, gateway=money.channel)
    shares = payment.shares(book.beneficiary)
    changes: dict[PaymentState, dict[str, object]] = {
        S.AUTHORISATION_READY: {"gateway": money.channel},
        S.AUTHORISATION_SUCCESS: {"provider_id": money.provider_id},
        S.CAPTURE_READY: {"capture_submitted_at": money.paid_at},
        S.CAPTURED: {"captured_at": money.paid_at},
    }
    for state in _PATH:
        payment = move(pay, tx, payment, state, actor=actor, changes=changes.get(state))
    post(tx.connection, ledger.authorised(book, payment.id, shares), now)
    post(tx.connection, ledger.captured(book, payment.id, shares), now)
    return payment
