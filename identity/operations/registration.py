"""Clients register themselves, and look after their registration (§2.21).

In production the bearer of an initial token registers clients of one service.  In the sandbox anybody may, for a while.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from identity.context import Identity
from identity.errors import (
    InvalidClientMetadata,
    InvalidRegistrationMetadata,
    InvalidToken,
    RegisterConflict,
    RegisterNotFound,
    TokenMissing,
)
from identity.events import Event
from identity.models.base import table_of
from identity.models.client import Client, ClientSecret
from identity.models.grant import Grant
from identity.models.registration import InitialToken, Registration
from identity.models.service import Service
from identity.operations import register, sectors
from identity.operations.client_rules import NewClient
from identity.standards import jose, rfc7591
from identity.standards.rfc6749 import parse_scope
from identity.standards.rfc7591 import Metadata
from shared.crypto import sha256_hex
from shared.problems import TooManyRequests
from shared.transaction import Transaction

CLIENTS, SECRETS, GRANTS, SERVICES = table_of(Client), table_of(ClientSecret), table_of(Grant), table_of(Service)
REGISTRATIONS, INITIAL = table_of(Registration), table_of(InitialToken)
OPEN = "open-registration"
"""Organisation and service of the clients that anybody registered in the sandbox."""
OPEN_LIFE, OPEN_WINDOW, OPEN_PER_WINDOW = timedelta(days=30), timedelta(hours=1), 10
INITIAL_LIFE = timedelta(days=7)
ACTOR = "registration"


@dataclass(frozen=True)
class Registered:
    """A registration as it is read back; secret and token only where they are new."""

    client_id: str
    metadata: dict[str, object]
    issued_at: datetime
    client_secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def make_initial_token(identity: Identity, service_id: str, *, actor: str) -> str:
    """Return a token with which clients of a service can be registered for a week.  Raises: RegisterNotFound."""
    now, token = identity.clock.now(), identity.ids.token(32)
    with identity.transaction() as tx:
        service = tx.connection.execute(select(SERVICES.c.id).where(SERVICES.c.service_id == service_id)).scalar_one_or_none()
        if service is None:
            raise RegisterNotFound("The register has no such service.")
        row = {
            "token_hash": sha256_hex(token),
            "service_id": service,
            "made_by": actor,
            "created_at": now,
            "expires_at": now + INITIAL_LIFE,
        }
        tx.connection.execute(INITIAL.insert().values(row))
        tx.record(Event.INITIAL_TOKEN_MADE, actor=actor, object_id=service_id)
    return token


def create_registration(identity: Identity, metadata: Metadata, *, token: str | None, address: str) -> Registered:
    """Register a client.  Raises: TokenMissing, InvalidToken, TooManyRequests, OAuthError for what it says about itself."""
    sector = _checked_sector(identity, metadata)
    service_id, is_open = _service_for(identity, token, address)
    client_id, management = identity.ids.token(16), identity.ids.token(32)
    new = _new_client(metadata, client_id, service_id, sector)
    try:
        made = register.create_client(identity, new, actor=ACTOR)
    except InvalidClientMetadata as error:
        raise InvalidRegistrationMetadata(error.detail) from None
    now = identity.clock.now()
    with identity.transaction() as tx:
        row = {
            "client_id": select(CLIENTS.c.id).where(CLIENTS.c.client_id == client_id).scalar_subquery(),
            "token_hash": sha256_hex(management),
            "metadata_shown": metadata.shown(),
            "address_index": _index(identity, address) if is_open else None,
            "created_at": now,
            "expires_at": now + OPEN_LIFE if is_open else None,
        }
        tx.connection.execute(REGISTRATIONS.insert().values(row))
        tx.record(Event.CLIENT_REGISTERED, actor=ACTOR, object_id=client_id, data={"open": is_open})
    return Registered(client_id, metadata.shown(), now, made.client_secret, management)


def read_registration(identity: Identity, client_id: str, token: str | None) -> Registered:
    """Return a registration to the bearer of its token.  Raises: TokenMissing, InvalidToken."""
    with identity.reading() as tx:
        row = _authorized(identity, tx, client_id, token)
    return Registered(client_id, dict(row.metadata_shown), row.created_at)


def replace_registration(identity: Identity, client_id: str, token: str | None, metadata: Metadata) -> Registered:
    """Put a new description in place of the old one; the token changes too (RG-8, RG-9).  Raises: as create_registration."""
    sector = _checked_sector(identity, metadata)
    management = identity.ids.token(32)
    with identity.transaction() as tx:
        row = _authorized(identity, tx, client_id, token)
        new = _new_client(metadata, client_id, row.service_id, sector)
        try:
            secret = register.replace_client(identity, tx, new, actor=ACTOR)
        except InvalidClientMetadata as error:
            raise InvalidRegistrationMetadata(error.detail) from None
        values = {"token_hash": sha256_hex(management), "metadata_shown": metadata.shown()}
        tx.connection.execute(update(REGISTRATIONS).where(REGISTRATIONS.c.client_id == row.client_id).values(values))
    identity.clients.forget()
    return Registered(client_id, metadata.shown(), row.created_at, secret, management)


def delete_registration(identity: Identity, client_id: str, token: str | None) -> None:
    """End a client: its grants with their tokens, its secrets, and its registration.  Raises: TokenMissing, InvalidToken."""
    with identity.transaction() as tx:
        row = _authorized(identity, tx, client_id, token)
        _end_client(identity, tx, row.client_id)
        tx.record(Event.CLIENT_DELETED, actor=ACTOR, object_id=client_id)
    identity.clients.forget()


def end_expired(identity: Identity) -> int:
    """End the clients of the sandbox that nobody claimed in time; return how many (RG-1)."""
    with identity.transaction() as tx:
        over = select(REGISTRATIONS.c.client_id, CLIENTS.c.client_id.label("name")).join(CLIENTS, CLIENTS.c.id == REGISTRATIONS.c.client_id)
        rows = tx.connection.execute(over.where(REGISTRATIONS.c.expires_at <= identity.clock.now())).all()
        for row in rows:
            _end_client(identity, tx, row.client_id)
            tx.record(Event.CLIENT_DELETED, actor=ACTOR, object_id=row.name, channel="system")
    identity.clients.forget()
    return len(rows)


def _end_client(identity: Identity, tx: Transaction, row_id: object) -> None:
    """The row of the client stays, blocked, since grants and the audit log name it."""
    tx.connection.execute(update(CLIENTS).where(CLIENTS.c.id == row_id).values(state="blocked"))
    alive = (GRANTS.c.client_id == row_id, GRANTS.c.revoked_at.is_(None))
    tx.connection.execute(update(GRANTS).where(*alive).values(revoked_at=identity.clock.now()))
    tx.connection.execute(delete(SECRETS).where(SECRETS.c.client_id == row_id))
    tx.connection.execute(delete(REGISTRATIONS).where(REGISTRATIONS.c.client_id == row_id))


@dataclass(frozen=True)
class _Row:
    client_id: object
    service_id: str
    metadata_shown: dict[str, object]
    created_at: datetime


def _authorized(identity: Identity, tx: Transaction, client_id: str, token: str | None) -> _Row:
    """Return the registration that a token belongs to; a token of another client is as bad as none."""
    if token is None:
        raise TokenMissing("send the registration token")
    joined = REGISTRATIONS.join(CLIENTS, REGISTRATIONS.c.client_id == CLIENTS.c.id).join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
    columns = (REGISTRATIONS.c.client_id, SERVICES.c.service_id, REGISTRATIONS.c.metadata_shown, REGISTRATIONS.c.created_at)
    mine = (CLIENTS.c.client_id == client_id, REGISTRATIONS.c.token_hash == sha256_hex(token), CLIENTS.c.state == "active")
    lasting = REGISTRATIONS.c.expires_at.is_(None) | (REGISTRATIONS.c.expires_at > identity.clock.now())
    row = tx.connection.execute(select(*columns).select_from(joined).where(*mine, lasting)).one_or_none()
    if row is None:
        raise InvalidToken("the registration token is not valid")
    return _Row(*row)


def _service_for(identity: Identity, token: str | None, address: str) -> tuple[str, bool]:
    """Return the service of a new client, and whether anybody could have registered it."""
    if token is not None:
        with identity.reading() as tx:
            query = select(SERVICES.c.service_id).join(INITIAL, INITIAL.c.service_id == SERVICES.c.id)
            query = query.where(INITIAL.c.token_hash == sha256_hex(token), INITIAL.c.expires_at > identity.clock.now())
            found = tx.connection.execute(query).scalar_one_or_none()
        if found is None:
            raise InvalidToken("the initial access token is not valid")
        return found, False
    if not identity.settings.is_sandbox:
        raise TokenMissing("registering needs an initial access token")
    _refuse_crowd(identity, address)
    _ensure_open_service(identity)
    return OPEN, True


def _index(identity: Identity, address: str) -> bytes:
    return identity.cipher.blind_index(address, purpose="registration-address")


def _refuse_crowd(identity: Identity, address: str) -> None:
    since = identity.clock.now() - OPEN_WINDOW
    lately = (REGISTRATIONS.c.address_index == _index(identity, address), REGISTRATIONS.c.created_at > since)
    with identity.reading() as tx:
        made = tx.connection.execute(select(func.count()).select_from(REGISTRATIONS).where(*lately)).scalar_one()
    if made >= OPEN_PER_WINDOW:
        raise TooManyRequests("Ten clients an hour.", retry_after_seconds=int(OPEN_WINDOW.total_seconds()))


def _ensure_open_service(identity: Identity) -> None:
    with identity.reading() as tx:
        if tx.connection.execute(select(SERVICES.c.id).where(SERVICES.c.service_id == OPEN)).scalar_one_or_none() is not None:
            return
    try:
        register.create_organisation(identity, org_id=OPEN, name="Sandbox", kind="private", contact_email="sandbox@invalid", actor=ACTOR)
        register.create_service(
            identity,
            service_id=OPEN,
            org_id=OPEN,
            name="Sandbox",
            purpose="Trying things out.",
            stage="trial",
            release_basis="consent",
            start_url=identity.settings.public_url + "/",
            contact_email="sandbox@invalid",
            actor=ACTOR,
        )
    except RegisterConflict:
        return  # another process was faster


def _checked_sector(identity: Identity, metadata: Metadata) -> str | None:
    """Check the redirect addresses, and return the sector that the client names, if it does (RG-3, RG-4)."""
    rfc7591.check_redirect_uris(metadata, loopback=identity.settings.is_sandbox)
    uri = metadata.text("sector_identifier_uri")
    return sectors.fetch_sector(identity, uri, metadata.texts("redirect_uris")) if uri else None


def _new_client(metadata: Metadata, client_id: str, service_id: str, sector: str | None) -> NewClient:
    values, policy, method = metadata.values, rfc7591.policy_of(metadata), metadata.text("token_endpoint_auth_method")
    alg, name = metadata.text("token_endpoint_auth_signing_alg"), metadata.text("client_name")
    if alg is not None and alg not in jose.CLIENT_ALGORITHMS:
        raise InvalidRegistrationMetadata("token_endpoint_auth_signing_alg is not taken")
    return NewClient(
        client_id=client_id,
        service_id=service_id,
        name=name or client_id,
        policy=policy,
        auth_method=method,
        auth_alg=alg or "ES256",
        jwks=values.get("jwks"),
        jwks_uri=metadata.text("jwks_uri"),
        grant_types=metadata.texts("grant_types"),
        redirect_uris=metadata.texts("redirect_uris"),
        post_logout_redirect_uris=metadata.texts("post_logout_redirect_uris"),
        native=policy == "public" and metadata.text("application_type") == "native",
        scopes=parse_scope(metadata.text("scope")),
        sector=sector,
        id_token_alg=metadata.text("id_token_signed_response_alg") or "RS256",
        id_token_encryption_alg=metadata.text("id_token_encrypted_response_alg"),
        userinfo_alg=metadata.text("userinfo_signed_response_alg"),
        request_object_alg=metadata.text("backchannel_authentication_request_signing_alg") or metadata.text("request_object_signing_alg"),
        authorization_details_types=metadata.texts("authorization_details_types"),
        sender_constrained=bool(values.get("dpop_bound_access_tokens")),
        par_required=bool(values.get("require_pushed_authorization_requests")),
        default_acr_values=metadata.texts("default_acr_values"),
        default_max_age=values.get("default_max_age"),
        backchannel_logout_uri=metadata.text("backchannel_logout_uri"),
        frontchannel_logout_uri=metadata.text("frontchannel_logout_uri"),
        notification_uri=metadata.text("backchannel_client_notification_endpoint"),
        logo_uri=metadata.text("logo_uri"),
        policy_uri=metadata.text("policy_uri"),
        tos_uri=metadata.text("tos_uri"),
        names={**metadata.names, **({"": name} if name else {})},
    )
