"""Grants: what one person let one client have, with the code and tokens made from it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from identity.models.base import HASH, TEXTS, Base


class Grant(Base):
    """One authorization; revoking it kills its code and tokens.  `authorization` fields say how the person signed in."""

    __tablename__ = "grants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sso_sessions.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    resources: Mapped[list[str]] = mapped_column(TEXTS)
    auth_time: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(80))
    amr: Mapped[list[str]] = mapped_column(TEXTS)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuthorizationCode(Base):
    """A code, by its hash; `used_at` is set once, by a conditional UPDATE (TK-4)."""

    __tablename__ = "authorization_codes"

    code_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grants.id"))
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    code_challenge: Mapped[str | None] = mapped_column(String(43))
    nonce: Mapped[str | None] = mapped_column(String(512))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class AccessToken(Base):
    """An opaque access token, by its hash; for the user-info endpoint."""

    __tablename__ = "access_tokens"

    token_hash: Mapped[str] = mapped_column(HASH, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("grants.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(TEXTS)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


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
