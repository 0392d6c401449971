"""The name, colour and logo that mails and letters of a service, or of a whole organisation, carry once the operator approved them."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, Select, String, case, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from notify.events import Event
from notify.models.base import Base
from shared.states import Table


class BrandState(StrEnum):
    """Where a brand stands."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    ENDED = "ended"


BRANDS: Table[BrandState, Event] = Table(
    "brand",
    initial=frozenset({BrandState.ASKED}),
    moves={
        (BrandState.ASKED, BrandState.APPROVED): Event.BRAND_APPROVED,
        (BrandState.ASKED, BrandState.REFUSED): Event.BRAND_REFUSED,
        (BrandState.ASKED, BrandState.ENDED): Event.BRAND_ENDED,
        (BrandState.APPROVED, BrandState.ENDED): Event.BRAND_ENDED,
    },
)


class Brand(Base):
    """One brand; `colour` is `#rrggbb`, `logo` a PNG that we made."""

    __tablename__ = "brands"
    __table_args__ = (
        CheckConstraint("state IN ('asked', 'approved', 'refused', 'ended')", name="state"),
        CheckConstraint("NOT whole_organisation OR org_id IS NOT NULL", name="whole_organisation"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), index=True)
    org_id: Mapped[str | None] = mapped_column(String(80), index=True)
    name: Mapped[str] = mapped_column(String(80))
    colour: Mapped[str] = mapped_column(String(7))
    logo: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))
    whole_organisation: Mapped[bool] = mapped_column(default=False)
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


def in_force(service_id: uuid.UUID, org_id: str | None) -> Select[tuple[Brand]]:
    """Ask for the brand that a service's messages carry: the service's own before its organisation's, the latest of each."""
    own = Brand.service_id == service_id
    shared = Brand.whole_organisation.is_(True) & (Brand.org_id == org_id)
    wanted = select(Brand.__table__).where(Brand.state == BrandState.APPROVED.value, or_(own, shared))
    return wanted.order_by(case((own, 0), else_=1), Brand.decided_at.desc(), Brand.id.desc()).limit(1)
