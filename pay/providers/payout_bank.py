"""The bank that pays people out: files of orders go to it, reports of what became of them come back.

A file has a name; a bank takes each name once, so that handing it over again after a crash changes nothing.
Spec: ISO 20022 pain.001, pain.002; pay-design.md §4.2.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pay.standards.credit_transfers import read_order, write_report
from shared.clock import Clock

REPORTS_MAX = 1_000


class BankUnavailable(Exception):
    """The bank does not take files just now; the same file is handed over again later."""


@dataclass(frozen=True)
class Report:
    """A file that came back, unread."""

    name: str
    content: bytes = field(repr=False)


class PayoutBank(Protocol):
    """A bank that takes files."""

    name: str
    is_real: bool
    """False where no money moves."""

    def hand_over(self, name: str, content: bytes) -> None:
        """Give the bank a file; the same name again changes nothing.  Raises: BankUnavailable."""
        ...

    def reports(self) -> Iterable[Report]:
        """Return the reports there are, in the order in which they came; one may be returned again.  Raises: BankUnavailable."""
        ...


class FolderBank:
    """A bank that exchanges files through a folder which its own program, or SFTP, empties and fills: `out` and `in`."""

    name = "bank"
    is_real = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hand_over(self, name: str, content: bytes) -> None:
        """Put the file into `out`, whole or not at all; one that is there, or that the bank's program moved to `taken`, stays."""
        out = self._folder / "out"
        target, waiting = out / f"{name}.xml", out / f".{name}.part"
        try:
            if target.exists() or (self._folder / "taken" / target.name).exists():
                return
            with waiting.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            waiting.rename(target)
        except OSError as fault:
            raise BankUnavailable(type(fault).__name__) from None

    def reports(self) -> Iterable[Report]:
        """Return the files of `in`, by name."""
        try:
            for path in sorted((self._folder / "in").glob("*.xml"))[:REPORTS_MAX]:
                yield Report(path.name, path.read_bytes())
        except OSError as fault:
            raise BankUnavailable(type(fault).__name__) from None


SANDBOX_ENDS = {"01": ("RJCT", "AC01"), "04": ("RJCT", "AC04"), "09": ("PDNG", "")}
"""What becomes of a transfer, by the last two digits of the account: wrong account, closed account, undecided; others are paid."""


@dataclass(frozen=True)
class Received:
    """A file as the sandbox's bank keeps it."""

    name: str
    content: bytes = field(repr=False)
    received_at: datetime


class Shelf(Protocol):
    """Where the sandbox's bank keeps files."""

    def keep(self, file: Received) -> None:
        """Keep a file; the same name again changes nothing."""
        ...

    def newest(self, limit: int) -> list[Received]:
        """Return the newest files, oldest of them first."""
        ...


class SandboxBank:
    """A bank of our own: no money moves, and what becomes of a transfer follows from its account number."""

    name = "sandbox"
    is_real = False

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock

    def hand_over(self, name: str, content: bytes) -> None:
        """Keep the file."""
        self._shelf.keep(Received(name, content, self._clock.now()))

    def reports(self) -> Iterable[Report]:
        """Report on each file, always alike."""
        for file in self._shelf.newest(REPORTS_MAX):
            lines = [(payout_id, *SANDBOX_ENDS.get(account[-2:], ("ACSC", ""))) for payout_id, account in read_order(file.content)]
            yield Report(f"{file.name}-report.xml", write_report(f"R{file.name}", file.name, file.received_at, lines))
