"""What pay asks of a payment service provider (a gateway).

Each order carries `reference`, our own name for this one call.  A gateway does a reference at most once and answers a repeat
with the first outcome; where it cannot, its adapter must say `unknown` and be asked with `find`, never be called again.
Spec: pay-design.md §4.2.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Action(StrEnum):
    """What a gateway is asked to do."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Verdict(StrEnum):
    """What a gateway answered."""

    APPROVED = "approved"
    DECLINED = "declined"
    ERROR = "error"


@dataclass(frozen=True)
class Outcome:
    """The gateway's final answer to one order; `provider_id` is its name for what it did."""

    verdict: Verdict
    provider_id: str
    reason: str = ""


@dataclass(frozen=True)
class CardNumber:
    """A number as the payer typed it; it prints nothing but its last four digits and is never kept."""

    digits: str

    @property
    def first_digits(self) -> str:
        """The six digits that name the issuer."""
        return self.digits[:6]

    @property
    def last_digits(self) -> str:
        """The four digits by which the payer knows the card."""
        return self.digits[-4:]

    def __repr__(self) -> str:
        return f"CardNumber(…{self.last_digits})"

    __str__ = __repr__


@dataclass(frozen=True)
class CardDetails:
    """What the payer typed; lives for one call and prints nothing."""

    number: CardNumber = field(repr=False)
    cvc: str = field(repr=False)
    expiry_month: int = field(repr=False)
    expiry_year: int = field(repr=False)
    holder_name: str = field(repr=False)


@dataclass(frozen=True)
class Order:
    """One call: an amount in minor units, under our reference."""

    reference: str
    payment_id: str
    amount_minor: int
    currency: str
    provider_id: str = ""


class GatewayUnavailable(Exception):
    """No answer, or none that can be read: what happened is unknown until `find` says so."""


class Gateway(Protocol):
    """A payment service provider."""

    name: str
    takes_card_numbers_here: bool
    """True where the payer types the card on our own page: only the sandbox does."""
    settles_refunds_at_once: bool
    """True where a refund is answered finally in one call, so that the request itself may ask."""

    def authorise(self, order: Order, card: CardDetails) -> Outcome:
        """Reserve the amount on the card.  Raises: GatewayUnavailable."""
        ...

    def capture(self, order: Order) -> Outcome:
        """Take the reserved amount.  Raises: GatewayUnavailable."""
        ...

    def void(self, order: Order) -> Outcome:
        """Give the reservation back.  Raises: GatewayUnavailable."""
        ...

    def refund(self, order: Order) -> Outcome:
        """Give taken money back.  Raises: GatewayUnavailable."""
        ...

    def find(self, reference: str) -> Outcome | None:
        """Return what became of a reference, or None when it never arrived.  Raises: GatewayUnavailable."""
        ...
