"""Help somebody at a counter, on the telephone, or in the neighbourhood: begin, approve, join, close, object (§4.2)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from identity.context import Identity
from identity.errors import AccessDenied
from identity.events import Event
from identity.models.assisted import ASSISTED_STATES, AssistedState, Proof
from identity.models.client_store import CLIENTS, ORGANISATIONS, SERVICES, KnownClient, read_client_by_row
from identity.models.finders import PERSONS, find_credentials, person_scope, roles_of
from identity.models.organisation import Role
from identity.models.person import PersonState
from identity.models.remote_request import RemoteKind
from identity.operations import assisted_sessions, ciba, notices, remote_requests, second_factors, stages
from identity.operations.assisted_sessions import ASSISTED, NEEDS_ASKING, AssistedRow, code_index
from identity.operations.notices import Channel, Kind
from identity.operations.refusals import AssistanceNotFound, AssistanceRefused
from identity.standards import assistance, one_time_codes
from shared.run import Run
from shared.transaction import Transaction
from shared.web.words import gettext_noop

ASKED_FOR = timedelta(minutes=5)
WAITS_FOR = timedelta(minutes=15)
PER_HOUR_MAX = 12
"""So many persons an agent helps in an hour (AS-8)."""
SAME_PERSON_MAX, SAME_PERSON_WITHIN = 2, timedelta(hours=24)
"""From then on a colleague must approve help of the same person (AS-8)."""
PURPOSES = {Proof.CODE: "assist-now", Proof.PHONE_CODE: "assist-phone"}
LIVES = {Proof.CODE: timedelta(minutes=15), Proof.PHONE_CODE: timedelta(days=30)}
STAFF = frozenset({Role.AGENT, Role.HELPER})
NO_PROOF = gettext_noop("RUN and code do not belong together, or the code is not valid any more. Ask the person for a new one.")


@dataclass(frozen=True)
class Ask:
    """What an agent enters: whom they help, with which client of a service, why, how, and by what the person agreed.

    `code` is the person's, for the proofs by code; `document_number` and `signed` (they signed, and the face fits) for the card.
    """

    run: Run
    client_id: str
    org_id: str
    office: str
    reason: str
    channel: str
    actions: tuple[str, ...]
    proof: Proof
    code: str = ""
    document_number: str = ""
    signed: bool = False


@dataclass(frozen=True)
class Begun:
    """A session that was begun: the number to read out, the code that a colleague joins with, the code for the paper receipt."""

    assisted_id: str
    state: AssistedState
    match_code: str
    join_code: str
    receipt_code: str


def make_code(identity: Identity, person_id: UUID, proof: Proof) -> str:
    """Make a code by which the person lets an agent help, once: for now, or for a telephone call later (AS-2)."""
    with identity.transaction() as tx:
        purpose, life = PURPOSES[proof], LIVES[proof]
        return second_factors.make_message_code(identity, tx, person_id, purpose, channel=Channel.MAILBOX, life=life)


def list_clients(identity: Identity, org_ids: list[str]) -> list[tuple[str, str]]:
    """Return the clients at which agents of some offices may help: id and the service's name (AS-1)."""
    with identity.reading() as tx:
        joined = CLIENTS.join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
        joined = joined.join(ORGANISATIONS, SERVICES.c.organisation_id == ORGANISATIONS.c.id)
        offices = ORGANISATIONS.c.org_id.in_(org_ids) | SERVICES.c.assist_offices.overlap(org_ids)
        wanted = (CLIENTS.c.scopes.contains([assistance.SCOPE]), CLIENTS.c.state == "active", offices)
        query = select(CLIENTS.c.client_id, SERVICES.c.name).select_from(joined).where(*wanted).order_by(SERVICES.c.name)
        return [(row.client_id, row.name) for row in tx.connection.execute(query)]


def list_offices(identity: Identity, org_ids: list[str]) -> list[tuple[str, str]]:
    """Return some organisations by name: id and name."""
    with identity.reading() as tx:
        query = select(ORGANISATIONS.c.org_id, ORGANISATIONS.c.name).where(ORGANISATIONS.c.org_id.in_(org_ids))
        return [(row.org_id, row.name) for row in tx.connection.execute(query.order_by(ORGANISATIONS.c.name))]


