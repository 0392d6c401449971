"""What a team sees and does about its clients besides their keys: secrets to remove, sign-ins by day (§3.11)."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from identity.context import Identity
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import CLIENTS, SECRETS
from identity.models.grant import Grant
from identity.operations.refusals import NotOfTheTeam
from identity.operations.teams import ServiceView, look
from identity.standards.yes_no import day_in_chile
from shared.states import WrongState
from shared.web.words import gettext_noop

GRANTS = table_of(Grant)
DAYS = 14
SECRETS_KEPT_MIN = 1


@dataclass(frozen=True)
class SecretView:
    """One secret of a client: never itself, only when it was made."""

    id: UUID
    client_id: str
    created_at: datetime


@dataclass(frozen=True)
class DayCount:
    """How many sign-ins came through a service on one day, and how many of them for somebody else or with an agent's help."""

    day: date
    sign_ins: int
    represented: int
    assisted: int


def list_secrets(identity: Identity, view: ServiceView) -> list[SecretView]:
    """Return the secrets of a service's clients, the oldest first."""
    ids = [client.id for client in view.clients]
    with identity.reading() as tx:
        joined = SECRETS.join(CLIENTS, SECRETS.c.client_id == CLIENTS.c.id)
        query = select(SECRETS.c.id, CLIENTS.c.client_id, SECRETS.c.created_at).select_from(joined).where(CLIENTS.c.id.in_(ids))
        return [SecretView(*row) for row in tx.connection.execute(query.order_by(CLIENTS.c.client_id, SECRETS.c.created_at))]


def remove_secret(identity: Identity, person_id: UUID, service_id: str, secret_id: UUID) -> None:
    """Take a secret away at once; a client keeps one.  Raises: NotOfTheTeam, WrongState for the last one."""
    view = look(identity, person_id, service_id)
    known = {client.id: client.client_id for client in view.clients}
    with identity.transaction() as tx:
        row = tx.connection.execute(select(SECRETS.c.client_id).where(SECRETS.c.id == secret_id)).one_or_none()
        if row is None or row.client_id not in known or not view.may_manage:
            raise NotOfTheTeam
        mine = select(SECRETS.c.id).where(SECRETS.c.client_id == row.client_id).with_for_update()
        if len(tx.connection.execute(mine).all()) <= SECRETS_KEPT_MIN:
            raise WrongState(gettext_noop("A client keeps one secret: make the next one first."))
        tx.connection.execute(SECRETS.delete().where(SECRETS.c.id == secret_id))
        tx.record(Event.CLIENT_SECRET_REMOVED, actor=f"person:{person_id}", object_id=known[row.client_id], channel="web")
    identity.clients.forget()


def statistics(identity: Identity, view: ServiceView) -> list[DayCount]:
    """Return the sign-ins through a service's clients in the last two weeks by day in Chile, the latest first; nobody is told apart."""
    today = day_in_chile(identity.clock.now())
    since = identity.clock.now() - timedelta(days=DAYS)
    ids = [client.id for client in view.clients]
    columns = (GRANTS.c.created_at, GRANTS.c.mandate_id, GRANTS.c.assisted_id)
    counts: dict[str, Counter[date]] = {kind: Counter() for kind in ("all", "represented", "assisted")}
    with identity.reading() as tx:
        for row in tx.connection.execute(select(*columns).where(GRANTS.c.client_id.in_(ids), GRANTS.c.created_at > since)):
            day = day_in_chile(row.created_at)
            counts["all"][day] += 1
            counts["represented"][day] += row.mandate_id is not None
            counts["assisted"][day] += row.assisted_id is not None
    days = [today - timedelta(days=number) for number in range(DAYS)]
    return [DayCount(day, counts["all"][day], counts["represented"][day], counts["assisted"][day]) for day in days]
