"""What identity asks of its providers; each implementation passes the same contract test."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


class TooBusy(Exception):
    """More sign-ins at once than this process can hash in time."""


@dataclass(frozen=True)
class Hashed:
    """A stored password: Argon2 PHC string and the version of the pepper under it."""

    text: str
    pepper_version: str


class Hasher(Protocol):
    """Makes and checks password hashes."""

    def place(self) -> AbstractContextManager[None]:
        """Hold a place for as long as the block runs: what is hashed inside is not turned away any more.  Raises: TooBusy."""
        ...

    def hash(self, password: str) -> Hashed:
        """Return the hash to store."""
        ...

    def verify(self, stored: Hashed | None, password: str) -> bool:
        """Answer whether the password is the stored one; None costs the same time and is never right.  Raises: TooBusy."""
        ...

    def is_outdated(self, stored: Hashed) -> bool:
        """Answer whether a hash should be made anew with today's parameters."""
        ...


class SenderAway(Exception):
    """The message was not taken; it is tried again later."""


class Sender(Protocol):
    """Sends messages to people."""

    def send_email(self, to: str, subject: str, body: str, reference: str) -> None:
        """Have an email sent.  Raises: SenderAway."""
        ...

    def send_sms(self, to: str, body: str, reference: str) -> None:
        """Have a text message sent.  Raises: SenderAway."""
        ...


class BreachList(Protocol):
    """Passwords that stand in known breaches."""

    def has(self, password: str) -> bool:
        """Answer whether a password is among them; no call leaves this machine."""
        ...
