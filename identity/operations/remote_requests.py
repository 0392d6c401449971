"""Make a request that is answered elsewhere, and take the person's answer (§2.19, §2.20)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from identity.context import Identity
from identity.errors import AccessDenied, OAuthInvalidRequest, RemoteRequestNotFound
from identity.models.base import table_of
from identity.models.client_store import KnownClient, read_client_by_row
from identity.models.finders import can_reach
from identity.models.grant import Grant
from identity.models.remote_request import REMOTE_STATES, RemoteKind, RemoteRequest, RemoteState
from identity.operations import assisted_sessions, pings, proofings, stages
from identity.operations.assisted_sessions import OwnProof
from identity.operations.authorization_requests import AuthorizationRequest
from identity.operations.sessions import Session
from identity.standards import acr, rfc8485
from identity.standards.rfc6749 import Parameters
from shared.crypto import constant_time_equal, sha256_hex
from shared.transaction import Transaction
from shared.web.words import gettext_noop


class NotChecked(Exception):
    """The person was not checked, or cannot sign in, as any of the vectors asks."""


REQUESTS, GRANTS = table_of(RemoteRequest), table_of(Grant)


@dataclass(frozen=True)
class Shown:
    """A request as its person sees it."""

    id: UUID
    kind: RemoteKind
    client: KnownClient
    scopes: tuple[str, ...]
    acr_values: tuple[str, ...]
    vectors: tuple[str, ...]
    binding_message: str | None
    needs_match: bool
    network_index: bytes | None
    created_at: datetime
    assisted_id: UUID | None = None

    @property
    def request(self) -> AuthorizationRequest:
        """The request in the form that says what data it asks for."""
        return AuthorizationRequest(client_id=self.client.client_id, redirect_uri="", response_mode="", scopes=self.scopes)


def add(
    identity: Identity, tx: Transaction, client: KnownClient, kind: RemoteKind, code: str, *, life_seconds: int, **values: object
) -> UUID:
    """Store a request under its code, and return its id."""
    now, request_id = identity.clock.now(), identity.ids.uuid4()
    empty = {"resources": [], "acr_values": list(client.default_acr_values), "vectors": []}
    row = {
        "id": request_id,
        "kind": kind,
        "code_hash": sha256_hex(code),
        "client_id": client.id,
        "state": RemoteState.PENDING,
        "created_at": now,
        "expires_at": now + timedelta(seconds=life_seconds),
        **empty,
        **values,
    }
    tx.connection.execute(REQUESTS.insert().values(row))
    return request_id


def show(identity: Identity, tx: Transaction, request_id: UUID, *, person_id: UUID | None = None, lock: bool = False) -> Shown:
    """Return a request that waits for an answer; one that names a person is there for that person alone.

    Raises: RemoteRequestNotFound.
    """
    query = select(REQUESTS).where(REQUESTS.c.id == request_id, REQUESTS.c.state == RemoteState.PENDING)
    query = query.where(REQUESTS.c.expires_at > identity.clock.now())
    row = tx.connection.execute(query.with_for_update() if lock else query).one_or_none()
    of_another = row is not None and row.kind == RemoteKind.CIBA and row.person_id != person_id
    client = read_client_by_row(tx.connection, row.client_id) if row is not None and not of_another else None
    if row is None or client is None:
        raise RemoteRequestNotFound(gettext_noop("It was answered already, or its time is over. Begin again where it came from."))
    return Shown(
        id=row.id,
        kind=RemoteKind(row.kind),
        client=client,
        scopes=tuple(row.scopes),
        acr_values=tuple(row.acr_values),
        vectors=tuple(row.vectors),
        binding_message=row.binding_message,
        needs_match=row.match_code is not None,
        network_index=row.network_index,
        created_at=row.created_at,
        assisted_id=row.assisted_id,
    )


def read_levels(client: KnownClient, parameters: Parameters) -> dict[str, object]:
    """Return how strongly a request wants its person to be signed in: by `acr_values` or `vtr` (§2.26).  Raises: OAuthInvalidRequest."""
    acr_values, vectors = (parameters.get("acr_values") or "").split()[:8], rfc8485.parse(parameters.get("vtr"))
    if acr_values and vectors:
        raise OAuthInvalidRequest("vtr and acr_values do not go together")
    return {"acr_values": [] if vectors else acr_values or list(client.default_acr_values), "vectors": list(vectors)}


def wanted_level(identity: Identity, shown: Shown, session: Session) -> str | None:
    """Return the level of sign-in that this person needs for a request; None where any will do.

    By vectors it is that of the first one which the person can satisfy.  Raises: NotChecked where there is none.
    """
    if not shown.vectors:
        return acr.wanted_level(shown.acr_values)
    with identity.reading() as tx:
        held = proofings.level_of(identity, tx.connection, session.person_id)
        for vector in map(rfc8485.read, shown.vectors):
            is_reached = vector.level is None or acr.satisfies(session.acr, vector.level)
            if held >= vector.proofing and (is_reached or can_reach(tx.connection, session.person_id, str(vector.level))):
                return vector.level
    raise NotChecked


def office_of(identity: Identity, shown: Shown) -> str:
    """Return who asks: the organisation of the client, or the office that wants to help there (CB-9)."""
    if shown.assisted_id is None:
        return shown.client.organisation_name
    with identity.transaction() as tx:
        return assisted_sessions.service_of(tx.connection, assisted_sessions.lock(tx, shown.assisted_id))[1]


def approve(identity: Identity, request_id: UUID, session: Session, *, match_code: str = "") -> bool:
    """Let the client have what it asked for; False when the number is not the one that the agent read out.

    Raises: RemoteRequestNotFound; AccessDenied where the person does not reach the service, and the request is refused.
    """
    try:
        return _approve(identity, request_id, session, match_code=match_code)
    except AccessDenied:
        deny(identity, request_id, session)
        raise


def _approve(identity: Identity, request_id: UUID, session: Session, *, match_code: str) -> bool:
    with identity.transaction() as tx:
        shown = show(identity, tx, request_id, person_id=session.person_id, lock=True)
        stages.check(identity, tx.connection, shown.client, session.person_id)
        columns = (REQUESTS.c.match_code, REQUESTS.c.resources, REQUESTS.c.assisted_id)
        row = tx.connection.execute(select(*columns).where(REQUESTS.c.id == request_id)).one()
        if row.match_code is not None and not constant_time_equal(match_code.strip(), row.match_code):
            _decide(identity, tx, shown, RemoteState.DENIED, session)  # one try: a guess is as good as a refusal
            return False
        if row.assisted_id is not None:
            _decide(identity, tx, shown, RemoteState.APPROVED, session)
            return True
        grant_id = identity.ids.uuid7()
        grant = {
            "id": grant_id,
            "client_id": shown.client.id,
            "person_id": session.person_id,
            "session_id": session.id,
            "scopes": [scope for scope in shown.scopes if scope != "offline_access"],
            "resources": list(row.resources),
            "offline": "offline_access" in shown.scopes,
            "auth_time": session.auth_time,
            "acr": session.acr,
            "amr": list(session.amr),
            "vot": rfc8485.told(proofings.level_of(identity, tx.connection, session.person_id), session.acr) if shown.vectors else None,
            "created_at": identity.clock.now(),
        }
        tx.connection.execute(GRANTS.insert().values(grant))
        _decide(identity, tx, shown, RemoteState.APPROVED, session, grant_id=grant_id)
    return True


def deny(identity: Identity, request_id: UUID, session: Session, *, not_me: bool = False) -> None:
    """Refuse a request; `not_me` says besides that the person did not begin it.  Raises: RemoteRequestNotFound."""
    with identity.transaction() as tx:
        shown = show(identity, tx, request_id, person_id=session.person_id, lock=True)
        _decide(identity, tx, shown, RemoteState.DENIED, session, not_me=not_me)


def _decide(
    identity: Identity,
    tx: Transaction,
    shown: Shown,
    target: RemoteState,
    session: Session,
    *,
    grant_id: UUID | None = None,
    not_me: bool = False,
) -> None:
    action = REMOTE_STATES.check(RemoteState.PENDING, target)
    values = {"state": target, "grant_id": grant_id, "person_id": session.person_id, "decided_at": identity.clock.now()}
    tx.connection.execute(update(REQUESTS).where(REQUESTS.c.id == shown.id).values(values))
    data: dict[str, str | int | bool | list[str]] = {"client": shown.client.client_id, "kind": str(shown.kind), "not_me": not_me}
    tx.record(action, actor=f"person:{session.person_id}", object_id=str(shown.id), channel="web", data=data)
    if shown.assisted_id is not None:
        own = OwnProof(session.acr, session.amr, session.auth_time)
        assisted_sessions.answered(identity, tx, shown.assisted_id, own if target is RemoteState.APPROVED else None)
    elif shown.kind is RemoteKind.CIBA:
        pings.enqueue(tx, shown.id)
