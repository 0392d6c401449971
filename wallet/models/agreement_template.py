"""Templates of agreements: standard terms, so that nobody negotiates what others have settled.  Spec: wallet contract §9, L13."""

from sqlalchemy import CheckConstraint, Index, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from wallet.models.base import Base, Stamped


class AgreementTemplate(Stamped, Base):
    """Standard terms in one version; a retired one allows no new agreement."""

    __tablename__ = "agreement_templates"
    __table_args__ = (
        CheckConstraint("status in ('draft', 'active', 'retired')", name="status"),
        Index("uq_agreement_templates_active", "template_id", unique=True, postgresql_where=text("status = 'active'")),
    )

    template_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[dict[str, str]]
    text: Mapped[dict[str, str]]
    legal_basis: Mapped[list[str]]
    limits: Mapped[dict[str, object]] = mapped_column(JSONB)
    retention: Mapped[dict[str, object]] = mapped_column(JSONB)
    status: Mapped[str]


def active_template(session: Session, template_id: str) -> AgreementTemplate | None:
    """Return the version in force."""
    statement = select(AgreementTemplate).where(AgreementTemplate.template_id == template_id, AgreementTemplate.status == "active")
    return session.scalars(statement).one_or_none()


def active_templates(session: Session) -> list[AgreementTemplate]:
    """Return every template in force."""
    return list(
        session.scalars(select(AgreementTemplate).where(AgreementTemplate.status == "active").order_by(AgreementTemplate.template_id))
    )
