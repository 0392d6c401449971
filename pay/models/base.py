"""The base of pay's tables: its own metadata, with named constraints."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from shared.db import NAMING, UtcDateTime


class Base(DeclarativeBase):
    """What every model of pay inherits."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime}  # SQLAlchemy's own type of this member


metadata = Base.metadata
