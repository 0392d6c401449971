"""Organisations and their systems.  Spec: wallet contract §2."""

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base, Stamped


class Organisation(Stamped, Base):
    """A body that gives or asks for data."""

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("kind in ('public', 'private')", name="kind"),
        CheckConstraint("status in ('active', 'suspended')", name="status"),
    )

    org_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    tax_id: Mapped[str]
    kind: Mapped[str]
    dpo_contact: Mapped[dict[str, str]]
    address: Mapped[str]
    country: Mapped[str] = mapped_column(default="CL")
    jurisdiction: Mapped[str] = mapped_column(default="CL")
    status: Mapped[str] = mapped_column(default="active")


class Client(Stamped, Base):
    """A system of an organisation; the same `client_id` as at the OpenID Connect provider."""

    __tablename__ = "clients"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organisations.org_id"))
    display_name: Mapped[str]
    redirect_uris: Mapped[list[str]]
    roles: Mapped[list[str]]
    jwks: Mapped[dict[str, object]] = mapped_column(JSONB)
    handled_by: Mapped[str | None]


def find_client(session: Session, client_id: str) -> tuple[Client, Organisation] | None:
    """Return a client and its active organisation."""
    row = session.execute(
        select(Client, Organisation)
        .join(Organisation, Organisation.org_id == Client.org_id)
        .where(Client.client_id == client_id, Organisation.status == "active")
    ).one_or_none()
    return (row[0], row[1]) if row else None


def organisation_names(session: Session, org_ids: set[str]) -> dict[str, str]:
    """Return names by id; an id without an organisation is absent."""
    rows = session.execute(select(Organisation.org_id, Organisation.name).where(Organisation.org_id.in_(org_ids)))
    return {org_id: name for org_id, name in rows}  # noqa: C416 - a row is not a pair to mypy
