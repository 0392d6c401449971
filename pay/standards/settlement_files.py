"""Settlement files: what each channel says it paid to our bank, line by line, as one shape.

Spec: pay-design.md §3 (settlement line received).  The forms are those of docs/pay/ledger.md; a column that is not there, or a
value that cannot be read, refuses the whole file: half a file in the books would be worse than none.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

ROWS_MAX = 200_000
FEE_OF_DISPUTE_MAX = 10**6


class LineKind(StrEnum):
    """What a line is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "reversal"
    """A dispute that was won: the amount comes back, and with some channels what the dispute had cost (a fee below zero)."""


@dataclass(frozen=True)
class SettlementLine:
    """One movement: `key` is the channel's own name for it, `reference` names the payment or refund; amounts are positive."""

    key: str
    kind: LineKind
    reference: str
    amount_minor: int
    fee_minor: int
    currency: str
    settled_on: date


class UnreadableFile(ValueError):
    """The file is not of the channel's form; the text says where, without values."""


def _whole(text: str) -> int:
    """Read `14500`, `-14500`, `14500.00`; other fractions are refused."""
    value = Decimal(text.strip())
    if value != value.to_integral_value():
        raise ValueError
    return int(value)


def _day(text: str) -> date:
    return datetime.fromisoformat(text.strip().replace(" ", "T", 1)).date()


def _sandbox(row: Mapping[str, str]) -> SettlementLine:
    amount = _whole(row["amount"])
    kind = LineKind(row["kind"])
    return SettlementLine(row["line"], kind, row["reference"], abs(amount), _whole(row["fee"]), row["currency"], _day(row["date"]))


def _webpay(row: Mapping[str, str]) -> SettlementLine:
    """Sales come positive under their buy order, what was given back negative; Transbank keeps its commission."""
    amount = _whole(row["amount"])
    kind = LineKind.PAYMENT if amount > 0 else LineKind.REFUND
    key = f"{row['buy_order']}:{row['authorization_code']}:{row['movement']}"
    return SettlementLine(key, kind, row["buy_order"], abs(amount), _whole(row["commission"]), "CLP", _day(row["payment_date"]))


def _khipu(row: Mapping[str, str]) -> SettlementLine:
    amount = _whole(row["amount"])
    kind = LineKind.PAYMENT if amount > 0 else LineKind.REFUND
    key = f"{row['payment_id']}:{row['movement_id']}"
    return SettlementLine(key, kind, row["payment_id"], abs(amount), _whole(row["fee"]), row["currency"], _day(row["date"]))


_STRIPE_KINDS = {
    "charge": LineKind.PAYMENT,
    "refund": LineKind.REFUND,
    "dispute": LineKind.DISPUTE,
    "dispute_reversal": LineKind.DISPUTE_REVERSAL,
}


def _stripe(row: Mapping[str, str]) -> SettlementLine | None:
    """The itemised payout report; lines of other kinds (payouts, Stripe's own fees) are no movement of a payment."""
    kind = _STRIPE_KINDS.get(row["reporting_category"])
    if kind is None:
        return None
    reference = row["source_id"] if kind is LineKind.REFUND else row["payment_intent_id"]
    key, currency = row["balance_transaction_id"], row["currency"].upper()
    return SettlementLine(key, kind, reference, abs(_whole(row["gross"])), _whole(row["fee"]), currency, _day(row["available_on_utc"]))


READERS: dict[str, Callable[[Mapping[str, str]], SettlementLine | None]] = {
    "sandbox": _sandbox,
    "webpay": _webpay,
    "khipu": _khipu,
    "stripe": _stripe,
}


def read_settlement(gateway: str, raw: bytes) -> list[SettlementLine]:
    """Return the lines of a file.  Raises: UnreadableFile."""
    reader = READERS.get(gateway)
    if reader is None:
        raise UnreadableFile("no settlement files are known of this channel")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("the file is not UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    lines: list[SettlementLine] = []
    try:
        for row in rows:
            if len(lines) >= ROWS_MAX:
                raise UnreadableFile(f"a file has at most {ROWS_MAX} lines")
            line = reader(row)
            if line is not None:
                lines.append(_checked(line, rows.line_num))
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation, csv.Error) as fault:
        if isinstance(fault, UnreadableFile):
            raise
        where = f"line {rows.line_num}: " + (f"no column {fault.args[0]}" if isinstance(fault, KeyError) else "a value cannot be read")
        raise UnreadableFile(where) from None
    return lines


def _checked(line: SettlementLine, number: int) -> SettlementLine:
    least, most = 0, line.amount_minor
    if line.kind is LineKind.DISPUTE:
        most = FEE_OF_DISPUTE_MAX  # what a dispute costs may be more than what it is about
    elif line.kind is LineKind.DISPUTE_REVERSAL:
        least, most = -FEE_OF_DISPUTE_MAX, 0
    too_long = len(line.key) > 120 or len(line.reference) > 100 or len(line.currency) != 3
    if not line.key or not line.reference or too_long or not line.amount_minor or not least <= line.fee_minor <= most:
        raise UnreadableFile(f"line {number}: a value is missing or cannot be")
    return line
