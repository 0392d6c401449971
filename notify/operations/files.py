"""Files of all kinds: moved between their rows and the bucket while everything runs, and found by their names for a backup."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from notify.context import Notify
from notify.models.document import Document, MessageAttachment, attachment_name, document_name
from notify.models.letter_file import LetterFile, letter_name

AT_ONCE = 50
LISTED_AT_ONCE = 1000
_NAME = re.compile(r"(documents)/\d{8}/([0-9a-f-]{36})|(attachments)/([0-9a-f-]{36})/(\d{1,4})|(letters)/([0-9a-f-]{36})")


@dataclass(frozen=True)
class _Kind:
    """A table that holds files: the columns that are its key, the one with the file, and what names a file outside its row."""

    key: tuple[InstrumentedAttribute[object], ...]
    column: InstrumentedAttribute[bytes]
    name: Callable[[RowMapping], str]


_KINDS = {
    "documents": _Kind(
        (Document.id, Document.available_until), Document.content_sealed, lambda row: document_name(row["available_until"], row["id"])
    ),
    "attachments": _Kind(
        (MessageAttachment.notification_id, MessageAttachment.position),
        MessageAttachment.sealed,
        lambda row: attachment_name(row["notification_id"], row["position"]),
    ),
    "letters": _Kind((LetterFile.notification_id,), LetterFile.pdf_sealed, lambda row: letter_name(row["notification_id"])),
}


def move_files(notify: Notify) -> dict[str, int]:
    """Move what is not where new files are kept; give how many of each kind.  Ended, it may be begun again.

    Raises: FileGone, BucketAway.
    """
    return {kind: _move_all(notify, each) for kind, each in _KINDS.items()}


def _move_all(notify: Notify, kind: _Kind) -> int:
    into_bucket = notify.settings.files_in == "s3"
    is_elsewhere = kind.column != b"" if into_bucket else kind.column == b""
    wanted = select(*kind.key, kind.column.label("held")).where(is_elsewhere).limit(AT_ONCE)
    moved = 0
    while True:
        with notify.reading() as tx:
            rows = tx.connection.execute(wanted).mappings().all()
        if not rows:
            return moved
        for row in rows:
            name = kind.name(row)
            held = notify.files.keep(name, notify.files.read(name, row["held"]))
            own = [column == row[column.key] for column in kind.key]
            with notify.db.begin() as connection:
                is_there = connection.execute(update(kind.column.class_).where(*own, is_elsewhere).values({kind.column: held})).rowcount
            if not (into_bucket and is_there):  # it is in its row now, or the row went meanwhile
                notify.files.forget([name])
            moved += is_there


def names_outside(connection: Connection) -> Iterator[str]:
    """Give the name of each file that its row says is in the bucket; `connection` is in a transaction."""
    for kind in _KINDS.values():
        rows = connection.execute(select(*kind.key).where(kind.column == b""), execution_options={"yield_per": LISTED_AT_ONCE})
        yield from (kind.name(row) for row in rows.mappings())


def is_name(name: str) -> bool:
    """Return whether a file can have this name."""
    return _NAME.fullmatch(name) is not None


def find_held(connection: Connection, name: str) -> bytes | None:
    """Return what the row of a file holds, nothing where it says that the file is in the bucket; None where there is no row."""
    column, its_own = _row_of(name)
    return connection.execute(select(column).where(*its_own)).scalar_one_or_none()


def digest_held(connection: Connection, name: str) -> str | None:
    """Return the SHA-256 of what the row of a file holds; None where there is no row."""
    column, its_own = _row_of(name)
    return connection.execute(select(func.encode(func.sha256(column), "hex")).where(*its_own)).scalar_one_or_none()


def put_back(connection: Connection, name: str, sealed: bytes) -> bool:
    """Put a file into its row; False where there is none that holds nothing."""
    column, its_own = _row_of(name)
    changed = update(column.class_).where(*its_own, column == b"").values({column: sealed})
    return bool(connection.execute(changed).rowcount)


def _row_of(name: str) -> tuple[InstrumentedAttribute[bytes], list[ColumnElement[bool]]]:
    """Return the column that a file belongs into, and what finds its row.  Raises: ValueError for what is no name of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError("not the name of a file")
    kind, own_id, *position = (part for part in found.groups() if part is not None)
    key = _KINDS[kind].key if kind == "attachments" else _KINDS[kind].key[:1]
    values = [UUID(own_id), *map(int, position)]
    return _KINDS[kind].column, [column == value for column, value in zip(key, values, strict=True)]
