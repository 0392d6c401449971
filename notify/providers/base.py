"""What notify asks of the outside, and how the outside can fail.

```
ProviderError
├── ProviderUnavailable   not now: to be tried again under the same reference
├── RecipientRefused      this recipient cannot be reached: permanent-failure
└── ProviderRefused       they will never take this message: technical-failure
```
Each call is bounded in time and carries the notification's id as reference; a provider that knows the reference drops a repeat.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from notify.standards.mime import Mail
from notify.standards.statuses import Status


class ProviderError(Exception):
    """A hand-over did not work; no text of the provider is in it."""


class ProviderUnavailable(ProviderError):
    """Not now: to be tried again under the same reference, in `retry_after_seconds` where they say when.

    `may_have_taken` says that no answer came: another provider must not be given the message in their place.  `is_held_back` says that
    nobody was asked, since the sender has had its share of this minute: that is no try.
    """

    def __init__(
        self, why: str = "", *, retry_after_seconds: float | None = None, may_have_taken: bool = False, is_held_back: bool = False
    ) -> None:
        super().__init__(why)
        self.retry_after_seconds = retry_after_seconds
        self.may_have_taken = may_have_taken
        self.is_held_back = is_held_back


class RecipientRefused(ProviderError):
    """The recipient cannot be reached; `status` is the enhanced status code that a relay gave with its no (RFC 3463), empty for none."""

    def __init__(self, why: str = "", *, status: str = "") -> None:
        super().__init__(why)
        self.status = status


class ProviderRefused(ProviderError):
    """They will never take this message."""


@dataclass(frozen=True)
class HandOver:
    """A provider's yes: its own reference, where the message now stands, and the references of its parts where it has some."""

    provider: str
    provider_reference: str
    status: Status = Status.SENDING
    parts: tuple[str, ...] = ()


def no_address(_provider: str) -> str:
    """Ask no provider for a receipt."""
    return ""


@dataclass(frozen=True)
class Text:
    """A text message as it goes out; `to` in E.164 without the plus sign; `callback_url` gives each provider its own."""

    reference: str
    to: str
    sender: str
    body: str
    callback_url: Callable[[str], str] = no_address


@dataclass(frozen=True)
class Letter:
    """A letter ready to print; `offered_to` is the printer it was offered to before, None at the first try."""

    reference: str
    service_id: uuid.UUID
    recipient: str
    subject: str
    pdf: bytes
    postage: str
    offered_to: str | None = None
    callback_url: Callable[[str], str] = no_address


@dataclass(frozen=True)
class MailboxItem:
    """A message for a person's mailbox, for a reader outside notify."""

    reference: str
    to: str
    sender: str
    subject: str
    body: str


class EmailSender(Protocol):
    """Hands an email to a relay."""

    def send(self, mail: Mail) -> HandOver:
        """Hand over one message.  Raises: ProviderError."""
        ...


class SmsSender(Protocol):
    """Hands a text to a network."""

    def send(self, text: Text) -> HandOver:
        """Hand over one message.  Raises: ProviderError."""
        ...


class LetterPrinter(Protocol):
    """Hands a letter to who prints and posts it."""

    def send(self, letter: Letter) -> HandOver:
        """Hand over one letter.  Raises: ProviderError."""
        ...


class MailboxFeed(Protocol):
    """Tells a reader outside notify of a mailbox message."""

    def send(self, item: MailboxItem) -> HandOver:
        """Hand over one message.  Raises: ProviderError."""
        ...
