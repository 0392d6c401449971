"""For whom a person acts at a client: what was asked, what fits, what was chosen, and what tokens say of it (RP-1…RP-8)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.errors import AccessDenied
from identity.events import Event
from identity.models.base import table_of
from identity.models.client_store import KnownClient
from identity.models.company import CompanyLook
from identity.models.finders import company_subject_of, subject_of
from identity.models.history import What
from identity.models.mandate import RepresentationChoice
from identity.operations import assisted_sessions, history, mandates
from identity.operations.assisted_sessions import Help
from identity.operations.authorization_requests import AuthorizationRequest
from identity.operations.mandates import MandateRow, Principal
from identity.operations.sessions import Session
from identity.standards import assistance
from identity.standards.acr import LEVELS, satisfies
from identity.standards.oidc_claims import REPRESENT
from identity.standards.rfc9396 import ACT_FOR
from shared.clock import rfc3339
from shared.run import InvalidRun, parse_run
from shared.transaction import Transaction

CHOICES, LOOKS = table_of(RepresentationChoice), table_of(CompanyLook)
TOKEN_SECONDS = 60
"""Access tokens that others check offline live no longer where they say for whom: so a loss is felt everywhere in time (RP-5)."""
LOOK_LASTS = timedelta(minutes=15)
"""How old the registers' answers about a person may be at the chooser; their events come besides."""
RUN_SCOPE = "run"


@dataclass(frozen=True)
class Wish:
    """What a request asks: a kind, powers, the number of one principal; `required` when it makes no sense without.

    `others` is about acting for others, `help` about an agent who helps somebody (§4.2).
    """

    others: bool = True
    help: bool = False
    kind: str | None = None
    powers: tuple[str, ...] = ()
    number: str | None = None
    required: bool = False


@dataclass(frozen=True)
class Option:
    """One answer to "for whom do you act?"; `powers` are those that the token would carry."""

    mandate_id: str
    row_id: UUID
    principal: Principal
    powers: tuple[str, ...]
    joint: int


class EntitledClient(Protocol):
    """What the claim depends on: the client's sector and scopes."""

    @property
    def sector(self) -> str:
        """The sector of its pairwise subjects."""
        ...

    @property
    def scopes(self) -> frozenset[str]:
        """What it was granted at its registration."""
        ...


@dataclass(frozen=True)
class Reader:
    """A client by what the claim depends on."""

    sector: str
    scopes: frozenset[str]


def wish_of(request: AuthorizationRequest) -> Wish | None:
    """Return what a request asks about acting for others, or None."""
    details = request.authorization_details or []
    element = next((one for one in details if one.get("type") == ACT_FOR), None)
    if element is not None:
        asked = element["powers"]
        powers = tuple(str(power) for power in asked) if isinstance(asked, list) else ()
        return Wish(kind=str(element["kind"]), powers=powers, number=_number(element.get("id")), required=True)
    others, help_ = REPRESENT in request.scopes, assistance.SCOPE in request.scopes
    return Wish(others=others, help=help_) if others or help_ else None


def _number(text: object) -> str | None:
    if text is None:
        return None
    try:
        return str(parse_run(str(text)))
    except InvalidRun:
        return str(text)


def options(identity: Identity, connection: Connection, person_id: UUID, service_id: str, wish: Wish) -> list[Option]:
    """Return the mandates of a person that fit a wish at a service."""
    found: list[Option] = []
    if not wish.others:
        return found
    for row in mandates.list_in_force(identity, connection, person_id):
        principal = mandates.principal_of(identity, connection, row)
        if _fits(row, principal, service_id, wish):
            found.append(Option(row.mandate_id, row.id, principal, wish.powers or tuple(row.powers), row.joint))
    return found


def _fits(row: MandateRow, principal: Principal, service_id: str, wish: Wish) -> bool:
    return (
        (not row.services or service_id in row.services)
        and wish.kind in {None, principal.kind}
        and set(wish.powers) <= set(row.powers)
        and wish.number in {None, principal.number}
    )


@dataclass(frozen=True)
class Chosen:
    """What a person chose in this session at a client; without option and help they act for themselves."""

    option: Option | None = None
    help: Help | None = None


