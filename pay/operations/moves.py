"""The one way a payment changes its state: checked by the table, guarded by the version, told to the log and to webhooks."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update

from pay.context import Pay
from pay.errors import OperationInProgress
from pay.events import PaymentEvent
from pay.models.payment import payment_events, payment_of, payments
from pay.operations.announcements import ON_ENTERING, announce
from pay.operations.notice_moves import follow_payment
from pay.operations.payer_queue import Matter, tell_later
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PAYMENT_TABLE, PaymentState
from shared.transaction import Transaction

SYSTEM = "system"
PAYER = "payer"


@cache
def _moving(names: tuple[str, ...]) -> Select[*tuple[Any, ...]]:  # Any: of the columns' types
    """Return the statement that sets these columns and writes the event.  Making one takes longer than running it."""
    c = payments.c
    updated = (
        update(payments)
        .where(c.id == bindparam("of_id"), c.version == bindparam("of_version"))
        .values({name: bindparam(f"to_{name}", type_=c[name].type) for name in names})
        .returning(*c)
        .cte("updated")
    )
    text = payment_events.c.event.type
    event = (updated.c.id, bindparam("before", type_=text), updated.c.state, bindparam("event", type_=text), updated.c.updated_at)
    noted = insert(payment_events).from_select(["payment_id", "before", "after", "event", "created_at"], select(*event)).cte("noted")
    return select(updated).add_cte(noted)


def move(
    pay: Pay, tx: Transaction, payment: Payment, target: PaymentState, *, actor: str, changes: Mapping[str, object] | None = None
) -> Payment:
    """Move a payment and return it as it is now; writes its event, its audit row, and the webhook messages it gives rise to.

    Raises: WrongState for a move outside the table, OperationInProgress when somebody else changed the payment meanwhile.
    """
    action = PAYMENT_TABLE.check(payment.state, target)
    now = pay.clock.now()
    changed: dict[str, object] = {"state": target.value, "version": payment.version + 1, "updated_at": now} | dict(changes or {})
    event = {"of_id": payment.id, "of_version": payment.version, "before": payment.state.value, "event": action.value}
    values = event | {f"to_{name}": value for name, value in changed.items()}
    row = tx.connection.execute(_moving(tuple(sorted(changed))), values).mappings().one_or_none()
    if row is None:
        raise OperationInProgress
    moved = payment_of(row, pay.cipher)
    channel = "web" if actor == PAYER else "api" if actor != SYSTEM else "job"
    tx.record(action, actor=actor, object_id=payment.id, channel=channel, data={"before": payment.state.value, "after": target.value})
    webhook_event = ON_ENTERING.get(target)
    if webhook_event is not None and action is not PaymentEvent.TRIED_AGAIN:
        announce(pay, tx, moved, webhook_event)
    if target is PaymentState.CAPTURED:  # before, its capture may still fail
        tell_later(pay, tx, Matter.RECEIPT, moved.id, moved)
    if moved.public_state.finished and not payment.public_state.finished:
        follow_payment(pay, tx, moved, actor=actor)
    return moved
