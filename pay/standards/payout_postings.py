"""What a pay-out posts: money of a body is reserved, sent, and paid, or it comes back.  Spec: pay-design.md §3; PA-8, PA-9.

All of it stands in the posted layer: what is reserved for a pay-out is no longer free for another, which `payouts_reserved` says
at once, and `beneficiary_payable` is what the body still may spend.
"""

from collections.abc import Iterable

from pay.standards.ledger import (
    Kind,
    Layer,
    LedgerAccount,
    Line,
    Posting,
    Share,
    Side,
    Source,
    bank_account,
    payable_account,
)


def reserved_account(body: str) -> LedgerAccount:
    """Return what a body has set aside for people."""
    return LedgerAccount(f"payouts_reserved:{body}", Kind.LIABILITY)


def in_transit_account(bank: str) -> LedgerAccount:
    """Return what is in files for a bank, and not yet at the person's."""
    return LedgerAccount(f"payouts_in_transit:{bank}", Kind.LIABILITY)


def partner_account(partner_id: str) -> LedgerAccount:
    """Return what a partner has paid out at its counters and is owed by us."""
    return LedgerAccount(f"partner_payable:{partner_id}", Kind.LIABILITY)


def _line(account: LedgerAccount, side: Side, amount_minor: int) -> Line:
    return Line(account, side, Layer.POSTED, amount_minor)


def _owed(shares: Iterable[Share], side: Side) -> tuple[Line, ...]:
    return tuple(_line(payable_account(share.beneficiary), side, share.amount_minor) for share in shares)


def _posting(source: Source, source_id: str, payment_id: str, currency: str, *lines: Line) -> Posting:
    return Posting(source, source_id, payment_id, currency, lines)


def funded(deposit_id: str, *, body: str, bank: str, currency: str, amount_minor: int) -> Posting:
    """A body put money in, so that people can be paid: our bank has it, and we owe it to the body."""
    debit, credit = _line(bank_account(bank), Side.DEBIT, amount_minor), _line(payable_account(body), Side.CREDIT, amount_minor)
    return _posting(Source.FUNDED, deposit_id, "", currency, debit, credit)


def reserved(payout_id: str, payment_id: str, *, body: str, currency: str, shares: tuple[Share, ...]) -> Posting:
    """Set aside what a person is to get; `shares` say out of whose money, which for a refund may be several bodies'."""
    total = sum(share.amount_minor for share in shares)
    credit = _line(reserved_account(body), Side.CREDIT, total)
    return _posting(Source.PAYOUT_RESERVED, payout_id, payment_id, currency, *_owed(shares, Side.DEBIT), credit)


def released(payout_id: str, payment_id: str, *, body: str, currency: str, shares: tuple[Share, ...]) -> Posting:
    """Nobody is paid: the money is the bodies' again."""
    total = sum(share.amount_minor for share in shares)
    debit = _line(reserved_account(body), Side.DEBIT, total)
    return _posting(Source.PAYOUT_RELEASED, payout_id, payment_id, currency, debit, *_owed(shares, Side.CREDIT))


def sent(payout_id: str, payment_id: str, *, body: str, bank: str, currency: str, amount_minor: int) -> Posting:
    """It is in a file for the bank."""
    debit, credit = _line(reserved_account(body), Side.DEBIT, amount_minor), _line(in_transit_account(bank), Side.CREDIT, amount_minor)
    return _posting(Source.PAYOUT_SENT, payout_id, payment_id, currency, debit, credit)


def paid(payout_id: str, payment_id: str, *, owed: LedgerAccount, out_of: LedgerAccount, currency: str, amount_minor: int) -> Posting:
    """The person has it: out of our bank, or out of a partner's till, which is owed for it."""
    debit, credit = _line(owed, Side.DEBIT, amount_minor), _line(out_of, Side.CREDIT, amount_minor)
    return _posting(Source.PAYOUT_PAID, payout_id, payment_id, currency, debit, credit)


def returned(payout_id: str, payment_id: str, *, held: LedgerAccount, currency: str, shares: tuple[Share, ...]) -> Posting:
    """The receiving bank did not take it, or sent it back: the money is the bodies' again."""
    debit = _line(held, Side.DEBIT, sum(share.amount_minor for share in shares))
    return _posting(Source.PAYOUT_RETURNED, payout_id, payment_id, currency, debit, *_owed(shares, Side.CREDIT))
