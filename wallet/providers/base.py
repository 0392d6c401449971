"""What the gate asks of a register, whatever its make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

Value = str | int | float | bool | None | list[str]


@dataclass(frozen=True, kw_only=True)
class Order:
    """One fetch: where, by what authority, whose data, which fields."""

    endpoint: str
    token: str = field(repr=False)
    proof: str = field(repr=False)
    run: str = field(repr=False)
    fields: tuple[str, ...]
    txn: str


@dataclass(frozen=True)
class Record:
    """What a register answered; None as `values` means that the person is not in it."""

    as_of: str
    values: Mapping[str, object] | None = field(repr=False)


class RegisterFailed(Exception):
    """The register gave no answer that can be used; no text of its own is in it."""


class RegisterTimeout(RegisterFailed):
    """It did not answer in time."""


class RegisterMalformed(RegisterFailed):
    """It answered something that is not of the agreed form."""


class RegisterLater(RegisterFailed):
    """It will know later; asked again under the same transaction it answers."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("later")
        self.retry_after_seconds = retry_after_seconds


class Register(Protocol):
    """A register that can be asked for one person's fields."""

    def fetch(self, order: Order, kinds: Mapping[str, str]) -> Record:
        """Return what the register says; `kinds` are the declared kinds of the asked fields.  Raises: RegisterFailed and its kinds."""
        ...
