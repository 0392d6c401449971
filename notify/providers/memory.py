"""Providers that keep what they are handed: for development and tests; they pass the same contract tests as the real ones."""

import threading
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from notify.providers.base import HandOver, Letter, MailboxItem, ProviderError, Text
from notify.standards.mime import Mail, message
from notify.standards.statuses import Status


class Referenced(Protocol):
    """Anything that is handed over under a reference."""

    @property
    def reference(self) -> str:
        """The notification's id."""
        ...


M = TypeVar("M", bound=Referenced)


@dataclass
class MemoryProvider(Generic[M]):
    """Keeps each reference once.  `faults` are raised first, one a call, before anything is kept."""

    name: str = "memory"
    status: Status = Status.SENDING
    messages: list[M] = field(default_factory=list)
    calls: int = 0
    faults: list[ProviderError] = field(default_factory=list)
    _known: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def send(self, handed: M) -> HandOver:
        """Keep one message, or a repeat of it not again.  Raises: the next of `faults`."""
        with self._lock:
            self.calls += 1
            if self.faults:
                raise self.faults.pop(0)
            if handed.reference not in self._known:
                self._known.add(handed.reference)
                self.messages.append(handed)
        return HandOver(self.name, f"{self.name}-{handed.reference}", self.status)


class MemoryEmail(MemoryProvider[Mail]):
    """Keeps emails; builds each one, so that what cannot be built fails here as it does over SMTP."""

    def send(self, handed: Mail) -> HandOver:
        """Keep one email."""
        token = handed.return_token(self.name)
        message(handed, token).as_bytes()
        done = super().send(handed)
        return replace(done, provider_reference=f"{done.provider_reference} {token}".strip())


class MemorySms(MemoryProvider[Text]):
    """Keeps texts."""


class MemoryPrint(MemoryProvider[Letter]):
    """Keeps letters."""


class MemoryMailbox(MemoryProvider[MailboxItem]):
    """Keeps mailbox messages."""
