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
    INCOME = "income"
    EXPENSE = "expense"


class Source(StrEnum):
    """What a posting came from; with the id of the object it is unique, so nothing is posted twice."""

    AUTHORISED = "payment:authorised"
    CAPTURED = "payment:captured"
    VOIDED = "payment:voided"
    REFUND_REQUESTED = "refund:requested"
    REFUND_CONFIRMED = "refund:confirmed"
    REFUND_FAILED = "refund:failed"
    SETTLED = "settlement:line"
    DISPUTE_OPENED = "dispute:opened"
    DISPUTE_LOST = "dispute:lost"
    DISPUTE_WON = "dispute:won"
    SUSPENDED = "suspense:received"
    SUSPENSE_REFUNDED = "suspense:refunded"
    SUSPENSE_APPLIED = "suspense:applied"
    REMITTED = "remittance:sent"
    FUNDED = "deposit:received"
    PAYOUT_RESERVED = "payout:reserved"
    PAYOUT_RELEASED = "payout:released"
    PAYOUT_SENT = "payout:sent"
    PAYOUT_PAID = "payout:paid"
    PAYOUT_RETURNED = "payout:returned"


@dataclass(frozen=True)
class LedgerAccount:
    """An account of the chart, by its code."""

    code: str
    kind: Kind


SURCHARGE = "surcharge"


@dataclass(frozen=True)
class Share:
    """Who is owed how much of a payment, and for what; `SURCHARGE` stands for the operator's own income."""

    beneficiary: str
    amount_minor: int
    purpose: str = ""


def bank_account(name: str) -> LedgerAccount:
    """Return money at a bank."""
    return LedgerAccount(f"bank:{name}", Kind.ASSET)


def fees_account(gateway: str) -> LedgerAccount:
    """Return what a channel keeps for itself."""
    return LedgerAccount(f"fees:{gateway}", Kind.EXPENSE)


def suspense_account(channel: str) -> LedgerAccount:
    """Return money of a channel that matches nothing."""
    return LedgerAccount(f"suspense:{channel}", Kind.LIABILITY)


def payable_account(beneficiary: str) -> LedgerAccount:
    """Return what is owed to a public body."""
    return LedgerAccount(f"beneficiary_payable:{beneficiary}", Kind.LIABILITY)


def receivable_account(gateway: str, account_id: str | None) -> LedgerAccount:
    """Return what a channel has taken and not yet paid to our bank; without an account where it cannot be told whose it is."""
    return LedgerAccount(f"channel_receivable:{gateway}:{account_id or 'unknown'}", Kind.ASSET)


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
        return receivable_account(self.gateway, self.account_id)

    @property
    def refunds_in_transit(self) -> LedgerAccount:
        """Asked back by the service, not yet confirmed by the channel."""
        return LedgerAccount(f"refunds_in_transit:{self.gateway}:{self.account_id}", Kind.LIABILITY)

    @property
    def dispute_hold(self) -> LedgerAccount:
        """Kept back by the channel while a dispute is open."""
        return LedgerAccount(f"dispute_hold:{self.account_id}", Kind.ASSET)

    def owed(self, beneficiary: str) -> LedgerAccount:
        """Return the account that is credited with a share."""
        if beneficiary == SURCHARGE:
            return LedgerAccount(f"surcharge_income:{self.account_id}", Kind.INCOME)
        return payable_account(beneficiary)


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


def _move(debit: LedgerAccount, credit: LedgerAccount, amount_minor: int, layer: Layer) -> tuple[Line, ...]:
    if not amount_minor:
        return ()
    return Line(debit, Side.DEBIT, layer, amount_minor), Line(credit, Side.CREDIT, layer, amount_minor)


