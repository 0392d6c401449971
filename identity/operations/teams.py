"""A team and its service: who belongs to it, what is still missing before it goes live, and who let it (§3.11, SH-14)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select, update

from identity.context import Identity
from identity.errors import RegisterNotFound
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.finders import find_active_facts, roles_of
from identity.models.grant import Grant
from identity.models.organisation import Member, Organisation, Role
from identity.models.service import STAGES, Service, Stage
from identity.models.site_check import find_unproven
from identity.operations import stages
from identity.operations.refusals import NotOfTheTeam, TwoPersonsNeeded
from shared.states import WrongState
from shared.transaction import Transaction
from shared.web.words import gettext_noop

GRANTS = table_of(Grant)
MANAGERS = frozenset({Role.OWNER, Role.DEVELOPER})
SEEN_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Check:
    """One line of the checklist."""

    words: str
    done: bool


@dataclass(frozen=True)
class MemberView:
    """One member as the team sees them."""

    id: UUID
    name: str
    role: str
    expires_at: datetime | None


@dataclass(frozen=True)
class ServiceView:
    """A service as its team sees it."""

    service: Service
    organisation: Organisation
    clients: tuple[Client, ...]
    checks: tuple[Check, ...]
    may_manage: bool

    @property
    def is_ready(self) -> bool:
        """True when nothing is missing."""
        return all(check.done for check in self.checks)


def roles_in(identity: Identity, tx: Transaction, person_id: UUID, org_id: str) -> set[str]:
    """Return a person's roles in an organisation that have not ended; an operator's count everywhere."""
    held = roles_of(tx.connection, person_id, identity.clock.now())
    return {role.rpartition(":")[2] for role in held if role == Role.OPERATOR or role.startswith(org_id + ":")}


def refuse_made_up(identity: Identity, person_id: UUID) -> None:
    """Keep made-up persons out of the register.  Raises: NotOfTheTeam."""
    with identity.reading() as tx:
        if stages.trial_team_of(tx.connection, person_id) is not None:
            raise NotOfTheTeam


def list_services(identity: Identity, person_id: UUID) -> list[tuple[Service, Organisation]]:
    """Return the services of the organisations in which a person has a role."""
    now = identity.clock.now()
    mine = select(Member.organisation_id).where(Member.person_id == person_id, Member.expires_at.is_(None) | (Member.expires_at > now))
    query = select(Service, Organisation).join(Organisation, Service.organisation_id == Organisation.id)
    with identity.reading() as tx:
        rows = tx.session.execute(query.where(Service.organisation_id.in_(mine)).order_by(Service.name)).all()
    return [(service, organisation) for service, organisation in rows]


def look(identity: Identity, person_id: UUID, service_id: str) -> ServiceView:
    """Return a service to a member of its team.  Raises: NotOfTheTeam, also where there is no such service."""
    with identity.reading() as tx:
        service, organisation, roles = _of_team(identity, tx, person_id, service_id)
        clients = tuple(tx.session.scalars(select(Client).where(Client.service_id == service.id).order_by(Client.client_id)))
        checks = _checks(identity, tx, service, clients)
    return ServiceView(service, organisation, clients, checks, bool(roles & (MANAGERS | {Role.OPERATOR})))


def _of_team(identity: Identity, tx: Transaction, person_id: UUID, service_id: str) -> tuple[Service, Organisation, set[str]]:
    query = select(Service, Organisation).join(Organisation, Service.organisation_id == Organisation.id)
    found = tx.session.execute(query.where(Service.service_id == service_id)).one_or_none()
    roles = roles_in(identity, tx, person_id, found[1].org_id) if found else set()
    if found is None or not roles:
        raise NotOfTheTeam
    return found[0], found[1], roles


def _checks(identity: Identity, tx: Transaction, service: Service, clients: tuple[Client, ...]) -> tuple[Check, ...]:
    """Return what the service must have before it goes live, each looked up, nothing declared (§1.8)."""
    web = [client for client in clients if client.redirect_uris]
    now = identity.clock.now()
    lasting = Member.expires_at.is_(None) | (Member.expires_at > now)
    members = tx.session.scalar(select(func.count(Member.id)).where(Member.organisation_id == service.organisation_id, lasting)) or 0
    return (
        Check(gettext_noop("An owner answers for the service, with a contact"), bool(service.owner and service.contact_email)),
        Check(gettext_noop("The law or ground it works on is named"), bool(service.legal_basis)),
        Check(gettext_noop("It has a client of its own"), bool(clients)),
        *(_sign_in_checks(identity, tx, web) if web else ()),
        Check(gettext_noop("Two persons at least can look after it"), members >= 2),
    )


def _sign_in_checks(identity: Identity, tx: Transaction, web: list[Client]) -> tuple[Check, ...]:
    """Return what a service that people sign in to must have besides."""
    since = identity.clock.now() - SEEN_WITHIN
    ids = [client.id for client in web]
    signed_in = select(func.count()).select_from(GRANTS).where(GRANTS.c.client_id.in_(ids), GRANTS.c.created_at > since)
    used = tx.connection.execute(signed_in).scalar_one()
    unproven = find_unproven(tx.connection, [client.id for client in web if not client.native], since)
    are_public = all(_is_public(uri) for client in web for uri in client.redirect_uris)
    return (
        Check(gettext_noop("Its addresses are https and not on somebody's own machine"), are_public),
        Check(gettext_noop("It has an address for after signing out"), all(client.post_logout_redirect_uris for client in web)),
        Check(gettext_noop("Its sign-in is bound by PKCE"), all(client.policy in {"web", "public", "fapi2"} for client in web)),
        Check(gettext_noop("The check of its test site found nothing to mend, in the last 30 days"), not unproven),
        Check(gettext_noop("A person signed in through it in the last 30 days"), used > 0),
    )


def _is_public(uri: str) -> bool:
    return uri.startswith("https://") and urlsplit(uri).hostname not in {"localhost", "127.0.0.1", "::1"}


def ask_live(identity: Identity, person_id: UUID, service_id: str) -> None:
    """Ask to go live, when nothing is missing.  Raises: NotOfTheTeam, WrongState."""
    with identity.transaction() as tx:
        service, _, roles = _of_team(identity, tx, person_id, service_id)
        if not roles & MANAGERS:
            raise NotOfTheTeam
        clients = tuple(tx.session.scalars(select(Client).where(Client.service_id == service.id)))
        if not all(check.done for check in _checks(identity, tx, service, clients)):
            raise WrongState(gettext_noop("Something on the list is still missing."))
        service.live_asked_by, service.live_asked_at = person_id, identity.clock.now()
        tx.record(Event.LIVE_ASKED, actor=f"person:{person_id}", object_id=service_id, channel="web")


def list_asking(identity: Identity) -> list[tuple[Service, Organisation]]:
    """Return the services that asked to go live."""
    query = select(Service, Organisation).join(Organisation, Service.organisation_id == Organisation.id)
    with identity.reading() as tx:
        wanted = query.where(Service.stage == Stage.TRIAL, Service.live_asked_at.is_not(None)).order_by(Service.live_asked_at)
        return [(service, organisation) for service, organisation in tx.session.execute(wanted).all()]


def approve_live(identity: Identity, operator_id: UUID, service_id: str) -> None:
    """Let a service go live; who asked cannot be who approves.

    What made-up persons tried ends then.  Raises: RegisterNotFound, TwoPersonsNeeded, WrongState.
    """
    with identity.transaction() as tx:
        service = tx.session.scalars(select(Service).where(Service.service_id == service_id).with_for_update()).one_or_none()
        if service is None or service.live_asked_by is None:
            raise RegisterNotFound("Nobody asked for that.")
        if service.live_asked_by == operator_id:
            raise TwoPersonsNeeded(gettext_noop("Another person must approve what you asked for."))
        action = STAGES.check(Stage(service.stage), Stage.LIVE)
        _end_trials(identity, tx, service)
        service.stage, service.live_at, service.live_approved_by = Stage.LIVE, identity.clock.now(), operator_id
        tx.record(action, actor=f"person:{operator_id}", object_id=service_id, channel="web")


def _end_trials(identity: Identity, tx: Transaction, service: Service) -> None:
    """End what made-up persons let the clients of a service have, refresh tokens too."""
    clients = select(table_of(Client).c.id).where(table_of(Client).c.service_id == service.id)
    made_up = select(stages.TRIAL_PERSONS.c.person_id)
    theirs = (GRANTS.c.client_id.in_(clients), GRANTS.c.person_id.in_(made_up), GRANTS.c.revoked_at.is_(None))
    tx.connection.execute(update(GRANTS).where(*theirs).values(revoked_at=identity.clock.now()))


def set_assistance(identity: Identity, person_id: UUID, service_id: str, *, actions: tuple[str, ...], offices: tuple[str, ...]) -> None:
    """Say what agents may do for people at a service, and agents of which bodies besides its own (AS-9).

    Raises: NotOfTheTeam, RegisterNotFound for an unknown body.
    """
    with identity.transaction() as tx:
        service, _, roles = _of_team(identity, tx, person_id, service_id)
        if not roles & (MANAGERS | {Role.OPERATOR}):
            raise NotOfTheTeam
        known = set(tx.session.scalars(select(Organisation.org_id).where(Organisation.org_id.in_(offices))))
        if known != set(offices):
            raise RegisterNotFound("The register has no such organisation.")
        service.assist_actions, service.assist_offices = list(actions), list(offices)
        data: dict[str, str | int | bool | list[str]] = {"actions": list(actions), "offices": list(offices)}
        tx.record(Event.ASSISTANCE_SET, actor=f"person:{person_id}", object_id=service_id, channel="web", data=data)


def list_members(identity: Identity, person_id: UUID, service_id: str) -> list[MemberView]:
    """Return the members of a service's organisation by name.  Raises: NotOfTheTeam."""
    with identity.reading() as tx:
        service, _, _ = _of_team(identity, tx, person_id, service_id)
        rows = tx.session.scalars(select(Member).where(Member.organisation_id == service.organisation_id).order_by(Member.created_at)).all()
        found = []
        for row in rows:
            facts = find_active_facts(tx.connection, identity.cipher, row.person_id)
            found.append(MemberView(row.id, facts.full_name if facts else "", row.role, row.expires_at))
    return found


def end_member(identity: Identity, person_id: UUID, service_id: str, member_id: UUID) -> None:
    """End a membership now.  Raises: NotOfTheTeam, RegisterNotFound, WrongState for the last owner."""
    now = identity.clock.now()
    with identity.transaction() as tx:
        service, organisation, roles = _of_team(identity, tx, person_id, service_id)
        if Role.OWNER not in roles and Role.OPERATOR not in roles:
            raise NotOfTheTeam
        wanted = (Member.id == member_id, Member.organisation_id == service.organisation_id)
        row = tx.session.scalars(select(Member).where(*wanted).with_for_update()).one_or_none()
        if row is None:
            raise RegisterNotFound("The register has no such member.")
        lasting = (Member.expires_at.is_(None) | (Member.expires_at > now), Member.role == Role.OWNER, Member.id != member_id)
        others = tx.session.scalar(select(func.count(Member.id)).where(Member.organisation_id == service.organisation_id, *lasting))
        if row.role == Role.OWNER and not others:
            raise WrongState(gettext_noop("A service keeps one owner at least."))
        row.expires_at = now
        tx.record(Event.MEMBER_ENDED, actor=f"person:{person_id}", object_id=organisation.org_id, channel="web", data={"role": row.role})
