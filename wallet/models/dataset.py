"""Datasets: what a provider declares that it can answer.  A declaration is immutable once active.  Spec: wallet contract §2, R1."""

from dataclasses import dataclass

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base, Stamped


@dataclass(frozen=True)
class Field:
    """One field of a dataset; one that is not listed is never sent."""

    field_id: str
    title: dict[str, str]
    kind: str
    dpv_category: str
    sensitive: bool
    identifier: bool
    special_category: str | None = None

    @classmethod
    def read(cls, stored: dict[str, object]) -> "Field":
        """Read a field from its stored form."""
        title = stored["title"]
        special = stored.get("special_category")
        return cls(
            field_id=str(stored["field_id"]),
            title={str(k): str(v) for k, v in title.items()} if isinstance(title, dict) else {},
            kind=str(stored.get("kind", "string")),
            dpv_category=str(stored["dpv_category"]),
            sensitive=bool(stored["sensitive"]),
            identifier=bool(stored["identifier"]),
            special_category=str(special) if special else None,
        )


class Dataset(Stamped, Base):
    """A provider's declaration of one dataset, in one version."""

    __tablename__ = "datasets"
    __table_args__ = (
        CheckConstraint("status in ('draft', 'active', 'retired')", name="status"),
        Index("uq_datasets_active", "dataset_id", unique=True, postgresql_where=text("status = 'active'")),
    )

    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organisations.org_id"))
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    audience: Mapped[str]
    endpoint: Mapped[str]
    title: Mapped[dict[str, str]]
    description: Mapped[dict[str, str]]
    subject_kinds: Mapped[list[str]]
    fields: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    max_age_seconds: Mapped[int]
    cache_max_seconds: Mapped[int]
    classification: Mapped[str]
    legal_basis_default: Mapped[str]
    consent_max_seconds: Mapped[int]
    procedure_codes: Mapped[list[str]]
    status: Mapped[str] = mapped_column(default="draft")

    def listed(self) -> dict[str, Field]:
        """Return the fields by id."""
        return {field.field_id: field for field in map(Field.read, self.fields)}


def find_dataset(session: Session, dataset_id: str, version: int | None = None) -> Dataset | None:
    """Return the active version of a dataset, or the named one whatever its status."""
    statement = select(Dataset).where(Dataset.dataset_id == dataset_id)
    statement = statement.where(Dataset.status == "active") if version is None else statement.where(Dataset.version == version)
    return session.scalars(statement).one_or_none()
