"""Check an export of a person's log offline, in any of its forms: nothing but the file and the log's verifier key is needed."""

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdf
from pypdf.errors import PyPdfError

from deploy.errors import CannotStart
from shared.audit.proofs import BadProof, check_proof

CELL_CHARACTERS_MAX = 16 * 1024 * 1024
"""A line with very many entries has them all in one cell."""


@dataclass
class Checked:
    """What an export was shown to prove; `waiting` entries are not under a checkpoint yet."""

    key: str
    is_pinned: bool
    proven: int = 0
    waiting: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when every proof holds, and there is one at least."""
        return not self.faults and self.proven > 0

    def __str__(self) -> str:
        source = "the key given" if self.is_pinned else "the key in the file (compare it with the one that the log publishes)"
        told = f"{self.proven} entries proven with {source}: {self.key}; {self.waiting} wait for a checkpoint"
        return "\n".join([told, *self.faults])

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {"ok": self.ok, "key": self.key, "proven": self.proven, "waiting": self.waiting, "faults": self.faults}


def check_export(path: str, key: str | None = None) -> Checked:
    """Check every proof in a file: JSON, CSV, or PDF with the JSON attached.  Raises: CannotStart when it is not an export."""
    try:
        document = _read(Path(path).read_bytes())
        checked = Checked(key or document["verifier_key"], key is not None)
        entries = [entry for line in document["lines"] for entry in line["entries"]]
        names = [(entry["entry_id"], entry["proof"]) for entry in entries]
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError, csv.Error, PyPdfError) as error:
        raise CannotStart(f"{path} is not an export of a log ({type(error).__name__}).") from None
    for name, proof in names:
        if proof is None:
            checked.waiting += 1
            continue
        try:
            proven = check_proof(proof if isinstance(proof, dict) else {}, checked.key)
        except BadProof as error:
            checked.faults.append(f"{name}: {error}")
        else:
            checked.proven += 1
            if not proven.is_subject_proven:
                checked.faults.append(f"{name}: it does not show whom it is about")
    return checked


def _read(raw: bytes) -> Any:  # an export as JSON, looked at by the caller
    """Return the document that a file holds, whatever its form.  Raises: ValueError and others for a file that is none."""
    if raw.startswith(b"%PDF-"):
        raw = next(iter(pypdf.PdfReader(io.BytesIO(raw)).attachments["access-log.json"]))
    text = raw.decode("utf-8-sig")
    return json.loads(text) if text.lstrip().startswith("{") else _read_table(text)


def _read_table(text: str) -> dict[str, object]:
    """Return the document of a table: a line a row, its proofs in one cell.  Raises: KeyError for a table of something else."""
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    keys = {row["verifier_key"] for row in rows}
    if len(keys) != 1:
        raise ValueError("a table of one log has one key")
    return {"verifier_key": keys.pop(), "lines": [{"entries": json.loads(row["proofs"])} for row in rows]}
