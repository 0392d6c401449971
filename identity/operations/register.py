"""The service register: organisations, services, their clients and members (ON-2, SH-8)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from identity.context import Identity
from identity.errors import InvalidClientMetadata, RegisterConflict, RegisterNotFound
from identity.events import Event
from identity.models.base import Base
from identity.models.client import POLICIES, Client, ClientSecret
from identity.models.exchange_edge import ExchangeEdge
from identity.models.finders import find_credentials
from identity.models.organisation import Member, Organisation, Role
from identity.models.service import Service
from identity.operations import logos, stages
from identity.operations.client_rules import NewClient, check_metadata, grants_of
from identity.standards import redirect_uris
from shared.crypto import sha256_hex
from shared.run import Run
from shared.transaction import Transaction

SECRET_LENGTH_MIN = 32
SECRETS_LIVE_MAX = 2
M = TypeVar("M", bound=Base)


@dataclass(frozen=True)
class MadeClient:
    """A client and its secret, which is shown once."""

    client_id: str
    client_secret: str | None = field(repr=False)


def create_organisation(identity: Identity, *, org_id: str, name: str, kind: str, contact_email: str, actor: str) -> None:
    """Enter an organisation.  Raises: RegisterConflict."""
    with identity.transaction() as tx:
        _refuse_taken(tx.session, Organisation, org_id=org_id)
        now = identity.clock.now()
        row = Organisation(id=identity.ids.uuid4(), org_id=org_id, name=name, kind=kind, contact_email=contact_email, created_at=now)
        tx.session.add(row)
        tx.record(Event.ORGANISATION_CREATED, actor=actor, object_id=org_id, data={"kind": kind})


def create_service(
    identity: Identity,
    *,
    service_id: str,
    org_id: str,
    name: str,
    purpose: str,
    stage: str,
    release_basis: str,
    start_url: str,
    contact_email: str,
    actor: str,
    owner: str = "",
    legal_basis: str = "",
    channels: tuple[str, ...] = ("web",),
) -> None:
    """Enter a service of an organisation.  Raises: RegisterConflict, RegisterNotFound, InvalidClientMetadata."""
    with identity.transaction() as tx:
        organisation = _get(tx.session, Organisation, org_id=org_id)
        _refuse_taken(tx.session, Service, service_id=service_id)
        if organisation.kind == "private" and release_basis == "law":
            raise InvalidClientMetadata("Private organisations always ask for consent.")
        row = Service(id=identity.ids.uuid4(), service_id=service_id, organisation_id=organisation.id, name=name, purpose=purpose)
        row.stage, row.release_basis, row.start_url = stage, release_basis, start_url
        row.contact_email, row.created_at = contact_email, identity.clock.now()
        row.owner, row.legal_basis, row.channels = owner, legal_basis, list(channels)
        tx.session.add(row)
        tx.record(Event.SERVICE_CREATED, actor=actor, object_id=service_id, data={"organisation": org_id, "basis": release_basis})


def create_client(identity: Identity, new: NewClient, *, actor: str, secret: str | None = None) -> MadeClient:
    """Enter a client of a service; a secret is made where its method needs one and none is given.

    Raises: RegisterConflict, RegisterNotFound, InvalidClientMetadata.
    """
    policy = check_metadata(new, now=identity.clock.now(), loopback=identity.settings.is_sandbox)
    auth_method = new.auth_method or policy.auth_methods[0]
    with identity.transaction() as tx:
        service = _get(tx.session, Service, service_id=new.service_id)
        _refuse_taken(tx.session, Client, client_id=new.client_id)
        client = _client_row(identity, new, service, auth_method)
        tx.session.add(client)
        tx.session.flush()
        logos.fetch_after(tx, client.id, client.logo_uri)
        made = _add_secret(identity, tx, client, secret, actor=actor) if auth_method.startswith("client_secret") else None
        tx.record(Event.CLIENT_CREATED, actor=actor, object_id=new.client_id, data={"policy": new.policy, "scopes": list(new.scopes)})
    identity.clients.forget()
    return MadeClient(new.client_id, made)


def replace_client(identity: Identity, tx: Transaction, new: NewClient, *, actor: str) -> str | None:
    """Give a client a new description in place of the old one; return a new secret where its method has just come to need one.

    Its service and its sector stay: another sector would be another person for every `sub` (§2.23).
    Raises: RegisterNotFound, InvalidClientMetadata.
    """
    policy = check_metadata(new, now=identity.clock.now(), loopback=identity.settings.is_sandbox)
    auth_method = new.auth_method or policy.auth_methods[0]
    client = _get(tx.session, Client, client_id=new.client_id)
    service = _get(tx.session, Service, service_id=new.service_id)
    made = _client_row(identity, new, service, auth_method)
    kept = {"id", "client_id", "service_id", "sector", "state", "created_at"}
    for column in Client.__table__.columns:
        if column.name not in kept:
            setattr(client, column.name, getattr(made, column.name))
    secrets = tx.session.scalars(select(ClientSecret).where(ClientSecret.client_id == client.id)).all()
    needs_secret = auth_method.startswith("client_secret")
    if not needs_secret:
        for secret in secrets:
            tx.session.delete(secret)
    tx.record(Event.CLIENT_CHANGED, actor=actor, object_id=new.client_id, data={"policy": new.policy, "scopes": list(new.scopes)})
    tx.session.flush()
    logos.fetch_after(tx, client.id, client.logo_uri)
    return _add_secret(identity, tx, client, None, actor=actor) if needs_secret and not secrets else None


def add_scopes(identity: Identity, client_id: str, scopes: tuple[str, ...], *, actor: str) -> None:
    """Let a client ask for scopes besides those that it has; nothing happens where none is missing.  Raises: RegisterNotFound."""
    with identity.transaction() as tx:
        row = _get(tx.session, Client, client_id=client_id)
        missing = [scope for scope in scopes if scope not in row.scopes]
        if missing:
            row.scopes = [*row.scopes, *missing]
            tx.record(Event.CLIENT_CHANGED, actor=actor, object_id=client_id, data={"scopes": list(row.scopes)})


def add_exchange_edge(
    identity: Identity, client_id: str, *, from_audience: str, to_audience: str, scopes: tuple[str, ...], actor: str
) -> None:
    """Let a client that is one audience get tokens for another, on behalf of a person (TX-2).

    Raises: RegisterNotFound, RegisterConflict, InvalidClientMetadata.
    """
    with identity.transaction() as tx:
        client = _get(tx.session, Client, client_id=client_id)
        if from_audience not in client.audiences:
            raise InvalidClientMetadata("The client is not that audience itself.")
        _refuse_taken(tx.session, ExchangeEdge, client_id=client.id, from_audience=from_audience, to_audience=to_audience)
        row = ExchangeEdge(client_id=client.id, from_audience=from_audience, to_audience=to_audience, scopes=list(scopes))
        row.created_at = identity.clock.now()
        tx.session.add(row)
        tx.record(Event.EXCHANGE_EDGE_MADE, actor=actor, object_id=client_id, data={"to": to_audience, "scopes": list(scopes)})


def add_client_secret(identity: Identity, client_id: str, *, actor: str) -> MadeClient:
    """Give a client a second secret, so that it can change over (CA-9).  Raises: RegisterNotFound, InvalidClientMetadata."""
    with identity.transaction() as tx:
        client = _get(tx.session, Client, client_id=client_id)
        live = tx.session.scalars(select(ClientSecret).where(ClientSecret.client_id == client.id)).all()
        if not client.auth_method.startswith("client_secret"):
            raise InvalidClientMetadata("This client has no secret.")
        if len(live) >= SECRETS_LIVE_MAX:
            raise InvalidClientMetadata("Two secrets are live already.")
        made = _add_secret(identity, tx, client, None, actor=actor)
    identity.clients.forget()
    return MadeClient(client_id, made)


def add_member(identity: Identity, *, org_id: str, run: Run, role: str, expires_at: datetime | None, actor: str) -> None:
    """Give a person a role in an organisation.  Raises: RegisterNotFound, RegisterConflict."""
    with identity.transaction() as tx:
        organisation = _get(tx.session, Organisation, org_id=org_id)
        credentials = find_credentials(tx.connection, identity.cipher, run)
        if credentials is None or stages.trial_team_of(tx.connection, credentials.person_id) is not None:
            raise RegisterNotFound("The register has no such person.")
        _refuse_taken(tx.session, Member, organisation_id=organisation.id, person_id=credentials.person_id, role=Role(role).value)
        row = Member(id=identity.ids.uuid4(), organisation_id=organisation.id, person_id=credentials.person_id, role=Role(role).value)
        row.created_at, row.expires_at = identity.clock.now(), expires_at
        tx.session.add(row)
        tx.record(Event.MEMBER_ADDED, actor=actor, subject=f"cl-run:{run}", object_id=org_id, data={"role": role})


def make_owner(identity: Identity, org_id: str, person_id: UUID) -> None:
    """Make the person who registered an organisation its first owner."""
    with identity.transaction() as tx:
        organisation = _get(tx.session, Organisation, org_id=org_id)
        row = Member(id=identity.ids.uuid4(), organisation_id=organisation.id, person_id=person_id, role=Role.OWNER.value)
        row.created_at = identity.clock.now()
        tx.session.add(row)
        tx.record(Event.MEMBER_ADDED, actor=f"person:{person_id}", object_id=org_id, data={"role": Role.OWNER.value})


def _client_row(identity: Identity, new: NewClient, service: Service, auth_method: str) -> Client:
    row = Client(id=identity.ids.uuid4(), client_id=new.client_id, service_id=service.id, name=new.name, policy=str(new.policy))
    row.claims_profile, row.auth_method, row.jwks = new.claims_profile, auth_method, new.jwks
    row.auth_alg = (new.auth_alg or "ES256") if auth_method == "private_key_jwt" else None
    row.jwks_uri, row.tls_subject, row.grant_types = new.jwks_uri, new.tls_subject, list(grants_of(new, POLICIES[new.policy]))
    row.redirect_uris, row.post_logout_redirect_uris = list(new.redirect_uris), list(new.post_logout_redirect_uris)
    row.native, row.scopes, row.resources = new.native, list(new.scopes), list(new.resources)
    row.sector = new.sector or redirect_uris.sector_of(new.redirect_uris) or f"client:{new.client_id}"
    row.id_token_alg, row.lower_case_bearer = new.id_token_alg, new.lower_case_bearer
    row.id_token_encryption_alg = new.id_token_encryption_alg
    row.logo_uri, row.policy_uri, row.tos_uri, row.names = new.logo_uri, new.policy_uri, new.tos_uri, dict(new.names)
    row.audiences, row.userinfo_alg, row.introspection_alg = list(new.audiences), new.userinfo_alg, new.introspection_alg
    row.request_object_alg, row.authorization_details_types = new.request_object_alg, list(new.authorization_details_types)
    row.sender_constrained, row.par_required = new.sender_constrained, new.par_required
    row.dpop_nonce_required = new.dpop_nonce_required
    row.default_acr_values, row.default_max_age = list(new.default_acr_values), new.default_max_age
    row.notification_uri = new.notification_uri
    row.backchannel_logout_uri, row.frontchannel_logout_uri = new.backchannel_logout_uri, new.frontchannel_logout_uri
    row.state, row.legacy_until, row.created_at = "active", new.legacy_until, identity.clock.now()
    return row


def _add_secret(identity: Identity, tx: Transaction, client: Client, secret: str | None, *, actor: str) -> str:
    if secret is not None and len(secret) < SECRET_LENGTH_MIN:
        raise InvalidClientMetadata(f"A secret has at least {SECRET_LENGTH_MIN} characters.")
    made = secret or identity.ids.token(32)
    row = ClientSecret(id=identity.ids.uuid4(), client_id=client.id, secret_hash=sha256_hex(made), created_at=identity.clock.now())
    tx.session.add(row)
    tx.record(Event.CLIENT_SECRET_ADDED, actor=actor, object_id=client.client_id)
    return made


def _find(session: Session, model: type[M], **keys: object) -> M | None:
    return session.scalars(select(model).filter_by(**keys)).one_or_none()


def _get(session: Session, model: type[M], **keys: object) -> M:
    found = _find(session, model, **keys)
    if found is None:
        raise RegisterNotFound(f"The register has no such {model.__name__.lower()}.")
    return found


def _refuse_taken(session: Session, model: type[Base], **keys: object) -> None:
    if _find(session, model, **keys) is not None:
        raise RegisterConflict(f"The register has that {model.__name__.lower()} already.")
