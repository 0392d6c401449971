"""End the sign-on session, at a client's wish or the person's own (LO-1…LO-6, CU-34)."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from identity.context import Identity
from identity.errors import LogoutNotFound, OAuthInvalidRequest
from identity.models.base import table_of
from identity.models.client import Client
from identity.models.client_store import KnownClient
from identity.models.finders import SUBJECTS
from identity.models.history import What
from identity.models.interaction import LogoutRequest
from identity.operations import hints, history, logout_notices, sessions
from identity.operations.sessions import Session
from identity.standards import logout_tokens
from identity.standards.redirect_uris import origin_of
from identity.standards.rfc6749 import Parameters, add_to_query
from shared.crypto import sha256_hex
from shared.web.words import gettext_noop

REQUESTS, CLIENTS = table_of(LogoutRequest), table_of(Client)
LIFE = timedelta(minutes=30)


@dataclass(frozen=True)
class Wish:
    """A request to sign out that was read: where to go afterwards, who asks, and about whom.

    `trusted` is true when there is proof which client asks; only then the person is not asked.
    """

    client_id: str | None
    redirect_uri: str | None
    state: str | None
    subject: str | None
    trusted: bool


def read_wish(identity: Identity, parameters: Parameters) -> Wish:
    """Read an end-session request.  Raises: OAuthInvalidRequest, shown as a page: never a redirect to an address not registered."""
    parameters.refuse_repeated()
    token, client_id = parameters.get("id_token_hint"), parameters.get("client_id")
    hint = hints.read_hint(identity, token) if token else None
    if token and hint is None:
        raise OAuthInvalidRequest("id_token_hint is not a token of this server")
    if hint and client_id not in {None, hint.client_id}:
        raise OAuthInvalidRequest("id_token_hint is of another client")
    named = hint.client_id if hint else client_id
    client = identity.clients.find(named) if named else None
    redirect_uri = parameters.get("post_logout_redirect_uri")
    if redirect_uri is not None and (client is None or redirect_uri not in client.post_logout_redirect_uris):
        raise OAuthInvalidRequest("post_logout_redirect_uri is not registered")
    if redirect_uri is not None and hint is None:
        raise OAuthInvalidRequest("post_logout_redirect_uri needs an id_token_hint")
    state = parameters.get("state") if redirect_uri else None
    return Wish(named, redirect_uri, state, hint.subject if hint else None, trusted=hint is not None)


def read_clave_unica_wish(identity: Identity, redirect: str | None, referrer: str | None) -> Wish:
    """Read a logout of a ClaveÚnica client: the redirect must be registered, its page's own origin is the proof (CU-34)."""
    if redirect is None:
        return Wish(None, None, None, None, trusted=False)
    with identity.reading() as tx:
        query = select(CLIENTS.c.client_id).where(CLIENTS.c.post_logout_redirect_uris.contains([redirect]), CLIENTS.c.state == "active")
        client_id = tx.connection.execute(query.order_by(CLIENTS.c.client_id).limit(1)).scalar_one_or_none()
    if client_id is None:
        raise OAuthInvalidRequest("redirect is not registered")
    trusted = referrer is not None and origin_of(referrer) == origin_of(redirect)
    return Wish(client_id, redirect, None, None, trusted=trusted)


def must_ask(identity: Identity, wish: Wish, session: Session | None) -> bool:
    """Answer whether the person is asked before the session ends: no proof who asks, or about somebody else (LO-5, LO-6)."""
    if session is None:
        return False
    if not wish.trusted:
        return True
    return wish.subject is not None and not _is_about(identity, wish.subject, session)


def _is_about(identity: Identity, subject: str, session: Session) -> bool:
    with identity.reading() as tx:
        query = select(SUBJECTS.c.person_id).where(SUBJECTS.c.sub == subject)
        return tx.connection.execute(query).scalar_one_or_none() == session.person_id


def keep(identity: Identity, wish: Wish) -> str:
    """Store a wish until the person has answered, and return its id."""
    now, wish_id = identity.clock.now(), identity.ids.token(32)
    stored = {name: getattr(wish, name) for name in ("client_id", "redirect_uri", "state", "subject", "trusted")}
    row = {"id_hash": sha256_hex(wish_id), "request": stored, "created_at": now, "expires_at": now + LIFE}
    with identity.transaction() as tx:
        tx.connection.execute(REQUESTS.insert().values(row))
    return wish_id


def find_kept(identity: Identity, wish_id: str) -> Wish:
    """Return a stored wish.  Raises: LogoutNotFound."""
    with identity.reading() as tx:
        query = select(REQUESTS.c.request).where(REQUESTS.c.id_hash == sha256_hex(wish_id), REQUESTS.c.expires_at > identity.clock.now())
        stored = tx.connection.execute(query).scalar_one_or_none()
    if stored is None:
        raise LogoutNotFound(gettext_noop("Go back to the service and sign out there again."))
    return Wish(stored["client_id"], stored["redirect_uri"], stored["state"], stored["subject"], stored["trusted"])


def sign_out(identity: Identity, session: Session | None) -> tuple[str, ...]:
    """End the session of this browser, if it has one.

    Returns the addresses that the browser opens in frames, so that its services sign out there too, where that is on (LO-11).
    """
    if session is None:
        return ()
    with identity.transaction() as tx:
        clients = logout_notices.clients_of(tx.connection, session.id) if identity.settings.frontchannel_logout else ()
        frames = [_frame(identity, session, client) for client in clients if client.frontchannel_logout_uri]
        sessions.end_session(identity, tx, session)
        history.note(identity, tx, session.person_id, What.LOGOUT)
    return tuple(frames)


def _frame(identity: Identity, session: Session, client: Client) -> str:
    """Return a client's address with whose session it is.  Spec: OpenID Connect Front-Channel Logout 1.0 §2."""
    sid = logout_tokens.sid_of(identity.pairwise_key, session.id, client.sector)
    return add_to_query(client.frontchannel_logout_uri or "", {"iss": identity.settings.issuer, "sid": sid})


def client_of(identity: Identity, wish: Wish) -> KnownClient | None:
    """Return the client that a wish names."""
    return identity.clients.find(wish.client_id) if wish.client_id else None