def helps(identity: Identity, connection: Connection, client: KnownClient, session: Session, wish: Wish) -> list[Help]:
    """Return whom an agent helps at a client just now; it takes the level of staff (AS-1)."""
    if not wish.help or not satisfies(session.acr, LEVELS[identity.settings.staff_level - 1]):
        return []
    return assisted_sessions.open_for(identity, connection, session.person_id, client.id)


def find_choice(identity: Identity, connection: Connection, client: KnownClient, session: Session, wish: Wish) -> Chosen | None:
    """Return what was chosen before in this session, if it still answers the wish; None to ask."""
    mine = (CHOICES.c.session_id == session.id, CHOICES.c.client_id == client.id)
    row = connection.execute(select(CHOICES.c.mandate_id, CHOICES.c.assisted_id).where(*mine)).one_or_none()
    if row is None:
        return None
    if row.assisted_id is not None:
        offered = helps(identity, connection, client, session, wish)
        return next((Chosen(help=one) for one in offered if one.row_id == row.assisted_id), None)
    if row.mandate_id is None:
        return None if wish.required or helps(identity, connection, client, session, wish) else Chosen()
    fitting = options(identity, connection, session.person_id, client.service_id, wish)
    option = next((one for one in fitting if one.row_id == row.mandate_id), None)
    return Chosen(option=option) if option else None


def must_choose(identity: Identity, connection: Connection, client: KnownClient, request: AuthorizationRequest, session: Session) -> bool:
    """Answer whether the chooser comes: something can be chosen, or the registers have not been asked lately (RP-3)."""
    wish = wish_of(request)
    if wish is None or find_choice(identity, connection, client, session, wish) is not None:
        return False
    if wish.required or helps(identity, connection, client, session, wish):
        return True
    if wish.others and is_look_due(identity, connection, session.person_id):
        return True
    return bool(options(identity, connection, session.person_id, client.service_id, wish))


def is_look_due(identity: Identity, connection: Connection, person_id: UUID) -> bool:
    """Answer whether the registers are to be asked about a person."""
    if not identity.mandate_registers:
        return False
    looked = connection.execute(select(LOOKS.c.looked_at).where(LOOKS.c.person_id == person_id)).scalar_one_or_none()
    return looked is None or identity.clock.now() - looked > LOOK_LASTS


def choose(
    identity: Identity, tx: Transaction, client: KnownClient, request: AuthorizationRequest, session: Session, *, answer: str
) -> None:
    """Remember for this session and client for whom the person acts: the public id of a mandate or of an assisted session.

    Empty is for themselves; who helps somebody just now says so each time they come for themselves.

    Raises: AccessDenied when the request makes no sense without a mandate, or that one does not fit.
    """
    wish = wish_of(request) or Wish()
    fitting = options(identity, tx.connection, session.person_id, client.service_id, wish)
    option = next((one for one in fitting if one.mandate_id == answer), None)
    help_ = next((one for one in helps(identity, tx.connection, client, session, wish) if one.assisted_id == answer), None)
    if option is None and help_ is None and (answer or wish.required):
        raise AccessDenied("the person does not act for another here")
    mandate_id, assisted_id = option.row_id if option else None, help_.row_id if help_ else None
    row: dict[str, object] = {"session_id": session.id, "client_id": client.id, "mandate_id": mandate_id, "assisted_id": assisted_id}
    row["chosen_at"] = identity.clock.now()
    statement = insert(CHOICES).values(row)
    tx.connection.execute(statement.on_conflict_do_update(index_elements=["session_id", "client_id"], set_=row))
    data = {"mandate": option.mandate_id if option else "", "assisted": help_.assisted_id if help_ else ""}
    tx.record(Event.REPRESENTATION_CHOSEN, actor=f"person:{session.person_id}", object_id=client.client_id, channel="web", data=data)


def forget_choice(tx: Transaction, client: KnownClient, session: Session) -> None:
    """Have the person asked again at a client."""
    tx.connection.execute(CHOICES.delete().where(CHOICES.c.session_id == session.id, CHOICES.c.client_id == client.id))


