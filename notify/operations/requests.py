"""What callers ask for, once read and found well-formed."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Insert


@dataclass(frozen=True, kw_only=True)
class SendBody:
    """A send as asked for; `recipient` as the caller wrote it, empty for letters; `followed_by` is written with the message."""

    template_id: uuid.UUID
    recipient: str = ""
    personalisation: dict[str, object] = field(default_factory=dict)
    reference: str | None = None
    sender_id: uuid.UUID | None = None
    scheduled_for: datetime | None = None
    unsubscribe_url: str | None = None
    sanitise_for: tuple[str, ...] = ()
    attachments: tuple[dict[str, object], ...] = ()
    followed_by: Callable[[uuid.UUID], tuple[Insert, ...]] | None = None


@dataclass(frozen=True)
class PrecompiledBody:
    """A letter that comes as a file, base64."""

    reference: str
    content: str = field(repr=False)
    postage: str


@dataclass(frozen=True)
class ListQuery:
    """Which notifications are asked for."""

    statuses: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    reference: str | None = None
    older_than: uuid.UUID | None = None
    include_jobs: bool = False
