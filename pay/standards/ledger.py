"""Double entry: the chart of accounts and what each event of a payment posts.

Spec: pay-design.md §3.  A line stands in one of two layers: `pending` (reserved) or `posted` (moved).  A pending posting is
resolved once: by posting it (its pending lines are reversed and the same lines are written to the posted layer) or by voiding
it (only reversed).  Each posting balances in each layer, so every balance is the sum of lines that never change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from pay.standards.payment_states import PaymentState


class Side(StrEnum):
    """The side of an account a line stands on."""

    DEBIT = "debit"
    CREDIT = "credit"


class Layer(StrEnum):
    """Whether money is reserved or has moved."""

    PENDING = "pending"
    POSTED = "posted"


class Kind(StrEnum):
    """Of which kind an account is."""

    ASSET = "asset"
    LIABILITY = "liability"


class Source(StrEnum):
    """What a posting came from; with the id of the object it is unique, so nothing is posted twice."""

    AUTHORISED = "payment:authorised"
    CAPTURED = "payment:captured"
    VOIDED = "payment:voided"
    REFUND_REQUESTED = "refund:requested"
    REFUND_CONFIRMED = "refund:confirmed"
    REFUND_FAILED = "refund:failed"


@dataclass(frozen=True)
class LedgerAccount:
    """An account of the chart, by its code."""

    code: str
    kind: Kind


@dataclass(frozen=True)
class Line:
    """One line: a positive amount on one side of one account."""

    account: LedgerAccount
    side: Side
    layer: Layer
    amount_minor: int


@dataclass(frozen=True)
class Book:
    """The accounts of one gateway account at one gateway, in one currency."""

    gateway: str
    account_id: str
    beneficiary: str
    currency: str

    @property
    def channel_receivable(self) -> LedgerAccount:
        """Taken by the channel, not yet at our bank."""
        return LedgerAccount(f"channel_receivable:{self.gateway}:{self.account_id}", Kind.ASSET)

    @property
    def beneficiary_payable(self) -> LedgerAccount:
        """Owed to the public body."""
        return LedgerAccount(f"beneficiary_payable:{self.beneficiary}", Kind.LIABILITY)

    @property
    def refunds_in_transit(self) -> LedgerAccount:
        """Asked back by the service, not yet confirmed by the channel."""
        return LedgerAccount(f"refunds_in_transit:{self.gateway}:{self.account_id}", Kind.LIABILITY)


@dataclass(frozen=True)
class Posting:
    """A balanced set of lines with the event it came from; `resolves` names the pending posting it ends."""

    source: Source
    source_id: str
    payment_id: str
    currency: str
    lines: tuple[Line, ...]
    resolves: Source | None = None

    def __post_init__(self) -> None:
        if not is_balanced(self.lines) or any(line.amount_minor <= 0 for line in self.lines):
            raise ValueError(f"{self.source} does not balance")


def is_balanced(lines: Iterable[Line]) -> bool:
    """Answer whether debits equal credits in each layer."""
    sums = {Layer.PENDING: 0, Layer.POSTED: 0}
    for line in lines:
        sums[line.layer] += line.amount_minor if line.side is Side.DEBIT else -line.amount_minor
    return not any(sums.values())


def _move(debit: LedgerAccount, credit: LedgerAccount, amount_minor: int, layer: Layer) -> tuple[Line, Line]:
    return Line(debit, Side.DEBIT, layer, amount_minor), Line(credit, Side.CREDIT, layer, amount_minor)


def _reversed(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    return tuple(replace(line, side=Side.CREDIT if line.side is Side.DEBIT else Side.DEBIT) for line in lines)


def authorised(book: Book, payment_id: str, amount_minor: int) -> Posting:
    """Reserve: the channel will owe us, we will owe the body."""
    lines = _move(book.channel_receivable, book.beneficiary_payable, amount_minor, Layer.PENDING)
    return Posting(Source.AUTHORISED, payment_id, payment_id, book.currency, lines)


def captured(book: Book, payment_id: str, amount_minor: int) -> Posting:
    """Move what was reserved."""
    reserved = authorised(book, payment_id, amount_minor).lines
    moved = _move(book.channel_receivable, book.beneficiary_payable, amount_minor, Layer.POSTED)
    return Posting(Source.CAPTURED, payment_id, payment_id, book.currency, _reversed(reserved) + moved, resolves=Source.AUTHORISED)


def voided(book: Book, payment_id: str, amount_minor: int) -> Posting:
    """Free what was reserved."""
    reserved = authorised(book, payment_id, amount_minor).lines
    return Posting(Source.VOIDED, payment_id, payment_id, book.currency, _reversed(reserved), resolves=Source.AUTHORISED)


def refund_requested(book: Book, payment_id: str, refund_id: str, amount_minor: int) -> Posting:
    """Reserve what goes back to the payer."""
    lines = _move(book.beneficiary_payable, book.refunds_in_transit, amount_minor, Layer.PENDING)
    return Posting(Source.REFUND_REQUESTED, refund_id, payment_id, book.currency, lines)


def refund_confirmed(book: Book, payment_id: str, refund_id: str, amount_minor: int) -> Posting:
    """Move it: we owe the body less, and the channel owes us less."""
    reserved = refund_requested(book, payment_id, refund_id, amount_minor).lines
    moved = _move(book.beneficiary_payable, book.refunds_in_transit, amount_minor, Layer.POSTED)
    paid = _move(book.refunds_in_transit, book.channel_receivable, amount_minor, Layer.POSTED)
    lines = _reversed(reserved) + moved + paid
    return Posting(Source.REFUND_CONFIRMED, refund_id, payment_id, book.currency, lines, resolves=Source.REFUND_REQUESTED)


def refund_failed(book: Book, payment_id: str, refund_id: str, amount_minor: int) -> Posting:
    """Free what was reserved for the refund."""
    reserved = refund_requested(book, payment_id, refund_id, amount_minor).lines
    return Posting(Source.REFUND_FAILED, refund_id, payment_id, book.currency, _reversed(reserved), resolves=Source.REFUND_REQUESTED)


S = PaymentState
_RESERVED = frozenset({Source.AUTHORISED})
_MOVED = frozenset({Source.AUTHORISED, Source.CAPTURED})
_FREED = frozenset({Source.AUTHORISED, Source.VOIDED})
_NONE: frozenset[Source] = frozenset()
_HELD_STATES = (
    S.AUTHORISATION_SUCCESS,
    S.AWAITING_CAPTURE_REQUEST,
    S.CAPTURE_APPROVED,
    S.CAPTURE_APPROVED_RETRY,
    S.CAPTURE_QUEUED,
    S.CAPTURE_READY,
    S.CAPTURE_SUBMITTED,
    S.SYSTEM_CANCEL_READY,
    S.SYSTEM_CANCEL_SUBMITTED,
    S.SYSTEM_CANCEL_ERROR,
    S.USER_CANCEL_READY,
    S.USER_CANCEL_SUBMITTED,
    S.USER_CANCEL_ERROR,
    S.EXPIRE_CANCEL_READY,
    S.EXPIRE_CANCEL_SUBMITTED,
    S.EXPIRE_CANCEL_FAILED,
)
_ENDED_STATES = (S.EXPIRED, S.USER_CANCELLED, S.SYSTEM_CANCELLED)


def lawful_sources(state: PaymentState) -> frozenset[frozenset[Source]]:
    """Return the sets of payment postings that may stand beside a state; `prove` compares with them."""
    if state is S.CAPTURED:
        return frozenset({_MOVED})
    if state in _HELD_STATES:
        return frozenset({_RESERVED})
    if state is S.CAPTURE_ERROR:
        return frozenset({_FREED})
    if state in _ENDED_STATES:
        return frozenset({_NONE, _FREED})
    return frozenset({_NONE})
