"""Backchannel authentication: an agent asks, the citizen answers on their own device (§2.20).  Spec: OpenID Connect CIBA Core 1.0."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from identity.context import Identity
from identity.errors import InvalidRequestObject, OAuthInvalidRequest, UnauthorizedClient
from identity.events import Event
from identity.models.client_store import KnownClient
from identity.models.finders import PERSONS, SUBJECTS, find_credentials, run_index
from identity.models.person import PersonState
from identity.models.remote_request import RemoteKind, RemoteState
from identity.operations import hints, notices, pings
from identity.operations.authorization_requests import read_scopes
from identity.operations.calls import Call
from identity.operations.client_authentication import Authenticated, authenticate, find_key, use_assertion
from identity.operations.notices import Kind
from identity.operations.remote_requests import REQUESTS, add, read_levels
from identity.standards import ciba, jose, rfc6749, rfc9101
from identity.standards.remote_refusals import GrantDenied, UnknownUserId
from identity.standards.rfc6749 import Parameters
from identity.standards.rfc7523 import Assertion
from shared.problems import TooManyRequests
from shared.run import InvalidRun, parse_run
from shared.transaction import Transaction

ENUMERATE = "identity:enumerate"
"""Scope of clients that may be told that nobody has a RUN."""
OPEN_PER_PERSON_MAX = 3
REFUSALS_MAX, REFUSAL_WINDOW, BLOCKED = 2, timedelta(hours=1), timedelta(hours=24)


class Whom(NamedTuple):
    """Whom a request is about: a keyed hash that stands for them in any case, and the person if there is one."""

    mark: bytes
    person_id: UUID | None


def begin(identity: Identity, call: Call) -> dict[str, object]:
    """Answer a backchannel authentication request.  Raises: OAuthError, TooManyRequests."""
    authenticated = authenticate(identity, call)
    client = authenticated.client
    if ciba.GRANT_TYPE not in client.grant_types:
        raise UnauthorizedClient("this client may not use that grant")
    jti, parameters = _read_object(identity, client, call.parameters)
    scopes = read_scopes(client, parameters.get("scope"))
    if "openid" not in scopes:
        raise OAuthInvalidRequest("scope needs openid")
    name, hint = ciba.the_hint(parameters)
    code, match = identity.ids.token(32), identity.ids.pick("0123456789", 2)
    with identity.transaction() as tx:
        use_assertion(tx, authenticated)
        use_assertion(
            tx, Authenticated(client, Assertion("request|" + jti, int(identity.clock.now().timestamp()) + rfc9101.LIFE_SECONDS_MAX))
        )
        whom = _whom(identity, tx, client, name, hint)
        if is_worn_out(identity, tx, client, whom):
            tx.record(Event.REMOTE_BLOCKED, actor=f"client:{client.client_id}", outcome="refused", object_id=client.client_id)
            request_id = None
        else:
            request_id = _store(identity, tx, client, whom, parameters, scopes=scopes, code=code, match=match)
    if request_id is None:
        raise GrantDenied("this person refused several times: ask them to call you")  # after the commit: the alert stays
    return {"auth_req_id": code, "expires_in": ciba.expiry_seconds(parameters), "interval": ciba.INTERVAL_SECONDS, "match_code": match}


def _store(
    identity: Identity,
    tx: Transaction,
    client: KnownClient,
    whom: Whom,
    parameters: Parameters,
    *,
    scopes: tuple[str, ...],
    code: str,
    match: str,
) -> UUID:
    """Store the request, and have its person told."""
    values: dict[str, object] = {
        "scopes": list(scopes),
        "whom_index": whom.mark,
        "person_id": whom.person_id,
        "binding_message": ciba.binding_message(parameters),
        "match_code": match,
        "interval_seconds": ciba.INTERVAL_SECONDS,
        "callback_sealed": pings.seal(identity, client.id, code, ciba.notification_token(parameters)) if client.notification_uri else None,
    }
    values |= read_levels(client, parameters)
    request_id = add(identity, tx, client, RemoteKind.CIBA, code, life_seconds=ciba.expiry_seconds(parameters), **values)
    tx.record(Event.REMOTE_ASKED, actor=f"client:{client.client_id}", object_id=str(request_id), data={"kind": "ciba"})
    if whom.person_id is not None:
        notices.tell(identity, tx, whom.person_id, Kind.APPROVAL_ASKED, what=client.organisation_name)
    return request_id


def _read_object(identity: Identity, client: KnownClient, outside: Parameters) -> tuple[str, Parameters]:
    """Return the parameters of the signed request; what stands beside it does not count (CB-1).  Raises: InvalidRequestObject."""
    token = outside.get("request")
    if token is None or client.request_object_alg is None:
        raise OAuthInvalidRequest("a signed request is needed")
    try:
        claims = jose.verify(
            token,
            lambda header: find_key(identity, client, header),
            algorithms=jose.names_of(client.request_object_alg),
            types=rfc9101.TYPES,
        )
    except jose.InvalidToken as error:
        raise InvalidRequestObject(f"the signed request was refused: {error}") from None
    jti = ciba.check_object(claims)
    named = {**claims, "client_id": claims.get("iss")}  # CIBA names the client by iss alone
    now = identity.clock.now().timestamp()
    rfc9101.check_claims(named, client_id=client.client_id, issuer=identity.settings.issuer, now=now, needs_not_before=True)
    return jti, rfc6749.read_parameters(rfc9101.parameters_of(claims))


def _whom(identity: Identity, tx: Transaction, client: KnownClient, name: str, hint: str) -> Whom:
    """Find the person of a hint.  Raises: UnknownUserId only to clients that may ask whether somebody exists (CB-8)."""
    whom = _by_run(identity, tx, hint) if name == "login_hint" else _by_token(identity, tx, hint)
    if whom.person_id is None and ENUMERATE in client.scopes:
        raise UnknownUserId("nobody is known by that hint")
    return whom


def _by_run(identity: Identity, tx: Transaction, hint: str) -> Whom:
    try:
        run = parse_run(hint[:64])
    except InvalidRun:
        raise OAuthInvalidRequest("login_hint is no RUN") from None
    found = find_credentials(tx.connection, identity.cipher, run)
    is_there = found is not None and found.state is PersonState.ACTIVE
    return Whom(run_index(identity.cipher, run), found.person_id if found and is_there else None)


def _by_token(identity: Identity, tx: Transaction, hint: str) -> Whom:
    known = hints.read_hint(identity, hint)
    if known is None:
        raise OAuthInvalidRequest("id_token_hint is not a token of this server")
    joined = SUBJECTS.join(PERSONS, SUBJECTS.c.person_id == PERSONS.c.id)
    query = select(PERSONS.c.run_index, PERSONS.c.id, PERSONS.c.state).select_from(joined).where(SUBJECTS.c.sub == known.subject)
    row = tx.connection.execute(query).one_or_none()
    if row is None:
        return Whom(identity.cipher.blind_index(known.subject, purpose="ciba-subject"), None)
    return Whom(bytes(row.run_index), row.id if row.state == PersonState.ACTIVE else None)


def is_worn_out(identity: Identity, tx: Transaction, client: KnownClient, whom: Whom) -> bool:
    """Answer whether a person refused this client so often that it is blocked (CB-10).  Raises: TooManyRequests (CB-9)."""
    now = identity.clock.now()
    tx.connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(whom.mark[:7], "big"))))
    query = select(REQUESTS.c.client_id, REQUESTS.c.state, REQUESTS.c.decided_at, REQUESTS.c.expires_at)
    since = now - BLOCKED - REFUSAL_WINDOW
    rows = tx.connection.execute(query.where(REQUESTS.c.whom_index == whom.mark, REQUESTS.c.created_at > since)).all()
    is_open = [row for row in rows if row.state == RemoteState.PENDING and row.expires_at > now]
    if len(is_open) >= OPEN_PER_PERSON_MAX or any(row.client_id == client.id for row in is_open):
        raise TooManyRequests("A request to this person is still open.", retry_after_seconds=ciba.EXPIRY_SECONDS)
    refusals = [row.decided_at for row in rows if row.client_id == client.id and row.state == RemoteState.DENIED]
    return is_blocked(refusals, now)


def is_blocked(refusals: Sequence[datetime], now: datetime) -> bool:
    """Answer whether two refusals within an hour lie less than a day back."""
    times = sorted(refusals)
    return any(later - before <= REFUSAL_WINDOW and now - later < BLOCKED for before, later in itertools.pairwise(times))


def waiting_for(identity: Identity, person_id: UUID) -> list[UUID]:
    """Return the requests that wait for a person's answer, newest first."""
    with identity.reading() as tx:
        query = select(REQUESTS.c.id).where(REQUESTS.c.person_id == person_id, REQUESTS.c.state == RemoteState.PENDING)
        query = query.where(REQUESTS.c.kind == RemoteKind.CIBA, REQUESTS.c.expires_at > identity.clock.now())
        return list(tx.connection.execute(query.order_by(REQUESTS.c.created_at.desc())).scalars())
