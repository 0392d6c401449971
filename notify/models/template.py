"""Templates and their versions: every edit is a new version, and old ones stay readable."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class Template(Base):
    """What a service says again and again; `version` is the present one."""

    __tablename__ = "templates"
    __table_args__ = (CheckConstraint("channel IN ('email', 'sms', 'letter', 'mailbox')", name="channel"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id"), index=True)
    channel: Mapped[str] = mapped_column(String(10))
    version: Mapped[int]
    archived: Mapped[bool] = mapped_column(default=False)
    folder: Mapped[str] = mapped_column(String(80), default="", server_default="")
    # Its messages, sent one by one, go ahead of others.
    urgent: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]


class TemplateVersion(Base):
    """The words of one version."""

    __tablename__ = "template_versions"

    template_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("templates.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    postage: Mapped[str | None] = mapped_column(String(20))
    contact_block: Mapped[str | None] = mapped_column(Text)
    has_unsubscribe_link: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
