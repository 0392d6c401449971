"""Clients: the systems of a service that talk OAuth, with the policy of §2.0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, TEXTS, Base
from identity.standards import discovery, jose


class PolicyName(StrEnum):
    """The policies that are served; each client has one."""

    LEGACY = "legacy"
    WEB = "web"
    PUBLIC = "public"
    FAPI2 = "fapi2"
    MACHINE = "machine"
    CHANNEL = "channel"


class Binding(StrEnum):
    """Whether access tokens are bound to a key of their client (DPoP or mTLS)."""

    NEVER = "never"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What clients of one policy may do."""

    auth_methods: tuple[str, ...]
    grant_types: tuple[str, ...]
    algorithms: tuple[str, ...]
    pkce_required: bool = True
    par_required: bool = False
    issuer_audience_only: bool = False
    binding: Binding = Binding.OPTIONAL
    rotates_refresh_tokens: bool = False
    code_ttl_seconds: int = 60
    may_be_native: bool = False


CODE, REFRESH, MACHINE = "authorization_code", "refresh_token", "client_credentials"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE, CIBA = "urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba"
SECRETS, BY_KEY = discovery.SECRET_METHODS, ("private_key_jwt", *discovery.MTLS_METHODS)
POLICIES: Mapping[str, Policy] = {
    PolicyName.LEGACY: Policy(
        auth_methods=SECRETS,
        grant_types=(CODE,),
        algorithms=jose.CLIENT_ALGORITHMS,
        pkce_required=False,
        binding=Binding.NEVER,
        code_ttl_seconds=300,
    ),
    PolicyName.WEB: Policy(
        auth_methods=(*SECRETS, "private_key_jwt"), grant_types=(CODE, REFRESH, EXCHANGE, DEVICE), algorithms=jose.CLIENT_ALGORITHMS
    ),
    PolicyName.PUBLIC: Policy(
        auth_methods=("none",), grant_types=(CODE, REFRESH, DEVICE), algorithms=(), rotates_refresh_tokens=True, may_be_native=True
    ),
    PolicyName.FAPI2: Policy(
        auth_methods=BY_KEY,
        grant_types=(CODE, REFRESH, EXCHANGE),
        algorithms=jose.STRICT_ALGORITHMS,
        par_required=True,
        issuer_audience_only=True,
        binding=Binding.REQUIRED,
    ),
    PolicyName.MACHINE: Policy(
        auth_methods=BY_KEY,
        grant_types=(MACHINE, EXCHANGE),
        algorithms=jose.STRICT_ALGORITHMS,
        pkce_required=False,
        issuer_audience_only=True,
    ),
    PolicyName.CHANNEL: Policy(
        auth_methods=BY_KEY,
        grant_types=(CIBA,),
        algorithms=jose.STRICT_ALGORITHMS,
        pkce_required=False,
        issuer_audience_only=True,
        binding=Binding.REQUIRED,
    ),
}
"""The table of identity-oidc §2.0.  A client may be held to more than its policy, never to less."""


class Client(Base):
    """One OAuth client.  It is made by operations only, so that every rule of its policy holds.

    `resources` is what it may ask tokens for, `audiences` what it is itself; `tls_subject` is `{"kind", "value"}` (RFC 8705 §2.1.2),
    `names` is what it calls itself towards people, by language; "" for none.
    """

    __tablename__ = "clients"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(80), unique=True)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("services.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    policy: Mapped[str] = mapped_column(String(10))
    claims_profile: Mapped[str] = mapped_column(String(20))
    auth_method: Mapped[str] = mapped_column(String(30))
    auth_alg: Mapped[str | None] = mapped_column(String(10))
    jwks: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    jwks_uri: Mapped[str | None] = mapped_column(String(2000))
    tls_subject: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    grant_types: Mapped[list[str]] = mapped_column(TEXTS)
    redirect_uris: Mapped[list[str]] = mapped_column(TEXTS)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(TEXTS)
    native: Mapped[bool] = mapped_column(Boolean)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    resources: Mapped[list[str]] = mapped_column(TEXTS)
    audiences: Mapped[list[str]] = mapped_column(TEXTS)
    sector: Mapped[str] = mapped_column(String(255))
    id_token_alg: Mapped[str] = mapped_column(String(10))
    id_token_encryption_alg: Mapped[str | None] = mapped_column(String(20))
    userinfo_alg: Mapped[str | None] = mapped_column(String(10))
    introspection_alg: Mapped[str | None] = mapped_column(String(10))
    request_object_alg: Mapped[str | None] = mapped_column(String(10))
    authorization_details_types: Mapped[list[str]] = mapped_column(TEXTS)
    sender_constrained: Mapped[bool] = mapped_column(Boolean)
    par_required: Mapped[bool] = mapped_column(Boolean)
    dpop_nonce_required: Mapped[bool] = mapped_column(Boolean)
    lower_case_bearer: Mapped[bool] = mapped_column(Boolean)
    default_acr_values: Mapped[list[str]] = mapped_column(TEXTS)
    default_max_age: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10), default="active")
    legacy_until: Mapped[datetime | None]
    backchannel_logout_uri: Mapped[str | None] = mapped_column(String(2000))
    frontchannel_logout_uri: Mapped[str | None] = mapped_column(String(2000))
    notification_uri: Mapped[str | None] = mapped_column(String(2000))
    logo_uri: Mapped[str | None] = mapped_column(String(2000))
    policy_uri: Mapped[str | None] = mapped_column(String(2000))
    tos_uri: Mapped[str | None] = mapped_column(String(2000))
    names: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    fault: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("state IN ('active', 'blocked')", name="state"),
        CheckConstraint("policy <> 'legacy' OR legacy_until IS NOT NULL", name="legacy_ends"),
        CheckConstraint("claims_profile <> 'clave_unica' OR policy = 'legacy'", name="clave_unica_is_legacy"),
    )


class ClientSecret(Base):
    """One secret of a client; two may live at once so that teams can rotate (CA-9)."""

    __tablename__ = "client_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), index=True)
    secret_hash: Mapped[str] = mapped_column(HASH)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
