"""A register in memory, for development and tests; kept to the same contract as the real one."""

from collections.abc import Callable, Mapping

from wallet.providers.base import Order, Record
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
