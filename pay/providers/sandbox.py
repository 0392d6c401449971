"""The sandbox gateway: test cards with fixed outcomes, behind the same Protocol as a real one.

Spec: pay-api.md §18.  It behaves as an outside party would: it keeps a book of its own, by our reference, in transactions of
its own, and never keeps a card.
"""

from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from pay.providers.base import Action, CardDetails, Order, Outcome, Verdict

APPROVED_CARDS = frozenset(
    [
        "4444333322221111",
        "4242424242424242",
        "4917610000000000003",
        "4000056655665556",
        "5105105105105100",
        "371449635398431",
        "3566002020360505",
        "6011000990139424",
        "36148900647913",
        "222100000000000",
        "4000000000000010",
        "4000160000000004",
        "4000020000000000",
        "4988080000000000",
        "4111111111111111",
        "4293189100000008",
        "5101180000000007",
        "4131840000000003",
        "4000180000000002",
        "5200828282828210",
    ]
)
DEBIT_CARDS = frozenset(["4000056655665556", "4988080000000000", "4131840000000003", "4000180000000002", "5200828282828210"])
CORPORATE_CARDS = frozenset(["4988080000000000", "4111111111111111", "4293189100000008", "5101180000000007"])
CORPORATE_PREPAID_CARDS = frozenset(["4131840000000003", "4000180000000002", "5200828282828210"])
PREPAID_CARDS = CORPORATE_PREPAID_CARDS | {"4000160000000004"}
REFUSES_LATER_CARD = "5105105105105100"
"""Its first payment under an agreement works, later ones are declined for good."""
CHARGES, REFUSES = "sandbox-instrument-charges", "sandbox-instrument-refuses"
NEVER_AGAIN = "not to be charged again"
"""The scheme's last word on an instrument."""
DECLINED_CARDS = {"4000000000000002": "declined", "4000000000000069": "expired card", "4000000000000127": "wrong security code"}
ERROR_CARDS = {"4000000000000119": "processing error"}


def judge(digits: str) -> tuple[Verdict, str]:
    """Return the fixed outcome of a test number and its reason; any other number is a gateway error."""
    if digits in APPROVED_CARDS:
        return Verdict.APPROVED, ""
    if digits in DECLINED_CARDS:
        return Verdict.DECLINED, DECLINED_CARDS[digits]
    return Verdict.ERROR, ERROR_CARDS.get(digits, "unknown test card")


@dataclass(frozen=True)
class CardKind:
    """What the number range of a card says of it.  Spec: pay-api.md §19."""

    card_type: str
    is_corporate: bool
    is_prepaid: bool


def kind_of(digits: str) -> CardKind:
    """Return the kind of a test card."""
    corporate = digits in CORPORATE_CARDS | CORPORATE_PREPAID_CARDS
    return CardKind("debit" if digits in DEBIT_CARDS else "credit", corporate, digits in PREPAID_CARDS)


@dataclass(frozen=True)
class Booking:
    """One order as the sandbox gateway keeps it."""

    reference: str
    action: Action
    payment_id: str
    amount_minor: int
    outcome: Outcome


class Bookings(Protocol):
    """The book of the sandbox gateway."""

    def keep(self, booking: Booking) -> Booking:
        """Keep a booking and return it, or return the one already kept under this reference."""
        ...

    def find(self, reference: str) -> Booking | None:
        """Return a booking."""
        ...

    def total(self, payment_id: str, action: Action) -> int:
        """Return the sum of the approved bookings of one kind for a payment."""
        ...


class MemoryBookings:
    """A book in memory, for tests."""

    def __init__(self) -> None:
        self._kept: dict[str, Booking] = {}
        self._lock = Lock()

    def keep(self, booking: Booking) -> Booking:
        """Keep a booking, or return the one already there."""
        with self._lock:
            return self._kept.setdefault(booking.reference, booking)

    def find(self, reference: str) -> Booking | None:
        """Return a booking."""
        return self._kept.get(reference)

    def total(self, payment_id: str, action: Action) -> int:
        """Return the sum of the approved bookings of one kind for a payment."""
        return sum(
            booking.amount_minor
            for booking in self._kept.values()
            if (booking.payment_id, booking.action, booking.outcome.verdict) == (payment_id, action, Verdict.APPROVED)
        )


class SandboxGateway:
    """Test cards in, fixed outcomes out."""

    name = "sandbox"
    takes_card_numbers_here = True
    settles_refunds_at_once = True
    repeats_safely = True

    def __init__(self, bookings: Bookings) -> None:
        self._bookings = bookings

    def authorise(self, order: Order, card: CardDetails) -> Outcome:
        """Judge the card by its number."""
        verdict, reason = judge(card.number.digits)
        token = ""
        if verdict is Verdict.APPROVED and order.keeps_instrument:
            token = REFUSES if card.number.digits == REFUSES_LATER_CARD else CHARGES
        return self._keep(Action.AUTHORISE, order, verdict, reason, instrument_token=token)

    def charge(self, order: Order, instrument_token: str) -> Outcome:
        """Judge an instrument by its token."""
        if instrument_token == CHARGES:
            return self._keep(Action.AUTHORISE, order, Verdict.APPROVED, "")
        return self._keep(Action.AUTHORISE, order, Verdict.DECLINED, NEVER_AGAIN)

    def capture(self, order: Order) -> Outcome:
        """Take what was authorised and not voided."""
        held = self._bookings.total(order.payment_id, Action.AUTHORISE) - self._bookings.total(order.payment_id, Action.VOID)
        if order.amount_minor > held:
            return self._keep(Action.CAPTURE, order, Verdict.ERROR, "nothing is authorised")
        return self._keep(Action.CAPTURE, order, Verdict.APPROVED, "")

    def void(self, order: Order) -> Outcome:
        """Give back what was authorised and not taken."""
        if self._bookings.total(order.payment_id, Action.CAPTURE):
            return self._keep(Action.VOID, order, Verdict.ERROR, "already taken")
        return self._keep(Action.VOID, order, Verdict.APPROVED, "")

    def refund(self, order: Order) -> Outcome:
        """Give back what was taken, never more."""
        known = self._bookings.find(order.reference)
        left = self._bookings.total(order.payment_id, Action.CAPTURE) - self._bookings.total(order.payment_id, Action.REFUND)
        if known is None and order.amount_minor > left:
            return self._keep(Action.REFUND, order, Verdict.DECLINED, "more than was taken")
        return self._keep(Action.REFUND, order, Verdict.APPROVED, "")

    def find(self, order: Order) -> Outcome | None:
        """Return what became of an order."""
        booking = self._bookings.find(order.reference)
        return None if booking is None else booking.outcome

    def _keep(self, action: Action, order: Order, verdict: Verdict, reason: str, *, instrument_token: str = "") -> Outcome:
        outcome = Outcome(verdict, f"sandbox-{order.reference}", reason, reason != NEVER_AGAIN, instrument_token)
        return self._bookings.keep(Booking(order.reference, action, order.payment_id, order.amount_minor, outcome)).outcome