def _reversed(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(replace(line, side=Side.CREDIT if line.side is Side.DEBIT else Side.DEBIT) for line in lines)


def _taken(book: Book, shares: Iterable[Share], layer: Layer) -> tuple[Line, ...]:
    """The channel owes us the sum, we owe each beneficiary its share."""
    owed = tuple(Line(book.owed(share.beneficiary), Side.CREDIT, layer, share.amount_minor) for share in shares if share.amount_minor)
    return (Line(book.channel_receivable, Side.DEBIT, layer, sum(line.amount_minor for line in owed)), *owed)


def _given_back(book: Book, shares: Iterable[Share], layer: Layer) -> tuple[Line, ...]:
    """We owe each beneficiary less, and the sum is on its way back to the payer."""
    debits = tuple(Line(book.owed(share.beneficiary), Side.DEBIT, layer, share.amount_minor) for share in shares if share.amount_minor)
    return (*debits, Line(book.refunds_in_transit, Side.CREDIT, layer, sum(line.amount_minor for line in debits)))


def authorised(book: Book, payment_id: str, shares: Iterable[Share]) -> Posting:
    """Reserve: the channel will owe us, we will owe the bodies."""
    return Posting(Source.AUTHORISED, payment_id, payment_id, book.currency, _taken(book, shares, Layer.PENDING))


def captured(book: Book, payment_id: str, shares: tuple[Share, ...]) -> Posting:
    """Move what was reserved."""
    lines = _reversed(_taken(book, shares, Layer.PENDING)) + _taken(book, shares, Layer.POSTED)
    return Posting(Source.CAPTURED, payment_id, payment_id, book.currency, lines, resolves=Source.AUTHORISED)


def voided(book: Book, payment_id: str, shares: Iterable[Share]) -> Posting:
    """Free what was reserved."""
    lines = _reversed(_taken(book, shares, Layer.PENDING))
    return Posting(Source.VOIDED, payment_id, payment_id, book.currency, lines, resolves=Source.AUTHORISED)


def refund_requested(book: Book, payment_id: str, refund_id: str, shares: Iterable[Share]) -> Posting:
    """Reserve what goes back to the payer."""
    return Posting(Source.REFUND_REQUESTED, refund_id, payment_id, book.currency, _given_back(book, shares, Layer.PENDING))


def refund_confirmed(book: Book, payment_id: str, refund_id: str, shares: tuple[Share, ...]) -> Posting:
    """Move it: we owe the bodies less, and the channel owes us less."""
    total = sum(share.amount_minor for share in shares)
    paid = _move(book.refunds_in_transit, book.channel_receivable, total, Layer.POSTED)
    lines = _reversed(_given_back(book, shares, Layer.PENDING)) + _given_back(book, shares, Layer.POSTED) + paid
    return Posting(Source.REFUND_CONFIRMED, refund_id, payment_id, book.currency, lines, resolves=Source.REFUND_REQUESTED)


def refund_failed(book: Book, payment_id: str, refund_id: str, shares: Iterable[Share]) -> Posting:
    """Free what was reserved for the refund."""
    lines = _reversed(_given_back(book, shares, Layer.PENDING))
    return Posting(Source.REFUND_FAILED, refund_id, payment_id, book.currency, lines, resolves=Source.REFUND_REQUESTED)


def split_refund(left: tuple[Share, ...], amount_minor: int) -> tuple[Share, ...]:
    """Divide a refund over what each beneficiary still has, in proportion, to the last unit; the surcharge comes last.

    Raises: ValueError for more than is left.
    """
    bodies = [share for share in left if share.beneficiary != SURCHARGE]
    total = sum(share.amount_minor for share in bodies)
    from_bodies = min(amount_minor, total)
    parts = [share.amount_minor * from_bodies // total if total else 0 for share in bodies]
    by_remainder = sorted(range(len(bodies)), key=lambda n: (-(bodies[n].amount_minor * from_bodies % total if total else 0), n))
    for n in by_remainder[: from_bodies - sum(parts)]:
        parts[n] += 1
    divided = [Share(share.beneficiary, part) for share, part in zip(bodies, parts, strict=True) if part]
    rest = amount_minor - from_bodies
    if rest > sum(share.amount_minor for share in left if share.beneficiary == SURCHARGE):
        raise ValueError("more than is left")
    return (*divided, Share(SURCHARGE, rest)) if rest else tuple(divided)


def split_loss(left: tuple[Share, ...], amount_minor: int, body: str) -> tuple[Share, ...]:
    """Divide what a lost dispute takes as a refund is divided; what was refunded before is taken again, and the account's body bears it."""
    there = min(amount_minor, sum(share.amount_minor for share in left))
    shares = split_refund(left, there)
    return (*shares, Share(body, amount_minor - there)) if amount_minor > there else shares


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
