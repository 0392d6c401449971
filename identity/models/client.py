"""Clients: the systems of a service that talk OAuth, with the policy of §2.0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, TEXTS, Base
from identity.standards import discovery, jose


class PolicyName(StrEnum):
    """The policies that are served; each client has one."""

    LEGACY = "legacy"
    WEB = "web"
    PUBLIC = "public"
    MACHINE = "machine"


@dataclass(frozen=True)
class Policy:
    """What clients of one policy may do."""

    auth_methods: tuple[str, ...]
    grant_types: tuple[str, ...]
    algorithms: tuple[str, ...]
    pkce_required: bool
    issuer_audience_only: bool
    code_ttl_seconds: int
    may_be_native: bool = False


CODE, MACHINE = ("authorization_code",), ("client_credentials",)
POLICIES: Mapping[str, Policy] = {
    PolicyName.LEGACY: Policy(discovery.SECRET_METHODS, CODE, jose.CLIENT_ALGORITHMS, False, False, 300),
    PolicyName.WEB: Policy((*discovery.SECRET_METHODS, "private_key_jwt"), CODE, jose.CLIENT_ALGORITHMS, True, False, 60),
    PolicyName.PUBLIC: Policy(("none",), CODE, (), True, False, 60, may_be_native=True),
    PolicyName.MACHINE: Policy(("private_key_jwt",), MACHINE, jose.STRICT_ALGORITHMS, False, True, 0),
}
"""The table of identity-oidc §2.0, for the policies that are served."""


class Client(Base):
    """One OAuth client.  It is made by operations only, so that every rule of its policy holds."""

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
    redirect_uris: Mapped[list[str]] = mapped_column(TEXTS)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(TEXTS)
    native: Mapped[bool] = mapped_column(Boolean)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    resources: Mapped[list[str]] = mapped_column(TEXTS)
    sector: Mapped[str] = mapped_column(String(255))
    id_token_alg: Mapped[str] = mapped_column(String(10))
    lower_case_bearer: Mapped[bool] = mapped_column(Boolean)
    default_acr_values: Mapped[list[str]] = mapped_column(TEXTS)
    default_max_age: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10), default="active")
    legacy_until: Mapped[datetime | None]
    backchannel_logout_uri: Mapped[str | None] = mapped_column(String(2000))
    frontchannel_logout_uri: Mapped[str | None] = mapped_column(String(2000))
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
