"""Runs of the rules of an agreement that found a broken limit: refused, or let through and reported.  Spec: wallet contract §9."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wallet.models.base import Base


class RuleRun(Base):
    """What one limit did in one day, at requests or at fetches; `reviewed_at` once somebody looked at what was reported."""

    __tablename__ = "rule_runs"
    __table_args__ = (
        CheckConstraint("stage in ('request', 'fetch')", name="stage"),
        CheckConstraint("accept = report", name="verdict"),
    )

    agreement_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    rule_id: Mapped[str] = mapped_column(primary_key=True)
    accept: Mapped[bool] = mapped_column(primary_key=True)
    report: Mapped[bool]
    error_code: Mapped[str | None]
    count: Mapped[int]
    last_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
