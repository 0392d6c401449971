"""Let go of what was kept as proof long enough: the history, and the records behind it (§3.10).

They are asked about as long as a person sees the history that speaks of them, and no longer.  What says who acted for whom, or who
helped whom, stays: grants under a mandate or in an assisted session, and the sign-ons that they came from.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Table, exists, literal_column, select, tuple_

from identity.context import Identity
from identity.models.activation import ActivationCode
from identity.models.assisted import UNDER_WAY, AssistedSession
from identity.models.authenticator import ContactChange
from identity.models.base import table_of
from identity.models.company import CompanyLook
from identity.models.grant import AccessToken, AuthorizationCode, Grant, RefreshToken, Release
from identity.models.history import HistoryEvent
from identity.models.interaction import Interaction
from identity.models.mandate import RepresentationChoice
from identity.models.recovery import Recovery
from identity.models.remote_request import RemoteRequest
from identity.models.sso_session import SsoSession
from shared.transaction import Transaction

AT_ONCE = 2_000
ASSISTED, SESSIONS, GRANTS = table_of(AssistedSession), table_of(SsoSession), table_of(Grant)
CHOICES = table_of(RepresentationChoice)
_ROW: ColumnElement[str] = literal_column("ctid")
_FIRST = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


def kept_since(identity: Identity) -> date:
    """Return the first day whose history is kept."""
    return identity.clock.now().date() - timedelta(days=identity.settings.history_days)


def forget_history(identity: Identity) -> None:
    """Delete rows that are older, a few at a time."""
    since = datetime.combine(kept_since(identity), time(), UTC)
    for table, is_old in _going(since):
        forget(identity, table, is_old)
    over = (ASSISTED.c.expires_at < since) & ASSISTED.c.state.not_in(UNDER_WAY) & (ASSISTED.c.reason_sealed != b"")
    _empty(identity, ASSISTED, over, {"reason_sealed": b""})
    _forget_grants(identity, since)
    _forget_sessions(identity, since)


def _going(since: datetime) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    for model, ended in (
        (HistoryEvent, "occurred_at"),
        (ActivationCode, "expires_at"),
        (CompanyLook, "looked_at"),
        (ContactChange, "asked_at"),
        (Recovery, "expires_at"),
        (Release, "withdrawn_at"),  # what still holds has none
    ):
        table = table_of(model)
        yield table, table.c[ended] < since


def _forget_grants(identity: Identity, since: datetime) -> None:
    """Delete grants that have ended: they were taken back, or nothing made from them can be used any more."""
    own = GRANTS.c.mandate_id.is_(None) & GRANTS.c.assisted_id.is_(None)
    ended = GRANTS.c.revoked_at.is_(None) | (GRANTS.c.revoked_at < since)
    made = [table_of(model) for model in (RefreshToken, AccessToken, AuthorizationCode, RemoteRequest)]  # gone a day or two after their end
    unused = [~exists().where(table.c.grant_id == GRANTS.c.id) for table in made]
    _forget_in_order(identity, GRANTS, "created_at", since, among=own, which=[ended, *unused])


def _forget_sessions(identity: Identity, since: datetime) -> None:
    """Delete sign-ons to which no grant points; of the others the words about place and device go."""
    old = SESSIONS.c.expires_at < since
    forget(identity, CHOICES, CHOICES.c.session_id.in_(select(SESSIONS.c.id).where(old)))
    pointing = (GRANTS, table_of(Interaction))
    unused = [~exists().where(table.c.session_id == SESSIONS.c.id) for table in pointing]
    _forget_in_order(identity, SESSIONS, "expires_at", since, which=unused)
    _empty(identity, SESSIONS, old & ((SESSIONS.c.device != "") | (SESSIONS.c.place != "")), {"device": "", "place": ""})


def _forget_in_order(
    identity: Identity,
    table: Table,
    moment: str,
    since: datetime,
    *,
    which: list[ColumnElement[bool]],
    among: ColumnElement[bool] | None = None,
) -> None:
    """Go once through what is older, and delete those of it; what stays is looked at once a run, however much that is."""
    place = tuple_(table.c[moment], table.c.id)
    after: tuple[datetime, UUID] = _FIRST
    older = [table.c[moment] < since, *([] if among is None else [among])]
    looked = AT_ONCE
    while looked == AT_ONCE:
        with identity.transaction() as tx:
            some = select(table.c[moment], table.c.id).where(*older, place > tuple_(*after)).order_by(table.c[moment], table.c.id)
            rows = tx.connection.execute(some.limit(AT_ONCE)).all()
            if rows:
                tx.forget(table.delete().where(table.c.id.in_([row.id for row in rows]), *which))
                after = (rows[-1][0], rows[-1][1])
        looked = len(rows)


def forget(identity: Identity, table: Table, which: ColumnElement[bool]) -> None:
    """Delete rows; no statement runs long and no lock is held long."""
    _few_by_few(identity, table, which, lambda tx, few: tx.forget(table.delete().where(few)))


def change(identity: Identity, table: Table, which: ColumnElement[bool], values: dict[str, object]) -> None:
    """Set values in rows that are not among `which` afterwards, likewise."""
    _few_by_few(identity, table, which, lambda tx, few: tx.connection.execute(table.update().where(few).values(values)).rowcount)


def _empty(identity: Identity, table: Table, which: ColumnElement[bool], values: dict[str, object]) -> None:
    """The same with values that name people: counted as what was deleted is."""
    _few_by_few(identity, table, which, lambda tx, few: tx.forget(table.update().where(few).values(values)))


def _few_by_few(
    identity: Identity, table: Table, which: ColumnElement[bool], do: Callable[[Transaction, ColumnElement[bool]], int]
) -> None:
    """Do something to rows, a transaction for each few."""
    few = _ROW.in_(select(_ROW).select_from(table).where(which).limit(AT_ONCE).correlate(None).scalar_subquery())
    done = AT_ONCE
    while done == AT_ONCE:
        with identity.transaction() as tx:
            done = do(tx, few)
