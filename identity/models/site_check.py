"""Checks of a team's test site: asked for, and what was found (§1.8, §3.11).

```
asked ─▶ done
```
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, Connection, ForeignKey, Index, String, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from identity.events import Event
from identity.models.base import Base, table_of
from shared.states import Table


class SiteCheckState(StrEnum):
    """How far a check is."""

    ASKED = "asked"
    DONE = "done"


SITE_CHECK_STATES = Table(
    "site check",
    initial=frozenset({SiteCheckState.ASKED}),
    moves={(SiteCheckState.ASKED, SiteCheckState.DONE): Event.SITE_CHECK_DONE},
)


class SiteCheck(Base):
    """One check of one client's site: where it was asked to look, and its findings as `{"check", "outcome", "seen", "detail"}`."""

    __tablename__ = "site_checks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    login_url: Mapped[str] = mapped_column(String(2000))
    page_url: Mapped[str] = mapped_column(String(2000))
    sign_out_url: Mapped[str] = mapped_column(String(2000))
    state: Mapped[str] = mapped_column(String(10))
    findings: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    is_clean: Mapped[bool] = mapped_column(Boolean)
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_site_checks_client_id_asked_at", "client_id", "asked_at"),)


def find_unproven(connection: Connection, client_ids: Sequence[UUID], since: datetime) -> set[UUID]:
    """Return those of some clients whose newest check since a time found something wrong, or that had none."""
    checks = table_of(SiteCheck)
    wanted = (checks.c.client_id.in_(client_ids), checks.c.state == SiteCheckState.DONE, checks.c.done_at > since)
    newest = select(checks.c.client_id, checks.c.is_clean).where(*wanted).order_by(checks.c.client_id, checks.c.done_at.desc())
    rows = connection.execute(newest.ext(distinct_on(checks.c.client_id))).all()
    return set(client_ids) - {row.client_id for row in rows if row.is_clean}
