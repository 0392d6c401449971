"""Move files between their rows and the bucket, while everything runs: to where the settings say new ones are kept."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import RowMapping, select, update
from sqlalchemy.orm import InstrumentedAttribute

from notify.context import Notify
from notify.models.document import Document, MessageAttachment, attachment_name, document_name
from notify.models.letter_file import LetterFile, letter_name

AT_ONCE = 50


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
