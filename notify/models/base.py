"""The declarative base of notify's tables, and the names of what its encryption is for."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from shared.db import NAMING, UtcDateTime

RECIPIENT_INDEX = "notify-recipient"
"""Purpose of the blind index by which recipients are matched and searched."""


class Base(DeclarativeBase):
    """What every model of notify inherits: its own metadata, with named constraints."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime}


def scope_of(service_id: uuid.UUID) -> str:
    """Name the data key under which a service's personal values stand."""
    return f"service:{service_id}"
