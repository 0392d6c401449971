"""What every model of the wallet inherits."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db import NAMING, UtcDateTime

Texts = dict[str, str]
"""One text in each language, by its tag (`es`, `en`)."""


class Base(DeclarativeBase):
    """The wallet's own metadata, with named constraints."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, str]: JSONB, list[str]: JSONB}


class Stamped:
    """Times of a registry object, and `lock`, counted up at each change."""

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    lock: Mapped[int] = mapped_column(default=1)


def in_language(texts: Texts, language: str) -> str:
    """Return the text in a language, else in Spanish, else any."""
    return texts.get(language) or texts.get("es") or next(iter(texts.values()), "")
