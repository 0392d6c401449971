"""What verification says: faults with their place, in words and as JSON."""

from dataclasses import dataclass, field
from enum import StrEnum

FAULTS_MAX = 100  # kept in full; the rest is counted


class FaultKind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    SWAPPED = "swapped"
    CHAIN_BROKEN = "chain-broken"
    TREE_MISMATCH = "tree-mismatch"
    CHECKPOINT_MISMATCH = "checkpoint-mismatch"
    BAD_SIGNATURE = "bad-signature"
    TRUNCATED = "truncated"
    SIDE_MISMATCH = "side-mismatch"
    NOT_SEQUENCED = "not-sequenced"


@dataclass
class Fault:
    """One thing that is wrong, with the row it was found at."""

    kind: FaultKind
    detail: str
    seq: int | None = None
    entry_id: str | None = None

    def __str__(self) -> str:
        where = "" if self.seq is None else f" at row {self.seq}"
        whose = "" if self.entry_id is None else f" (entry {self.entry_id})"
        return f"{self.kind}{where}{whose}: {self.detail}"

    def as_json(self) -> dict[str, object]:
        """Return the fault as a JSON object."""
        return {"kind": str(self.kind), "seq": self.seq, "entry_id": self.entry_id, "detail": self.detail}


@dataclass
class Report:
    """The result of one verification of one log."""

    origin: str
    since: int = 0
    """Rows up to this one were not looked at."""
    size: int = 0
    is_to_the_end: bool = True
    root: bytes = b""
    signed_size: int = 0
    checkpoint_count: int = 0
    witnessed_count: int = 0
    side_count: int = 0
    waiting_count: int = 0
    fault_count: int = 0
    late_count: int = 0
    seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return self.fault_count == 0

    @property
    def first_fault(self) -> Fault | None:
        """The fault at the lowest row; faults without a row come last."""
        return min(self.faults, key=lambda fault: (fault.seq is None, fault.seq or 0), default=None)

    @property
    def warnings(self) -> list[str]:
        """What is not wrong, but to be known."""
        found = []
        if self.size > self.signed_size:
            found.append(f"{self.size - self.signed_size} rows after row {self.signed_size} are not yet under a signature")
        if self.size and self.is_to_the_end and not self.witnessed_count:
            found.append("no checkpoint seen by another service was compared: a log rewritten whole, with its key, would pass")
        if self.late_count:
            found.append(f"{self.late_count} entries got their number long after they say they happened")
        return found

    def add(self, kind: FaultKind, detail: str, *, seq: int | None = None, entry_id: object = None) -> Fault:
        """Note a fault."""
        fault = Fault(kind, detail, seq, None if entry_id is None else str(entry_id))
        self.fault_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)
        return fault

    def as_json(self) -> dict[str, object]:
        """Return the report as a JSON object."""
        first = self.first_fault
        return {
            "ok": self.ok,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "signed_size": self.signed_size,
            "checkpoints": self.checkpoint_count,
            "witnessed": self.witnessed_count,
            "sides": self.side_count,
            "waiting": self.waiting_count,
            "seconds": round(self.seconds, 3),
            "fault_count": self.fault_count,
            "first_fault": None if first is None else first.as_json(),
            "faults": [fault.as_json() for fault in self.faults],
            "warnings": self.warnings,
        }

    def __str__(self) -> str:
        verdict = "intact" if self.ok else f"NOT INTACT, {self.fault_count} faults"
        lines = [
            f"{self.origin}: {verdict}",
            f"  rows {self.size}, signed up to row {self.signed_size}, waiting for a number {self.waiting_count}",
            f"  root {self.root.hex()}",
            f"  compared: {self.checkpoint_count} checkpoints, {self.witnessed_count} seen by others, {self.side_count} side rows",
        ]
        if self.first_fault is not None:
            lines.append(f"  first fault: {self.first_fault}")
            lines += [f"  also: {fault}" for fault in self.faults if fault is not self.first_fault]
        return "\n".join([*lines, *(f"  note: {warning}" for warning in self.warnings)])
