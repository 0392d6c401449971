"""The one way a notice changes its state, and how it follows the payment that settles it."""

from collections.abc import Mapping

from sqlalchemy import update

from pay.context import Pay
from pay.events import WebhookEvent
from pay.models.notice import Notice, find_notice_of_payment, notice_of, notices
from pay.operations.announcements import announce
from pay.standards.notice_states import NOTICE_TABLE, NoticeState
from pay.standards.payment_object import Payment
from pay.standards.payment_states import CANCELLED, EXPIRED, SUCCESS, PaymentState, PublicState
from shared.transaction import Transaction

RENEW_JOB = "renew_notice"
_WAITING = frozenset({NoticeState.OPEN, NoticeState.ACTIVATED})
_ENDS: Mapping[PublicState, NoticeState] = {
    SUCCESS: NoticeState.PAID,
    CANCELLED: NoticeState.CANCELLED,
    EXPIRED: NoticeState.EXPIRED,
}
NO_LOCK: Mapping[str, object] = {"lock_hash": None, "locked_by": None, "locked_until": None}
PAYABLE = frozenset({PaymentState.CREATED, PaymentState.ENTERING_CARD_DETAILS})
"""Payments in these states wait for their payer: nothing is being asked of anybody, and nothing was taken."""


def move_notice(
    pay: Pay, tx: Transaction, notice: Notice, target: NoticeState, *, actor: str, changes: Mapping[str, object] | None = None
) -> Notice:
    """Move a notice, whose row is locked, and return it as it is now.  Raises: WrongState for a move outside the table."""
    action = NOTICE_TABLE.check(notice.state, target)
    values: dict[str, object] = {"state": target.value, "version": notice.version + 1, "updated_at": pay.clock.now()}
    if target is not NoticeState.ACTIVATED:
        values |= NO_LOCK
    if target not in _WAITING:
        values["remind_on"] = None
    statement = update(notices).where(notices.c.number == notice.number, notices.c.version == notice.version)
    row = tx.connection.execute(statement.values(values | dict(changes or {})).returning(*notices.c)).one()
    facts = {"payment_id": notice.payment_id, "before": notice.state.value, "after": target.value}
    tx.record(action, actor=actor, object_id=notice.number, data=facts)
    return notice_of(row, pay.cipher)


def follow_payment(pay: Pay, tx: Transaction, payment: Payment, *, actor: str) -> None:
    """Bring a notice to where its payment has come; payments without one are left alone.

    A card that was declined, or a payer who turned back, ends the payment and not the debt: the notice gets another payment.
    """
    notice = find_notice_of_payment(tx.connection, pay.cipher, payment.id, lock=True)
    if notice is None or notice.state not in _WAITING:
        return
    end = _ENDS.get(payment.public_state)
    if end is not None:
        move_notice(pay, tx, notice, end, actor=actor)
        if end is NoticeState.PAID:
            announce(pay, tx, payment, WebhookEvent.NOTICE_PAID, notice_number=notice.number)
    else:
        tx.enqueue(RENEW_JOB, {"number": notice.number, "payment_id": payment.id})
