"""The automatic certification: a team asks for a check of its test site, a worker makes it, and the page tells what was found (§3.11)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on

from identity.context import Identity
from identity.errors import RegisterNotFound
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.service import Service, Stage
from identity.models.site_check import SITE_CHECK_STATES, SiteCheck, SiteCheckState
from identity.operations import site_asking, site_tries, teams, trial_persons
from identity.operations.refusals import NotOfTheTeam
from identity.operations.site_asking import Site
from identity.operations.stages import TRIAL_PERSONS
from identity.operations.teams import ServiceView
from identity.standards.redirect_uris import origin_of
from identity.standards.site_findings import Finding, is_clean
from identity.standards.trial_cases import CASES
from shared.states import WrongState
from shared.web.words import gettext_noop

log = structlog.get_logger("identity.site_checks")
JOB = "check_site"
CHECKS = table_of(SiteCheck)
UNDER_WAY_FOR = timedelta(minutes=10)
"""A check that takes longer has died; another may be asked for."""
URL_LENGTH_MAX = 2_000


class AddressNotOfTheSite(ValueError):
    """An address is not at one of the client's redirect addresses; the text is the field's name."""


@dataclass(frozen=True)
class Wanted:
    """What a team wants looked at."""

    client_id: str
    login_url: str
    page_url: str
    sign_out_url: str = ""


def site_clients(view: ServiceView) -> list[Client]:
    """Return the clients of a service that are sites: what people's browsers are sent back to, and no app."""
    return [client for client in view.clients if client.redirect_uris and not client.native]


def look(identity: Identity, member_id: UUID, service_id: str) -> tuple[ServiceView, dict[str, SiteCheck]]:
    """Return a service with the newest check of each of its clients.  Raises: NotOfTheTeam."""
    view = teams.look(identity, member_id, service_id)
    ids = {client.id: client.client_id for client in site_clients(view)}
    query = select(SiteCheck).where(SiteCheck.client_id.in_(ids)).order_by(SiteCheck.client_id, SiteCheck.asked_at.desc())
    with identity.reading() as tx:
        newest = tx.session.scalars(query.ext(distinct_on(SiteCheck.client_id))).all()
    return view, {ids[check.client_id]: check for check in newest}


def ask(identity: Identity, member_id: UUID, service_id: str, wanted: Wanted) -> None:
    """Have a client's site looked at; the team's made-up persons are made where there are none.

    Raises: NotOfTheTeam, RegisterNotFound, AddressNotOfTheSite, WrongState for a live service or while a check is under way.
    """
    view, newest = look(identity, member_id, service_id)
    if not view.may_manage:
        raise NotOfTheTeam
    client = next((client for client in site_clients(view) if client.client_id == wanted.client_id), None)
    if client is None:
        raise RegisterNotFound("The register has no such client.")
    if view.service.stage != Stage.TRIAL:
        raise WrongState(gettext_noop("This service is live: made-up persons do not reach it."))
    _check_addresses(client, wanted)
    now, before = identity.clock.now(), newest.get(client.client_id)
    if before is not None and before.state == SiteCheckState.ASKED and now - before.asked_at < UNDER_WAY_FOR:
        raise WrongState(gettext_noop("A check of this site is under way."))
    trial_persons.make_persons(identity, member_id, service_id)
    check_id = identity.ids.uuid7()
    row = {
        "id": check_id,
        "client_id": client.id,
        "asked_by": member_id,
        "login_url": wanted.login_url,
        "page_url": wanted.page_url,
        "sign_out_url": wanted.sign_out_url,
        "state": SiteCheckState.ASKED,
        "findings": [],
        "is_clean": False,
        "asked_at": now,
    }
    with identity.transaction() as tx:
        tx.connection.execute(CHECKS.insert().values(row))
        tx.record(Event.SITE_CHECK_ASKED, actor=f"person:{member_id}", object_id=client.client_id, channel="web")
        tx.enqueue(JOB, {"check_id": str(check_id)})


def _check_addresses(client: Client, wanted: Wanted) -> None:
    """Raises: AddressNotOfTheSite, so that we cannot be sent to look at somebody else's."""
    origins = {origin_of(uri) for uri in client.redirect_uris}
    for name in ("login_url", "page_url", "sign_out_url"):
        url = getattr(wanted, name)
        if name == "sign_out_url" and not url:
            continue
        if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url or origin_of(url) not in origins:
            raise AddressNotOfTheSite(name)


def run(identity: Identity, check_id: UUID) -> None:
    """Look at the site, end what was begun for it, and keep the findings."""
    site = _find_site(identity, check_id)
    if site is None:
        return
    try:
        findings = site_tries.look(identity, site)
    finally:
        site_asking.close(identity, site)
    _keep(identity, check_id, site, findings)


def _find_site(identity: Identity, check_id: UUID) -> Site | None:
    joined = select(SiteCheck, Client.client_id).join(Client, Client.id == SiteCheck.client_id).where(SiteCheck.id == check_id)
    with identity.reading() as tx:
        found = tx.session.execute(joined.where(SiteCheck.state == SiteCheckState.ASKED)).one_or_none()
        if found is None:
            return None
        check, name = found
        client = identity.clients.find(name, tx.connection)
        organisation = select(Service.organisation_id).join(Client, Client.service_id == Service.id)
        mine = organisation.where(Client.id == check.client_id, Service.stage == Stage.TRIAL).scalar_subquery()
        plain = select(TRIAL_PERSONS.c.person_id).where(TRIAL_PERSONS.c.organisation_id == mine, TRIAL_PERSONS.c.case == CASES[0].key)
        person_id = tx.connection.execute(plain).scalar_one_or_none()
    if client is None or person_id is None:
        log.warning("site check left", why="client blocked, or service live", check=str(check_id))
        return None
    return Site(client, person_id, check.login_url, check.page_url, check.sign_out_url, [])


def _keep(identity: Identity, check_id: UUID, site: Site, findings: list[Finding]) -> None:
    now = identity.clock.now()
    with identity.transaction() as tx:
        action = SITE_CHECK_STATES.check(SiteCheckState.ASKED, SiteCheckState.DONE)
        clean = is_clean(findings)
        done = {"state": SiteCheckState.DONE, "findings": [one.as_json() for one in findings], "is_clean": clean, "done_at": now}
        waiting = (CHECKS.c.id == check_id, CHECKS.c.state == SiteCheckState.ASKED)
        if tx.connection.execute(update(CHECKS).where(*waiting).values(done)).rowcount:
            tx.record(action, actor="identity", object_id=site.client.client_id, channel="system", data={"clean": clean})
