"""Check an export of a person's log offline: nothing but the file and the log's verifier key is needed."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from deploy.errors import CannotStart
from shared.audit.proofs import BadProof, check_proof


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
    """Check every proof in a file.  Raises: CannotStart when it is not an export."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        checked = Checked(key or document["verifier_key"], key is not None)
        entries = [entry for line in document["lines"] for entry in line["entries"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotStart(f"{path} is not an export of a log ({type(error).__name__}).") from None
    for entry in entries:
        if entry.get("proof") is None:
            checked.waiting += 1
            continue
        try:
            proven = check_proof(entry["proof"], checked.key)
        except BadProof as error:
            checked.faults.append(f"{entry.get('entry_id')}: {error}")
        else:
            checked.proven += 1
            if not proven.is_subject_proven:
                checked.faults.append(f"{entry.get('entry_id')}: it does not show whom it is about")
    return checked
