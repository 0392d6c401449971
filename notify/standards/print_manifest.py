"""What goes to the print supplier, and what comes back.  Ours; described in docs/notify/letters.md.

Out: `<batch>.zip` with a PDF a letter, then `<batch>.manifest.json` (its arrival says that the batch is complete).
Back: `<anything>.receipt.json`: `{"batch", "letters": [{"id", "status": "DESPATCHED" | "REJECTED" | "RETURNED"}]}`.
"""

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

RECEIPT_BYTES_MAX = 5 * 1024 * 1024
LETTERS_MAX = 1000
_STILL = (1980, 1, 1, 0, 0, 0)  # the same batch always makes the same file
WORDS = frozenset({"DESPATCHED", "REJECTED", "RETURNED"})


class NotAReceipt(ValueError):
    """The file says nothing about a batch that we can read."""


@dataclass(frozen=True)
class Printed:
    """A letter in a batch."""

    id: uuid.UUID
    pdf: bytes
    pages: int
    postage: str


@dataclass(frozen=True)
class BatchReceipt:
    """What the supplier says of letters of one batch."""

    batch_id: uuid.UUID
    outcomes: tuple[tuple[uuid.UUID, str], ...]


def pack(batch_id: uuid.UUID, letters: Sequence[Printed]) -> tuple[bytes, bytes]:
    """Give the archive and the manifest of a batch, byte for byte the same each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # PDFs are packed already
        for letter in letters:
            archive.writestr(zipfile.ZipInfo(f"{letter.id}.pdf", _STILL), letter.pdf)
    packed = out.getvalue()
    manifest = {
        "version": 1,
        "batch": str(batch_id),
        "archive": {"name": f"{batch_id}.zip", "bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()},
        "letters": [
            {
                "id": str(letter.id),
                "file": f"{letter.id}.pdf",
                "pages": letter.pages,
                "sheets": -(-letter.pages // 2),
                "postage": letter.postage,
                "sha256": hashlib.sha256(letter.pdf).hexdigest(),
            }
            for letter in letters
        ],
    }
    return packed, json.dumps(manifest, indent=1).encode()


def read_receipt(raw: bytes) -> BatchReceipt:
    """Read what came back.  Raises: NotAReceipt."""
    if len(raw) > RECEIPT_BYTES_MAX:
        raise NotAReceipt("too large")
    try:
        body = json.loads(raw)
        letters = body["letters"]
        if not isinstance(letters, list) or len(letters) > LETTERS_MAX:
            raise NotAReceipt("letters")
        outcomes = tuple((uuid.UUID(letter["id"]), str(letter["status"]).upper()) for letter in letters)
        batch_id = uuid.UUID(body["batch"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise NotAReceipt(type(fault).__name__) from None
    if not all(word in WORDS for _, word in outcomes):
        raise NotAReceipt("a status that we do not know")
    return BatchReceipt(batch_id, outcomes)
