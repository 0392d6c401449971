"""Grants: what one person let one client have, with the code and tokens made from it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, TEXTS, Base


class Grant(Base):
    """One authorization; revoking it kills its code and tokens.  `auth_time`, `acr` and `amr` say how the person signed in,
    and `vot` the same as a vector of trust, where one was asked for.

    Without `offline` its refresh tokens end with the sign-on session (RT-1).  With a `mandate_id` the person acts for another, with
    these `powers`; with an `assisted_id` an agent (`act`) helps them as `assist` says.  `subject_sector` is set where the `sub` of
    such use must not be the one of private use (RP-8).
    """

    __tablename__ = "grants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sso_sessions.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    resources: Mapped[list[str]] = mapped_column(TEXTS)
    claims: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    authorization_details: Mapped[list[object] | None] = mapped_column(JSONB)
    offline: Mapped[bool] = mapped_column(Boolean)
    auth_time: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(80))
    amr: Mapped[list[str]] = mapped_column(TEXTS)
    vot: Mapped[str | None] = mapped_column(String(10))
    mandate_id: Mapped[UUID | None] = mapped_column(ForeignKey("mandates.id"))
    powers: Mapped[list[str] | None] = mapped_column(TEXTS)
    subject_sector: Mapped[str | None] = mapped_column(String(80))
    assisted_id: Mapped[UUID | None] = mapped_column(ForeignKey("assisted_sessions.id"))
    act: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    assist: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_grants_mandate_id", "mandate_id", postgresql_where=text("mandate_id IS NOT NULL")),
        Index(
            "ix_grants_authorization_details",
            "authorization_details",
            postgresql_using="gin",
            postgresql_ops={"authorization_details": "jsonb_path_ops"},
            postgresql_where=text("jsonb_typeof(authorization_details) = 'array'"),
        ),
        Index("ix_grants_assisted_id", "assisted_id", postgresql_where=text("assisted_id IS NOT NULL")),
        # Those that act for nobody else, in the order in which they are let go of.
        Index("ix_grants_own", "created_at", "id", postgresql_where=text("mandate_id IS NULL AND assisted_id IS NULL")),
    )


class AuthorizationCode(Base):
    """A code, by its hash; `used_at` is set once, by a conditional UPDATE (TK-4).  `fault` is set by a site check alone."""

    __tablename__ = "authorization_codes"

    code_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grants.id"), index=True)
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    code_challenge: Mapped[str | None] = mapped_column(String(43))
    nonce: Mapped[str | None] = mapped_column(String(512))
    dpop_jkt: Mapped[str | None] = mapped_column(String(43))
    fault: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class AccessToken(Base):
    """An access token about a person, by its hash; opaque for user info, a JWT when it has an `audience`.

    `cnf` is the key it is bound to.  A token that was revoked has no row any more.
    """

    __tablename__ = "access_tokens"

    token_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grants.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    audience: Mapped[str | None] = mapped_column(String(2000))
    cnf: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    authorization_details: Mapped[list[object] | None] = mapped_column(JSONB)
    act: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RefreshToken(Base):
    """One generation of a grant's refresh token, by its hash; the grant is the family.

    `consumed_at` is set once, by a conditional UPDATE (RT-8); the pair of grant and generation is unique, so that no fork can be stored.
    `cnf` is the key of a public client, which must prove it each time.
    """

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grants.id"))
    generation: Mapped[int] = mapped_column(Integer)
    cnf: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("grant_id", "generation"),)


class RevokedToken(Base):
    """A machine's JWT access token that was revoked before its time, by its hash."""

    __tablename__ = "revoked_tokens"

    token_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class UsedProof(Base):
    """A DPoP proof that was accepted, by the hash of key, address and `jti`; a second use is refused (DP-4)."""

    __tablename__ = "used_proofs"

    proof_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class PushedRequest(Base):
    """An authorization request that was pushed, by the hash of its `request_uri`; used up when the person has finished (PA-7)."""

    __tablename__ = "pushed_requests"

    uri_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    request: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class UsedAssertion(Base):
    """A `jti` of a client assertion that was accepted; a second use is refused until it expires (CA-4)."""

    __tablename__ = "used_assertions"

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    jti_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Release(Base):
    """What a person agreed to give to a client: claim names, and the version of that agreement (§3.8)."""

    __tablename__ = "releases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    claims: Mapped[list[str]] = mapped_column(TEXTS)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("person_id", "client_id", "version"),)
