"""The one way a payment changes its state: checked by the table, guarded by the version, told to the log and to webhooks."""

from collections.abc import Mapping

from sqlalchemy import insert, literal, select, update

from pay.context import Pay
from pay.errors import OperationInProgress
from pay.events import PaymentEvent
from pay.models.payment import payment_events, payment_of, payments
from pay.operations.announcements import ON_ENTERING, announce
from pay.operations.notice_moves import follow_payment
from pay.operations.payer_queue import Matter, tell_later
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PAYMENT_TABLE, SUCCESS, PaymentState
from shared.context import Transaction
from shared.db import UtcDateTime

SYSTEM = "system"
PAYER = "payer"


def move(
    pay: Pay, tx: Transaction, payment: Payment, target: PaymentState, *, actor: str, changes: Mapping[str, object] | None = None
) -> Payment:
    """Move a payment and return it as it is now; writes its event, its audit row, and the webhook messages it gives rise to.

    Raises: WrongState for a move outside the table, OperationInProgress when somebody else changed the payment meanwhile.
    """
    action = PAYMENT_TABLE.check(payment.state, target)
    now = pay.clock.now()
    updated = (
        update(payments)
        .where(payments.c.id == payment.id, payments.c.version == payment.version)
        .values({"state": target.value, "version": payment.version + 1, "updated_at": now} | dict(changes or {}))
        .returning(*payments.c)
        .cte("updated")
    )
    event = (updated.c.id, literal(payment.state.value), literal(target.value), literal(action.value), literal(now, UtcDateTime))
    noted = insert(payment_events).from_select(["payment_id", "before", "after", "event", "created_at"], select(*event)).cte("noted")
    row = tx.connection.execute(select(updated).add_cte(noted)).mappings().one_or_none()
    if row is None:
        raise OperationInProgress
    moved = payment_of(row, pay.cipher)
    channel = "web" if actor == PAYER else "api" if actor != SYSTEM else "job"
    tx.record(action, actor=actor, object_id=payment.id, channel=channel, data={"before": payment.state.value, "after": target.value})
    webhook_event = ON_ENTERING.get(target)
    if webhook_event is not None and action is not PaymentEvent.TRIED_AGAIN:
        announce(pay, tx, moved, webhook_event)
    if moved.public_state is SUCCESS and payment.public_state is not SUCCESS:
        tell_later(pay, tx, Matter.RECEIPT, moved.id, moved)
    if moved.public_state.finished and not payment.public_state.finished:
        follow_payment(pay, tx, moved, actor=actor)
    return moved