def for_grant(
    identity: Identity, tx: Transaction, client: KnownClient, request: AuthorizationRequest, session: Session
) -> dict[str, object]:
    """Return the columns of a grant by which a person acts for another, and write the use into both histories (RP-7)."""
    wish = wish_of(request)
    chosen = find_choice(identity, tx.connection, client, session, wish) if wish else None
    if chosen is not None and chosen.help is not None:
        return _helped(identity, tx, client, session, chosen.help)
    if chosen is None or chosen.option is None:
        return {}
    option = chosen.option
    row = mandates.find_in_force(identity, tx.connection, option.row_id)
    told = {"service": client.service_name, "organisation": client.organisation_name, "acting_for": option.principal.name}
    history.note(identity, tx, session.person_id, What.MANDATE_USED, told)
    for grantor in mandates.grantors_of(identity, tx.connection, row) if row is not None else ():
        agent = mandates.name_of(identity, tx.connection, session.person_id)
        history.note(identity, tx, grantor, What.MANDATE_USED, {**told, "agent": agent})
    return {"mandate_id": option.row_id, "powers": list(option.powers), "subject_sector": _sector(client, option.principal.id)}


def _helped(identity: Identity, tx: Transaction, client: KnownClient, session: Session, help_: Help) -> dict[str, object]:
    """Return the columns of a grant whose person is helped; a second agent stands outside, the first inside (AS-3, AS-6)."""
    row = assisted_sessions.lock(tx, help_.row_id)
    if not assisted_sessions.is_open(identity, row):
        raise AccessDenied("the assisted session is over")

    def actor(agent_id: UUID, org_id: str | None, role: str) -> dict[str, object]:
        sub = subject_of(tx.connection, identity.pairwise_key, agent_id, client.sector)
        made = {"sub": sub, "iss": identity.settings.issuer, "org": org_id, "role": role}
        return {name: value for name, value in made.items() if value is not None}

    act = actor(row.agent_id, row.org_id, row.role) | {"office": row.office}
    if session.person_id == row.second_id:
        act = actor(row.second_id, row.second_org_id, "second") | {"act": act}
    return assisted_sessions.columns_of_grant(row, act=act)


def _sector(client: KnownClient, principal_id: UUID) -> str | None:
    """Return the sector of a person's `sub` where they act for another, or None for the client's own.

    It is one of its own, so that a service cannot link it with private use; not where the service knows the RUN anyway (RP-8).
    """
    return None if RUN_SCOPE in client.scopes else _apart(client.sector, principal_id)


def _apart(sector: str, principal_id: UUID) -> str:
    return "for:" + hashlib.sha256(f"{sector}|{principal_id}".encode()).hexdigest()


def sector_apart(identity: Identity, connection: Connection, sector: str, mandate_id: UUID | None) -> str:
    """Return the sector, in another service's, of a `sub` that was kept apart from private use where it came from (TX-7, RP-8)."""
    row = mandates.find_in_force(identity, connection, mandate_id) if mandate_id is not None else None
    return sector if row is None else _apart(sector, row.company_id or row.principal_id)


def still_counts(identity: Identity, connection: Connection, mandate_id: UUID | None) -> bool:
    """Answer whether a grant may be used: it rests on no mandate, or on one in force (RP-5)."""
    return mandate_id is None or mandates.find_in_force(identity, connection, mandate_id) is not None


def claim(
    identity: Identity, connection: Connection, client: EntitledClient, mandate_id: UUID | None, powers: Sequence[str] | None
) -> dict[str, object] | None:
    """Return what tokens and user info say of whom the person acts for, or None (RP-2, RP-6)."""
    row = mandates.find_in_force(identity, connection, mandate_id) if mandate_id is not None else None
    if row is None:
        return None
    principal = mandates.principal_of(identity, connection, row)
    number = parse_run(principal.number)
    is_company = principal.kind == "company"
    find_sub = company_subject_of if is_company else subject_of
    told: dict[str, object] = {
        "type": principal.kind,
        "sub": find_sub(connection, identity.pairwise_key, principal.id, client.sector),
        "name": principal.name,
        "mandate_id": row.mandate_id,
        "powers": [power for power in powers or () if power in row.powers],
        "source": row.source,
    }
    if RUN_SCOPE in client.scopes:
        told["id"] = {"numero": number.numero, "DV": number.dv, "tipo": "RUT" if is_company else "RUN"}
    if row.valid_until is not None:
        told["valid_until"] = rfc3339(row.valid_until)
    if row.joint > 1:
        told["powers_joint"] = row.joint
    return told
