"""The service register: organisations, services, their clients and members (ON-2, SH-8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from identity.context import Identity
from identity.errors import InvalidClientMetadata, RegisterConflict, RegisterNotFound
from identity.events import Event
from identity.models.base import Base
from identity.models.client import POLICIES, Binding, Client, ClientSecret, Policy, PolicyName
from identity.models.exchange_edge import ExchangeEdge
from identity.models.finders import find_credentials
from identity.models.organisation import Member, Organisation, Role
from identity.models.service import Service
from identity.operations import logos
from identity.standards import acr, jose, oidc_claims, redirect_uris, rfc6749, rfc8705, rfc9396
from shared.context import Transaction
from shared.crypto import sha256_hex
from shared.run import Run

SECRET_LENGTH_MIN = 32
SECRETS_LIVE_MAX = 2
LEGACY_LIFE_MAX = timedelta(days=2 * 366)
M = TypeVar("M", bound=Base)


@dataclass(frozen=True)
class NewClient:
    """What a client is made of; what is left out follows from its policy."""

    client_id: str
    service_id: str
    name: str
    policy: str = PolicyName.WEB
    claims_profile: str = "standard"
    auth_method: str | None = None
    auth_alg: str | None = None
    jwks: dict[str, object] | None = field(default=None, repr=False)
    jwks_uri: str | None = None
    tls_subject: dict[str, str] | None = None
    grant_types: tuple[str, ...] | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    native: bool = False
    scopes: tuple[str, ...] = ("openid",)
    resources: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    sector: str | None = None
    id_token_alg: str = jose.SIGNING_ALGORITHMS[0]
    id_token_encryption_alg: str | None = None
    userinfo_alg: str | None = None
    introspection_alg: str | None = None
    request_object_alg: str | None = None
    authorization_details_types: tuple[str, ...] = ()
    sender_constrained: bool = False
    par_required: bool = False
    dpop_nonce_required: bool = False
    lower_case_bearer: bool = False
    default_acr_values: tuple[str, ...] = ()
    default_max_age: int | None = None
    legacy_until: datetime | None = None
    backchannel_logout_uri: str | None = None
    frontchannel_logout_uri: str | None = None
    notification_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


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
        if credentials is None:
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


def check_metadata(new: NewClient, *, now: datetime, loopback: bool) -> Policy:
    """Return the policy of a new client whose description breaks no rule of it (§2.0).  Raises: InvalidClientMetadata."""
    if new.policy not in POLICIES:
        raise InvalidClientMetadata("There is no such policy.")
    policy = POLICIES[new.policy]
    faults = (
        _credential_faults(new, policy),
        _redirect_faults(new, policy, loopback=loopback),
        _other_faults(new, now),
        _limits(new, policy),
    )
    for fault in (each for found in faults for each in found):
        raise InvalidClientMetadata(fault)
    return policy


def _credential_faults(new: NewClient, policy: Policy) -> list[str]:
    method, alg = new.auth_method or policy.auth_methods[0], new.auth_alg or "ES256"
    has_keys = new.jwks is not None or new.jwks_uri is not None
    by_key = method in {"private_key_jwt", "self_signed_tls_client_auth"}
    subject = new.tls_subject or {}
    faults = {
        f"Clients of policy {new.policy} cannot use {method}.": method not in policy.auth_methods,
        "A client has a jwks or a jwks_uri, not both.": new.jwks is not None and new.jwks_uri is not None,
        "A client that proves itself by a key has a jwks or a jwks_uri.": by_key and not has_keys,
        "Keys are of no use to a client that signs nothing.": has_keys
        and not by_key
        and new.request_object_alg is None
        and new.id_token_encryption_alg is None,
        "A jwks_uri is an https address.": new.jwks_uri is not None and redirect_uris.fault_of(new.jwks_uri) is not None,
        "tls_subject goes with tls_client_auth, and with nothing else.": (method == "tls_client_auth") != (new.tls_subject is not None),
        "tls_subject has the members kind and value.": new.tls_subject is not None
        and rfc8705.fault_of_subject(subject.get("kind", ""), subject.get("value", "")) is not None,
        f"Clients of policy {new.policy} cannot sign with {alg}.": method == "private_key_jwt" and alg not in policy.algorithms,
        "Request objects cannot be signed with that algorithm.": new.request_object_alg is not None
        and (not has_keys or new.request_object_alg not in (policy.algorithms or jose.CLIENT_ALGORITHMS)),
    }
    found = [text for text, is_so in faults.items() if is_so]
    return found or ([] if new.jwks is None else key_faults(new.jwks, alg if method == "private_key_jwt" else None))


def key_faults(jwks: Mapping[str, object], alg: str | None) -> list[str]:
    """Return a sentence for each thing that is wrong with a set of public keys."""
    entries = jwks.get("keys")
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(jwk, dict) and isinstance(jwk.get("kid"), str) for jwk in entries)
    ):
        return ["jwks needs a list of keys, each with a kid."]
    try:
        uses = [str(jwk.get("use", "sig")) for jwk in entries]
        keys = [jose.import_public(jwk, use="enc" if use == "enc" else "sig") for jwk, use in zip(entries, uses, strict=True)]
    except jose.InvalidToken as error:
        return [f"jwks: {error}."]
    keys = [key for key, use in zip(keys, uses, strict=True) if use != "enc"]
    return [] if alg is None or any(jose.fits(key, alg) for key in keys) else [f"jwks has no key for {alg}."]


def _redirect_faults(new: NewClient, policy: Policy, *, loopback: bool) -> list[str]:
    if new.native and not policy.may_be_native:
        return ["Only public clients can be native."]
    if "authorization_code" not in _grants(new, policy):
        return ["Machines have no redirect URIs."] if new.redirect_uris or new.post_logout_redirect_uris else []
    if not new.redirect_uris:
        return ["At least one redirect URI is needed."]
    channels = [uri for uri in (new.backchannel_logout_uri, new.frontchannel_logout_uri) if uri]
    for uri in (*new.redirect_uris, *new.post_logout_redirect_uris, *channels):
        if fault := redirect_uris.fault_of(
            uri, native=new.native, loopback=loopback and not (policy.par_required and uri in new.redirect_uris)
        ):
            return [f"{uri[:200]!r} {fault}."]
    if new.sector is None and redirect_uris.sector_of(new.redirect_uris) is None:
        return ["Several hosts in the redirect URIs need a sector."]
    return []


def _other_faults(new: NewClient, now: datetime) -> list[str]:
    front, origins = new.frontchannel_logout_uri, {redirect_uris.origin_of(uri) for uri in new.redirect_uris}
    is_legacy, until, encryption = new.policy == PolicyName.LEGACY, new.legacy_until, new.id_token_encryption_alg
    known_profile = new.claims_profile == "standard" or (new.claims_profile in oidc_claims.PROFILES and is_legacy)
    faults = {
        "A client has an end date if, and only if, it is legacy.": is_legacy != (until is not None),
        "The end of a legacy client lies within the next two years.": until is not None and not now < until <= now + LEGACY_LIFE_MAX,
        "There is no such claims profile for this policy.": not known_profile,
        "A scope has characters it cannot have.": not all(rfc6749.SCOPE.fullmatch(scope) for scope in new.scopes),
        "ID tokens cannot be signed with that algorithm.": new.id_token_alg not in jose.SIGNING_ALGORITHMS,
        "ID tokens cannot be encrypted with that algorithm.": encryption not in {None, *jose.ENCRYPTION_ALGORITHMS},
        "A client whose ID tokens are encrypted has a key for that in its jwks, or a jwks_uri.": encryption is not None
        and new.jwks_uri is None
        and not any(jose.encrypts_for(key, encryption) for key in jose.read_jwks(new.jwks, use="enc").values()),
        "Addresses that people are shown are https.": any(
            uri is not None and (redirect_uris.fault_of(uri) is not None or not uri.startswith("https://"))
            for uri in (new.logo_uri, new.policy_uri, new.tos_uri)
        ),
        "A frontchannel_logout_uri has scheme, host and port of a redirect URI.": bool(front)
        and redirect_uris.origin_of(front or "") not in origins,
        "There is no such level.": not set(new.default_acr_values) <= set(acr.LEVELS),
    }
    return [text for text, is_so in faults.items() if is_so]


def _grants(new: NewClient, policy: Policy) -> tuple[str, ...]:
    """Return the grants of a client; without a word about them the first of its policy, the others have to be asked for."""
    return policy.grant_types[:1] if new.grant_types is None else new.grant_types


def _limits(new: NewClient, policy: Policy) -> list[str]:
    """Return what a client asks for beyond its policy (§2.0)."""
    grants = _grants(new, policy)
    strict = policy.algorithms == jose.STRICT_ALGORITHMS
    ping = new.notification_uri
    faults = {
        "A notification_uri is an https address.": ping is not None and redirect_uris.fault_of(ping) is not None,
        f"Clients of policy {new.policy} cannot use that grant.": not set(grants) <= set(policy.grant_types),
        "Refresh tokens need another grant to come from.": set(grants) == {"refresh_token"},
        "Such clients cannot have their tokens bound to a key.": new.sender_constrained and policy.binding is Binding.NEVER,
        "Answers cannot be signed with that algorithm.": not {new.userinfo_alg, new.introspection_alg} <= {None, *jose.SIGNING_ALGORITHMS},
        f"Clients of policy {new.policy} do not take RS256.": strict and "RS256" in {new.id_token_alg, new.userinfo_alg},
        "There is no such type of authorization details.": not set(new.authorization_details_types) <= set(rfc9396.TYPES),
    }
    return [text for text, is_so in faults.items() if is_so]


def _client_row(identity: Identity, new: NewClient, service: Service, auth_method: str) -> Client:
    row = Client(id=identity.ids.uuid4(), client_id=new.client_id, service_id=service.id, name=new.name, policy=str(new.policy))
    row.claims_profile, row.auth_method, row.jwks = new.claims_profile, auth_method, new.jwks
    row.auth_alg = (new.auth_alg or "ES256") if auth_method == "private_key_jwt" else None
    row.jwks_uri, row.tls_subject, row.grant_types = new.jwks_uri, new.tls_subject, list(_grants(new, POLICIES[new.policy]))
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
