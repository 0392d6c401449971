"""What pay asks of a payment service provider (a gateway).

Each order carries `reference`, our own name for this one call.  A gateway does a reference at most once and answers a repeat
with the first outcome; where it cannot, its adapter must say `unknown` and be asked with `find`, never be called again.
Spec: pay-design.md §4.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable


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
    may_retry: bool = True
    """False where the scheme says that this instrument is never to be charged again."""
    instrument_token: str = field(default="", repr=False)
    """The provider's name for what was charged, where the order asked to keep it for later."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What must be told to the provider at a refund or a capture: its codes, never a card."""
    given: tuple[tuple[str, int], ...] = ()
    """Of a refund that was refused in part: what went back all the same, by beneficiary."""


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
    action: Action = Action.AUTHORISE
    keeps_instrument: bool = False
    """True where the payer agreed that the instrument be charged again later."""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    facts: Mapping[str, str] = field(default_factory=dict)
    taken_minor: int = 0
    """What was taken, less what was given back before this order: for providers whose only answer is a balance."""
    shares: tuple[tuple[str, int], ...] = ()
    """The amount by beneficiary, where there are several."""
    taken_shares: tuple[tuple[str, int], ...] = ()
    """`taken_minor` by beneficiary, where there are several, in the order that they were authorised in."""
    others: frozenset[str] = frozenset()
    """The provider's names for the payment's other refunds: none of these is what became of this order."""
    token: str = field(default="", repr=False)
    """The provider's name for the attempt, before it has an outcome."""
    is_delayed: bool = False
    """True where the service wants to capture later."""


@dataclass(frozen=True)
class Pages:
    """Where a provider sends the payer afterwards, and what the payer sees there."""

    return_url: str
    cancel_url: str
    notify_url: str
    subject: str
    expires_at: datetime
    email: str = field(default="", repr=False)


@dataclass(frozen=True)
class Begun:
    """An attempt on a provider's own page: its token, and the address that the payer's browser is sent to, with what it sends."""

    token: str
    url: str
    method: str = "GET"
    fields: Mapping[str, str] = field(default_factory=dict)


REFUSES_WHO_ASKS = frozenset({401, 403})


def probe(credentials: Mapping[str, str]) -> Order:
    """Return an order for nothing, which only asks whether a provider knows who asks."""
    return Order("0" * 26, "", 0, "", provider_id="0" * 12, credentials=credentials)


class GatewayUnavailable(Exception):
    """No answer, or none that can be read: what happened is unknown until `find` says so."""


class StillWaiting(GatewayUnavailable):
    """The order has arrived and is not decided: nothing is to be sent again, only asked for, hours or days later."""


class Gateway(Protocol):
    """A payment service provider."""

    name: str
    takes_card_numbers_here: bool
    """True where the payer types the card on our own page: only the sandbox does."""
    settles_refunds_at_once: bool
    """True where a refund is answered finally in one call, so that the request itself may ask."""

    repeats_safely: bool
    """True where an order that arrives twice is done once; else it is asked for with `find` before it is sent again."""

    def capture(self, order: Order) -> Outcome:
        """Take the reserved amount.  Raises: GatewayUnavailable."""
        ...

    def void(self, order: Order) -> Outcome:
        """Give the reservation back.  Raises: GatewayUnavailable."""
        ...

    def refund(self, order: Order) -> Outcome:
        """Give taken money back.  Raises: GatewayUnavailable."""
        ...

    def find(self, order: Order) -> Outcome | None:
        """Return what became of an order; None when it never arrived, or in part: sent again it is done.  Raises: GatewayUnavailable."""
        ...


@runtime_checkable
class CardGateway(Gateway, Protocol):
    """A provider that is told a card, or a token of one."""

    def authorise(self, order: Order, card: CardDetails) -> Outcome:
        """Reserve the amount on the card.  Raises: GatewayUnavailable."""
        ...

    def charge(self, order: Order, instrument_token: str) -> Outcome:
        """Reserve the amount on an instrument that was kept.  Raises: GatewayUnavailable."""
        ...


@dataclass(frozen=True)
class DisputeReply:
    """An office's answer to a dispute: `words` is empty where it accepts; `product` says what was paid for; `paper` is a PDF, or empty."""

    reference: str
    provider_id: str
    product: str
    words: str = field(default="", repr=False)
    paper: bytes = field(default=b"", repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@runtime_checkable
class DisputeGateway(Gateway, Protocol):
    """A provider that tells of disputes and takes answers to them; at the others people write both down."""

    def answer_dispute(self, reply: DisputeReply) -> Outcome:
        """Accept a dispute, or send evidence against it; a repeat is done once.  Raises: GatewayUnavailable."""
        ...


@runtime_checkable
class PageGateway(Gateway, Protocol):
    """A provider on whose own pages the payer pays; card numbers never come here."""

    label: str
    """The name that payers know it by."""

    credential_names: tuple[str, ...]
    """What the provider knows an account by."""

    def knows(self, credentials: Mapping[str, str]) -> bool:
        """Ask the provider whether it knows these; nothing is moved.  Raises: GatewayUnavailable."""
        ...

    def begin(self, order: Order, pages: Pages) -> Begun:
        """Open an attempt.  Nothing is taken unless the payer comes to the provider's page.  Raises: GatewayUnavailable."""
        ...

    def finish(self, order: Order) -> Outcome | None:
        """End the attempt of a payer who has come back, once; None while nothing is decided.  Raises: GatewayUnavailable."""
        ...