def begin(identity: Identity, ask: Ask, *, agent_id: UUID) -> Begun:
    """Begin a session; it is open at once where the person's proof came with it.

    Raises: AssistanceRefused with what to do, RegistryAway, TooManyRequests.
    """
    client, role, actions = _check(identity, ask, agent_id)
    if ask.proof is Proof.CARD:
        _check_card(identity, ask)  # outside any transaction
    codes = [identity.ids.pick(one_time_codes.READABLE, one_time_codes.ACTIVATION_LENGTH) for _ in range(2)]
    match = identity.ids.pick(one_time_codes.DIGITS, 2) if ask.proof in NEEDS_ASKING else ""
    with identity.transaction() as tx:
        found = find_credentials(tx.connection, identity.cipher, ask.run)
        person_id = found.person_id if found is not None and found.state is PersonState.ACTIVE else None
        if person_id == agent_id:
            raise AssistanceRefused(gettext_noop("Nobody helps themselves like this. Use your own account."))
        _check_hour(identity, tx, agent_id)
        proved = _prove(identity, tx, ask, person_id)
        if proved:
            if ask.proof not in NEEDS_ASKING:  # else the person's own answer tells: an agent does not learn whether there is an account
                _check_stage(identity, tx, client, person_id)
            waits = person_id is not None and _is_repeated(identity, tx, agent_id, person_id)
            row = _insert(identity, tx, ask, client, actions, agent_id=agent_id, person_id=person_id, role=role, codes=codes, waits=waits)
            if not waits:
                _go_on(identity, tx, row, client, match)
    if not proved:
        raise AssistanceRefused(NO_PROOF)  # after the commit: the try counts
    with identity.reading() as tx:
        state = AssistedState(tx.connection.execute(select(ASSISTED.c.state).where(ASSISTED.c.id == row.id)).scalar_one())
    return Begun(row.assisted_id, state, match if state is AssistedState.ASKED else "", codes[0], codes[1])


def _check(identity: Identity, ask: Ask, agent_id: UUID) -> tuple[KnownClient, Role, tuple[str, ...]]:
    """Return client, role and actions of what an agent may do there (AS-1, AS-9).  Raises: AssistanceRefused."""
    if ask.client_id not in dict(list_clients(identity, [ask.org_id])):
        raise AssistanceRefused(gettext_noop("Your office does not help with this service."))
    with identity.reading() as tx:
        held = roles_of(tx.connection, agent_id, identity.clock.now())
        query = select(CLIENTS.c.id, SERVICES.c.assist_actions).join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
        row = tx.connection.execute(query.where(CLIENTS.c.client_id == ask.client_id)).one()
        client = read_client_by_row(tx.connection, row.id)
    role = next((role for role in (Role.AGENT, Role.HELPER) if f"{ask.org_id}:{role}" in held), None)
    if role is None or client is None:
        raise AssistanceRefused(gettext_noop("Your account has no role for this."))
    actions = assistance.allowed(ask.actions, by_service=row.assist_actions, is_helper=role is Role.HELPER)
    if not actions or len(actions) != len(set(ask.actions)):
        raise AssistanceRefused(gettext_noop("The service does not let you do that. Choose other actions."))
    if len(ask.reason) < 5:
        raise AssistanceRefused(gettext_noop("Write why you help: the person reads it."))
    return client, role, actions


def _check_stage(identity: Identity, tx: Transaction, client: KnownClient, person_id: UUID | None) -> None:
    """Refuse to help a person at a service that they do not reach themselves.  Raises: AssistanceRefused."""
    if person_id is None:
        return
    try:
        stages.check(identity, tx.connection, client, person_id)
    except AccessDenied:
        raise AssistanceRefused(gettext_noop("The service is on trial: only its team and its made-up persons reach it.")) from None


def _check_card(identity: Identity, ask: Ask) -> None:
    """Raises: AssistanceRefused, RegistryAway."""
    if ask.channel == "telephone":
        raise AssistanceRefused(gettext_noop("A card cannot be seen on the telephone. Choose another proof."))
    found = identity.civil_registry.check(ask.run, ask.document_number)
    if found is None or not found.alive or not found.document_valid:
        raise AssistanceRefused(gettext_noop("RUN and document do not belong together. Check both on the card."))
    if not ask.signed:
        raise AssistanceRefused(gettext_noop("Compare the face and have the person sign first."))


