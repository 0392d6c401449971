"""What a service was told and how it answered; tell it again.  Ours, beside the contract."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select, update

from notify.context import Notify
from notify.errors import MessageRefused, NotificationNotFound
from notify.events import Event
from notify.models.callback import CallbackAttempt, CallbackCall, ServiceCallback
from notify.operations.callbacks import Told
from notify.operations.once import Once

PAGE_SIZE = 100
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Attempt:
    """One try."""

    at: datetime
    status: int
    fault: str
    milliseconds: int


@dataclass(frozen=True)
class Call:
    """One event with its tries, oldest first."""

    id: uuid.UUID
    kind: str
    object_id: uuid.UUID
    state: Told
    created_at: datetime
    attempts: tuple[Attempt, ...]


def list_calls(notify: Notify, service_id: uuid.UUID, *, state: str | None = None, older_than: uuid.UUID | None = None) -> list[Call]:
    """Give a page of what a service was told, newest first."""
    table = CallbackCall
    wanted = select(table.__table__).where(table.service_id == service_id)
    if state is not None:
        wanted = wanted.where(table.state == state)
    with notify.reading() as tx:
        if older_than is not None:
            last = tx.connection.execute(
                select(table.created_at, table.id).where(table.id == older_than, table.service_id == service_id)
            ).first()
            if last is None:
                return []
            wanted = wanted.where(or_(table.created_at < last[0], and_(table.created_at == last[0], table.id < last[1])))
        rows = tx.connection.execute(wanted.order_by(table.created_at.desc(), table.id.desc()).limit(PAGE_SIZE)).all()
        tried: dict[uuid.UUID, list[Attempt]] = {row.id: [] for row in rows}
        attempts = (
            select(CallbackAttempt.__table__).where(CallbackAttempt.call_id.in_(tried)).order_by(CallbackAttempt.at, CallbackAttempt.id)
        )
        for each in tx.connection.execute(attempts):
            tried[each.call_id].append(Attempt(each.at, each.status, each.fault, each.milliseconds))
    return [Call(row.id, row.kind, row.object_id, Told(row.state), row.created_at, tuple(tried[row.id])) for row in rows]


def replay_call(
    notify: Notify, service_id: uuid.UUID, call_id: uuid.UUID, *, actor: str, once: Once | None = None, channel: str = "api"
) -> None:
    """Tell a service of an event once more, under the same id.  Raises: NotificationNotFound, MessageRefused where nobody is told."""
    own = (CallbackCall.id == call_id) & (CallbackCall.service_id == service_id)
    with notify.transaction() as tx:
        if once and once.claim(notify, tx.connection, {"id": str(call_id)}):
            return
        again = update(CallbackCall).where(own).values(state=Told.WAITING.value, attempts=0)
        kind = tx.connection.execute(again.returning(CallbackCall.kind)).scalar_one_or_none()
        if kind is None:
            raise NotificationNotFound
        told = (ServiceCallback.service_id == service_id) & (ServiceCallback.kind == kind)
        if tx.connection.execute(select(ServiceCallback.kind).where(told)).first() is None:
            raise MessageRefused("Nobody is told of this any more: first say where to tell it")
        tx.enqueue("tell_service", {"event_id": str(call_id)})
        tx.record(Event.CALLBACK_REPLAYED, actor=actor, object_id=str(call_id), channel=channel)


def forget_calls(notify: Notify) -> int:
    """Delete what services were told a month ago."""
    with notify.transaction() as tx:
        return tx.forget(delete(CallbackCall).where(CallbackCall.created_at < notify.clock.now() - KEPT))
