"""A register in memory, for development and tests; kept to the same contract as the real one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from wallet.providers.base import Order, Record
from wallet.providers.dealings import MESSAGES_MAX, File, Message, Messages, NoSuchMessage, NoSuchReceipt, Paid, ServiceAway, SignIns
from wallet.providers.mandates import Mandate, MandatesUnavailable
from wallet.providers.rest import read_answer


class MemoryRegister:
    """Answers from a dictionary by RUN; `before` is called first, to be slow, to fail, or to interleave."""

    def __init__(self, as_of: str = "2026-11-21T12:00:00Z") -> None:
        self.as_of = as_of
        self.people: dict[str, dict[str, object]] = {}
        self.orders: list[Order] = []
        self.before: Callable[[Order], None] = lambda _order: None

    def fetch(self, order: Order, kinds: Mapping[str, str]) -> Record:
        """Return what was put in.  Raises: whatever `before` raises."""
        del kinds
        self.orders.append(order)
        self.before(order)
        person = self.people.get(order.run)
        return Record(as_of="", values=None) if person is None else read_answer({"as_of": self.as_of, "fields": person})


class MemoryMandates:
    """A register of mandates in a dictionary by the delegate's RUN; `is_away` makes it fail as a real one does."""

    name = "https://registro.example"

    def __init__(self) -> None:
        self.by_delegate: dict[str, list[Mandate]] = {}
        self.is_away = False
        self.calls = 0

    def mandates_of(self, delegate: str) -> list[Mandate]:
        """Return what was put in.  Raises: MandatesUnavailable when it is away."""
        self.calls += 1
        if self.is_away:
            raise MandatesUnavailable("away")
        return list(self.by_delegate.get(delegate, []))


class MemoryDealings:
    """Other services in memory, for development and tests; what stands in `away` does not answer."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.events: list[tuple[datetime, str, str]] = []
        self.email: str | None = None
        self.paid: dict[str, list[Paid]] = {}
        self.mail: dict[str, list[Message]] = {}
        self.contents: dict[tuple[UUID, int], bytes] = {}

    def _check(self, service: str) -> None:
        if service in self.away:
            raise ServiceAway(service)

    def sign_ins(self, run: str, *, lang: str) -> SignIns:
        """Return what was put here.  Raises: ServiceAway."""
        del run, lang
        self._check("identity")
        return SignIns(list(self.events), self.email)

    def payments(self, email: str) -> list[Paid]:
        """Return what was put here.  Raises: ServiceAway."""
        self._check("pay")
        return list(self.paid.get(email, ()))

    def receipt(self, email: str, payment_id: str) -> File:
        """Return the receipt of a payment that was put here.  Raises: ServiceAway, NoSuchReceipt."""
        if all(one.payment_id != payment_id for one in self.payments(email)):
            raise NoSuchReceipt
        return File(f"{payment_id}.pdf", "application/pdf", b"%PDF-" + payment_id.encode())

    def messages(self, run: str, *, older_than: UUID | None = None, limit: int = MESSAGES_MAX) -> Messages:
        """Return a page of what was put here.  Raises: ServiceAway, NoSuchMessage."""
        self._check("notify")
        mail = self.mail.get(run, [])
        start = mail.index(self.message(run, older_than)) + 1 if older_than else 0
        found = mail[start : start + limit]
        return Messages(found, found[-1].message_id if len(mail) > start + limit else None)

    def open_message(self, run: str, message_id: UUID) -> None:
        """Mark a message as opened.  Raises: ServiceAway, NoSuchMessage."""
        self.message(run, message_id)
        self.mail[run] = [replace(one, read_at=one.at) if one.message_id == message_id else one for one in self.mail[run]]

    def file(self, run: str, message_id: UUID, position: int) -> File:
        """Return a file of an opened message.  Raises: ServiceAway, NoSuchMessage."""
        one = self.message(run, message_id)
        if one.read_at is None or position >= len(one.files):
            raise NoSuchMessage
        return File(one.files[position], "application/pdf", self.contents[message_id, position])

    def message(self, run: str, message_id: UUID) -> Message:
        """Return one message.  Raises: ServiceAway, NoSuchMessage."""
        self._check("notify")
        found = next((one for one in self.mail.get(run, ()) if one.message_id == message_id), None)
        if found is None:
            raise NoSuchMessage
        return found