def _check_hour(identity: Identity, tx: Transaction, agent_id: UUID) -> None:
    """Raises: AssistanceRefused."""
    tx.connection.execute(select(func.pg_advisory_xact_lock(agent_id.int & (2**62 - 1))))
    since = (ASSISTED.c.agent_id == agent_id, ASSISTED.c.created_at > identity.clock.now() - timedelta(hours=1))
    if tx.connection.execute(select(func.count()).select_from(ASSISTED).where(*since)).scalar_one() >= PER_HOUR_MAX:
        raise AssistanceRefused(gettext_noop("You helped as many people as one can in an hour. A colleague can go on."))


def _prove(identity: Identity, tx: Transaction, ask: Ask, person_id: UUID | None) -> bool:
    """Answer whether the person's proof is good so far; with their device it comes later, also where nobody has that RUN."""
    if ask.proof in PURPOSES:
        plain = one_time_codes.canonical(ask.code)
        return person_id is not None and second_factors.use_message_code(identity, tx, person_id, PURPOSES[ask.proof], plain)
    return ask.proof in NEEDS_ASKING or person_id is not None


def _is_repeated(identity: Identity, tx: Transaction, agent_id: UUID, person_id: UUID) -> bool:
    since = ASSISTED.c.created_at > identity.clock.now() - SAME_PERSON_WITHIN
    pair = (ASSISTED.c.agent_id == agent_id, ASSISTED.c.person_id == person_id, since)
    return bool(tx.connection.execute(select(func.count()).select_from(ASSISTED).where(*pair)).scalar_one() >= SAME_PERSON_MAX)


def _insert(
    identity: Identity,
    tx: Transaction,
    ask: Ask,
    client: KnownClient,
    actions: tuple[str, ...],
    *,
    agent_id: UUID,
    person_id: UUID | None,
    role: Role,
    codes: list[str],
    waits: bool,
) -> AssistedRow:
    """Store a session that waits for a colleague or for its person, and return it locked."""
    now, row_id, lot = identity.clock.now(), identity.ids.uuid7(), int(identity.ids.pick(one_time_codes.DIGITS, 2))
    row = {
        "id": row_id,
        "assisted_id": "ast_" + identity.ids.token(16),
        "agent_id": agent_id,
        "client_id": client.id,
        "person_id": person_id,
        "role": role,
        "reason_sealed": identity.cipher.encrypt(ask.reason, scope=person_scope(person_id or agent_id)),
        "actions": list(actions),
        "join_index": code_index(identity, codes[0]),
        "receipt_index": code_index(identity, codes[1]),
        "state": AssistedState.WAITING if waits else AssistedState.ASKED,
        "to_review": lot < identity.settings.assist_review_percent,
        "created_at": now,
        "expires_at": now + (WAITS_FOR if waits else ASKED_FOR),
        **{name: getattr(ask, name) for name in ("org_id", "office", "channel", "proof")},
    }
    tx.connection.execute(ASSISTED.insert().values(row))
    subject, data = f"cl-run:{ask.run}", {"organisation": ask.org_id, "client": ask.client_id, "proof": str(ask.proof)}
    actor, named = f"person:{agent_id}", str(row["assisted_id"])
    tx.record(Event.ASSISTED_BEGUN, actor=actor, subject=subject, object_id=named, channel=ask.channel, data=data)
    return assisted_sessions.lock(tx, row_id)


def _go_on(identity: Identity, tx: Transaction, row: AssistedRow, client: KnownClient, match: str) -> None:
    """Open a session whose proof is there, or ask the person on their own device (CB-9, CB-10)."""
    if Proof(row.proof) not in NEEDS_ASKING:
        assisted_sessions.open_row(identity, tx, row, actor=f"person:{row.agent_id}")
        return
    if row.person_id is None:
        return
    mark = tx.connection.execute(select(PERSONS.c.run_index).where(PERSONS.c.id == row.person_id)).scalar_one()
    whom = ciba.Whom(bytes(mark), row.person_id)
    if ciba.is_worn_out(identity, tx, client, whom):
        return  # the agent learns no more than that nobody answers
    reason = assisted_sessions.reason_of(identity, row)[:60]
    values: dict[str, object] = {"whom_index": whom.mark, "person_id": row.person_id, "match_code": match, "binding_message": reason}
    values |= {"scopes": ["openid"], "acr_values": [], "interval_seconds": 5, "assisted_id": row.id}
    code, life = identity.ids.token(32), int(ASKED_FOR.total_seconds())
    remote_requests.add(identity, tx, client, RemoteKind.CIBA, code, life_seconds=life, **values)
    _, office = assisted_sessions.service_of(tx.connection, row)
    notices.tell(identity, tx, row.person_id, Kind.APPROVAL_ASKED, what=office)


