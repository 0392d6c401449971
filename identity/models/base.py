"""The base of every model here, and the column types they share."""

from datetime import datetime
from typing import Any, ClassVar, cast

from sqlalchemy import MetaData, String, Table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase

from shared.db import NAMING, UtcDateTime


class Base(DeclarativeBase):
    """Identity's own metadata, with named constraints and aware times."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime}  # SQLAlchemy's own type of this member


def table_of(model: type[Base]) -> Table:
    """Return a model's table, for statements of Core."""
    return cast(Table, model.__table__)


TEXTS = ARRAY(String)
"""A list of short texts."""
HASH = String(64)
"""Hex SHA-256 of an opaque secret (HT-7)."""
