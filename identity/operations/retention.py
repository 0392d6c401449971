"""Let go of what was kept as proof long enough: the history, and the records behind it (§3.10).

They are asked about as long as a person sees the history that speaks of them, and no longer.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Table, literal_column, select

from identity.context import Identity
from identity.models.activation import ActivationCode
from identity.models.assisted import UNDER_WAY, AssistedSession
from identity.models.authenticator import ContactChange
from identity.models.base import table_of
from identity.models.company import CompanyLook
from identity.models.grant import Release
from identity.models.history import HistoryEvent
from identity.models.recovery import Recovery
from identity.models.sso_session import SsoSession

AT_ONCE = 2_000
ASSISTED, SESSIONS = table_of(AssistedSession), table_of(SsoSession)
_ROW: ColumnElement[str] = literal_column("ctid")


def kept_since(identity: Identity) -> date:
    """Return the first day whose history is kept."""
    return identity.clock.now().date() - timedelta(days=identity.settings.history_days)


def forget_history(identity: Identity) -> None:
    """Delete rows that are older, a few at a time; of sign-ons and assisted sessions, to which grants point, the words go alone."""
    since = datetime.combine(kept_since(identity), time(), UTC)
    for table, is_old in _going(since):
        _few_by_few(identity, table, is_old)
    words = (SESSIONS.c.device != "") | (SESSIONS.c.place != "")
    _few_by_few(identity, SESSIONS, (SESSIONS.c.expires_at < since) & words, {"device": "", "place": ""})
    over = (ASSISTED.c.expires_at < since) & ASSISTED.c.state.not_in(UNDER_WAY) & (ASSISTED.c.reason_sealed != b"")
    _few_by_few(identity, ASSISTED, over, {"reason_sealed": b""})


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


def _few_by_few(identity: Identity, table: Table, which: ColumnElement[bool], values: dict[str, object] | None = None) -> None:
    """Delete rows, or set values in them; no statement runs long and no lock is held long."""
    some = select(_ROW).select_from(table).where(which).limit(AT_ONCE).correlate(None).scalar_subquery()
    changes = table.delete() if values is None else table.update().values(values)
    done = AT_ONCE
    while done == AT_ONCE:
        with identity.db.begin() as connection:
            done = connection.execute(changes.where(_ROW.in_(some))).rowcount