def approve(identity: Identity, assisted_id: str, *, agent_id: UUID, org_ids: list[str]) -> str:
    """Let a colleague's repeated help go on, and return the number to read out (AS-8).

    Raises: AssistanceNotFound, AssistanceRefused, WrongState.
    """
    match = identity.ids.pick(one_time_codes.DIGITS, 2)
    with identity.transaction() as tx:
        row = assisted_sessions.lock_by_name(tx, assisted_id)
        if row.org_id not in org_ids or row.expires_at <= identity.clock.now():
            raise AssistanceNotFound
        if agent_id in {row.agent_id, row.person_id}:
            raise AssistanceRefused(gettext_noop("A colleague must approve this."))
        client = read_client_by_row(tx.connection, row.client_id)
        if client is None:
            raise AssistanceNotFound
        if Proof(row.proof) in NEEDS_ASKING:
            action = ASSISTED_STATES.check(AssistedState(row.state), AssistedState.ASKED)
            asked = {"state": AssistedState.ASKED, "expires_at": identity.clock.now() + ASKED_FOR, "approved_by": agent_id}
            tx.connection.execute(update(ASSISTED).where(ASSISTED.c.id == row.id).values(asked))
            tx.record(action, actor=f"person:{agent_id}", object_id=assisted_id, channel=row.channel)
            _go_on(identity, tx, assisted_sessions.lock(tx, row.id), client, match)
            return match
        assisted_sessions.open_row(identity, tx, row, actor=f"person:{agent_id}", approved_by=agent_id)
    return ""


def join(identity: Identity, code: str, *, agent_id: UUID) -> None:
    """Join a colleague's open session with its code, as interpreter or specialist (AS-6).  Raises: AssistanceRefused."""
    with identity.transaction() as tx:
        wanted = (ASSISTED.c.join_index == code_index(identity, code[:32]), ASSISTED.c.state == AssistedState.OPEN)
        row = tx.connection.execute(select(ASSISTED).where(*wanted).with_for_update()).one_or_none()
        if row is None or not assisted_sessions.is_open(identity, row) or agent_id in {row.agent_id, row.person_id} or row.second_id:
            raise AssistanceRefused(gettext_noop("No open session has that code."))
        held = roles_of(tx.connection, agent_id, identity.clock.now())
        org_id = next((role.rpartition(":")[0] for role in held if role.rpartition(":")[2] in STAFF), None)
        joined = {"second_id": agent_id, "second_org_id": org_id, "join_index": None}
        tx.connection.execute(update(ASSISTED).where(ASSISTED.c.id == row.id).values(joined))
        tx.record(Event.ASSISTED_JOINED, actor=f"person:{agent_id}", object_id=row.assisted_id, channel=row.channel)
        if org_id is not None:
            assisted_sessions.tell_opened(identity, tx, assisted_sessions.lock(tx, row.id))


def close(identity: Identity, assisted_id: str, *, agent_id: UUID) -> None:
    """End a session from the agent's side.  Raises: AssistanceNotFound, WrongState."""
    with identity.transaction() as tx:
        row = assisted_sessions.lock_by_name(tx, assisted_id)
        if agent_id not in {row.agent_id, row.second_id}:
            raise AssistanceNotFound
        target = AssistedState.CLOSED if row.state == AssistedState.OPEN else AssistedState.REFUSED
        assisted_sessions.end_row(identity, tx, row, target, actor=f"person:{agent_id}")


def object_to(identity: Identity, assisted_id: str, *, person_id: UUID) -> None:
    """Note that the person objects: it ends now, and is looked at (AS-5).  Raises: AssistanceNotFound, WrongState."""
    with identity.transaction() as tx:
        row = assisted_sessions.lock_by_name(tx, assisted_id)
        if row.person_id != person_id:
            raise AssistanceNotFound
        assisted_sessions.end_row(identity, tx, row, AssistedState.OBJECTED, actor=f"person:{person_id}")


def object_by_receipt(identity: Identity, code: str) -> None:
    """Object with the code of a paper receipt.  Raises: AssistanceNotFound, WrongState."""
    with identity.transaction() as tx:
        wanted = ASSISTED.c.receipt_index == code_index(identity, code[:32])
        row = tx.connection.execute(select(ASSISTED).where(wanted).with_for_update()).one_or_none()
        if row is None:
            raise AssistanceNotFound
        assisted_sessions.end_row(identity, tx, row, AssistedState.OBJECTED, actor="receipt")
