"""A person's mandates as their account shows them: offers, for whom they act, who acts for them and their companies, and each use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from identity.context import Identity
from identity.models.base import table_of
from identity.models.client_store import CLIENTS, ORGANISATIONS, SERVICES
from identity.models.finders import PERSONS, person_scope
from identity.models.grant import Grant
from identity.models.mandate import LIVE, MandateState, Source
from identity.operations import mandates
from identity.operations.mandates import MANDATES, MandateRow
from identity.standards import powers
from shared.crypto import CannotDecrypt
from shared.run import parse_run
from shared.transaction import Transaction

GRANTS = table_of(Grant)
USES_SHOWN = 100


@dataclass(frozen=True)
class View:
    """One mandate as a person reads it; `grantee` is a name once they accepted, before that the RUN as it was typed."""

    mandate_id: str
    principal: str
    grantee: str
    powers: tuple[str, ...]
    services: tuple[str, ...]
    joint: int
    may_pass_on: bool
    state: MandateState
    source: Source
    for_company: bool
    valid_from: datetime
    valid_until: datetime | None

    @property
    def last_moment(self) -> datetime | None:
        """The end, as it lies on the last day."""
        return self.valid_until and self.valid_until - timedelta(seconds=1)


@dataclass(frozen=True)
class Overview:
    """All that concerns one person."""

    offers: tuple[View, ...]
    held: tuple[View, ...]
    given: tuple[View, ...]


@dataclass(frozen=True)
class Authority:
    """In whose name a person can give: `held` is the mandate's public id, empty for themselves."""

    held: str
    name: str
    powers: tuple[str, ...]


@dataclass(frozen=True)
class Use:
    """One use of a mandate: at which service."""

    service: str
    organisation: str
    used_at: datetime


def overview(identity: Identity, person_id: UUID) -> Overview:
    """Return a person's mandates that are not over, the oldest first."""
    with identity.reading() as tx:
        index = tx.connection.execute(select(PERSONS.c.run_index).where(PERSONS.c.id == person_id)).scalar_one()
        companies = mandates.managed_companies(identity, tx.connection, person_id)
        mine = (MANDATES.c.principal_id == person_id) | (MANDATES.c.given_by == person_id) | MANDATES.c.company_id.in_(companies)
        live = MANDATES.c.state.in_(LIVE) & (MANDATES.c.valid_until.is_(None) | (MANDATES.c.valid_until > identity.clock.now()))
        order = (MANDATES.c.created_at, MANDATES.c.id)
        to_me = tx.connection.execute(select(MANDATES).where(MANDATES.c.grantee_index == index, live).order_by(*order)).all()
        from_me = tx.connection.execute(select(MANDATES).where(mine, MANDATES.c.grantee_index != index, live).order_by(*order)).all()
        views = [_view(identity, tx, row) for row in to_me]
        given = tuple(_view(identity, tx, row) for row in from_me)
    offers = tuple(view for view in views if view.state is MandateState.OFFERED)
    return Overview(offers, tuple(view for view in views if view.state is not MandateState.OFFERED), given)


def look(identity: Identity, person_id: UUID, mandate_id: str) -> tuple[View, list[Use]]:
    """Return a mandate and its uses, newest first, to either side.  Raises: MandateNotFound."""
    with identity.transaction() as tx:
        row = mandates.lock(tx, mandate_id)
        mandates.side_of(identity, tx, row, person_id)
        joined = GRANTS.join(CLIENTS, GRANTS.c.client_id == CLIENTS.c.id).join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
        joined = joined.join(ORGANISATIONS, SERVICES.c.organisation_id == ORGANISATIONS.c.id)
        columns = (SERVICES.c.name, ORGANISATIONS.c.name.label("organisation"), GRANTS.c.created_at)
        query = select(*columns).select_from(joined).where(GRANTS.c.mandate_id == row.id)
        uses = tx.connection.execute(query.order_by(GRANTS.c.created_at.desc()).limit(USES_SHOWN)).all()
        return _view(identity, tx, row), [Use(use.name, use.organisation, use.created_at) for use in uses]


def authorities(identity: Identity, person_id: UUID) -> list[Authority]:
    """Return in whose name a person can give mandates: their own, and by what they hold."""
    own = tuple(power for power in powers.POWERS if power != powers.MANAGE)
    with identity.reading() as tx:
        found = [Authority("", mandates.name_of(identity, tx.connection, person_id), own)]
        for row in mandates.list_in_force(identity, tx.connection, person_id):
            manages = row.company_id is not None and powers.MANAGE in row.powers and row.joint == 1
            if manages or row.may_pass_on:
                name = mandates.principal_of(identity, tx.connection, row).name
                found.append(Authority(row.mandate_id, name, powers.POWERS if manages else powers.known(row.powers)))
    return found


def list_services(identity: Identity) -> list[tuple[str, str]]:
    """Return the live services to which a mandate can be bound: id and name."""
    with identity.reading() as tx:
        query = select(SERVICES.c.service_id, SERVICES.c.name).where(
            SERVICES.c.stage == "live", SERVICES.c.service_id != "identity-account"
        )
        return [(row.service_id, row.name) for row in tx.connection.execute(query.order_by(SERVICES.c.name))]


def _view(identity: Identity, tx: Transaction, row: MandateRow) -> View:
    principal = mandates.principal_of(identity, tx.connection, row)
    named = tx.connection.execute(select(SERVICES.c.name).where(SERVICES.c.service_id.in_(row.services))).scalars().all()
    return View(
        row.mandate_id,
        principal.name,
        _grantee(identity, tx, row),
        powers.known(row.powers),
        tuple(named),
        row.joint,
        row.may_pass_on,
        MandateState(row.state),
        Source(row.source),
        row.company_id is not None,
        row.valid_from,
        row.valid_until,
    )


def _grantee(identity: Identity, tx: Transaction, row: MandateRow) -> str:
    if row.grantee_id is not None:
        return mandates.name_of(identity, tx.connection, row.grantee_id)
    try:
        return parse_run(identity.cipher.decrypt(row.grantee_sealed, scope=person_scope(row.given_by))).shown
    except CannotDecrypt:
        return ""
