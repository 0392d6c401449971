"""What stands in the ledger beside payments and refunds: settlement, disputes, suspense, remittance.  Spec: pay-design.md §3."""

from dataclasses import dataclass

from pay.standards.ledger import (
    Book,
    Layer,
    LedgerAccount,
    Line,
    Posting,
    Share,
    Side,
    Source,
    bank_account,
    fees_account,
    payable_account,
    receivable_account,
    suspense_account,
)


@dataclass(frozen=True)
class Channel:
    """A channel as the ledger sees it: the gateway, whose money it took (None: not known), our bank, the currency."""

    gateway: str
    account_id: str | None
    bank: str
    currency: str

    @property
    def receivable(self) -> LedgerAccount:
        """Taken by the channel, not yet at our bank."""
        return receivable_account(self.gateway, self.account_id)


@dataclass(frozen=True)
class SettledAmounts:
    """Parts of one settlement line, the amounts positive: what we waited for, what nobody waited for, what the channel kept."""

    matched_minor: int
    unexplained_minor: int
    fee_minor: int


def _debit(account: LedgerAccount, amount_minor: int) -> Line:
    return Line(account, Side.DEBIT, Layer.POSTED, amount_minor)


def _credit(account: LedgerAccount, amount_minor: int) -> Line:
    return Line(account, Side.CREDIT, Layer.POSTED, amount_minor)


def _posting(source: Source, source_id: str, payment_id: str, currency: str, *lines: Line) -> Posting:
    return Posting(source, source_id, payment_id, currency, tuple(line for line in lines if line.amount_minor))


def settlement_received(channel: Channel, line_id: str, payment_id: str, amounts: SettledAmounts) -> Posting:
    """The channel paid us: the bank has the sum less the fee, or with a fee that was given back."""
    total = amounts.matched_minor + amounts.unexplained_minor
    return _posting(
        Source.SETTLED,
        line_id,
        payment_id,
        channel.currency,
        _debit(bank_account(channel.bank), total - amounts.fee_minor),
        _debit(fees_account(channel.gateway), max(amounts.fee_minor, 0)),
        _credit(fees_account(channel.gateway), max(-amounts.fee_minor, 0)),
        _credit(channel.receivable, amounts.matched_minor),
        _credit(suspense_account(channel.gateway), amounts.unexplained_minor),
    )


def settlement_taken_back(channel: Channel, line_id: str, payment_id: str, amounts: SettledAmounts) -> Posting:
    """The channel kept back a refund or a dispute, and a fee."""
    total = amounts.matched_minor + amounts.unexplained_minor
    return _posting(
        Source.SETTLED,
        line_id,
        payment_id,
        channel.currency,
        _debit(channel.receivable, amounts.matched_minor),
        _debit(suspense_account(channel.gateway), amounts.unexplained_minor),
        _debit(fees_account(channel.gateway), amounts.fee_minor),
        _credit(bank_account(channel.bank), total + amounts.fee_minor),
    )


def dispute_opened(book: Book, payment_id: str, dispute_id: str, amount_minor: int) -> Posting:
    """The channel keeps the amount back while the dispute is open."""
    lines = _debit(book.dispute_hold, amount_minor), _credit(book.channel_receivable, amount_minor)
    return _posting(Source.DISPUTE_OPENED, dispute_id, payment_id, book.currency, *lines)


def dispute_lost(book: Book, payment_id: str, dispute_id: str, shares: tuple[Share, ...]) -> Posting:
    """The amount is gone: the bodies are owed less."""
    debits = [_debit(book.owed(share.beneficiary), share.amount_minor) for share in shares]
    held = _credit(book.dispute_hold, sum(share.amount_minor for share in shares))
    return _posting(Source.DISPUTE_LOST, dispute_id, payment_id, book.currency, *debits, held)


def dispute_won(book: Book, payment_id: str, dispute_id: str, amount_minor: int) -> Posting:
    """The channel owes us the amount again."""
    lines = _debit(book.channel_receivable, amount_minor), _credit(book.dispute_hold, amount_minor)
    return _posting(Source.DISPUTE_WON, dispute_id, payment_id, book.currency, *lines)


def suspended(channel: Channel, item_id: str, payment_id: str, amount_minor: int) -> Posting:
    """The channel took money that matches nothing."""
    lines = _debit(channel.receivable, amount_minor), _credit(suspense_account(channel.gateway), amount_minor)
    return _posting(Source.SUSPENDED, item_id, payment_id, channel.currency, *lines)


def suspense_refunded(channel: Channel, item_id: str, payment_id: str, amount_minor: int, *, from_bank: bool) -> Posting:
    """It was given back: by the channel that took it, or out of our bank."""
    paid_by = bank_account(channel.bank) if from_bank else channel.receivable
    lines = _debit(suspense_account(channel.gateway), amount_minor), _credit(paid_by, amount_minor)
    return _posting(Source.SUSPENSE_REFUNDED, item_id, payment_id, channel.currency, *lines)


def suspense_applied(channel: Channel, item_id: str, payment_id: str, beneficiary: str, amount_minor: int) -> Posting:
    """It was found to be for a body after all."""
    lines = _debit(suspense_account(channel.gateway), amount_minor), _credit(payable_account(beneficiary), amount_minor)
    return _posting(Source.SUSPENSE_APPLIED, item_id, payment_id, channel.currency, *lines)


def remitted(*, remittance_id: str, owed: LedgerAccount, bank: str, currency: str, amount_minor: int) -> Posting:
    """Who is owed (a body, a partner) was paid."""
    lines = _debit(owed, amount_minor), _credit(bank_account(bank), amount_minor)
    return _posting(Source.REMITTED, remittance_id, "", currency, *lines)
