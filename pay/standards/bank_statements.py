"""Statements of our own bank account: what came in, line by line, as one shape.

Spec: ISO 20022 camt.053.001.08 (bank to customer statement); and a table `movement,date,amount,text` for banks without it.  What went out
is passed over.  A file that cannot be read whole is refused whole.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

from babel.numbers import get_currency_precision
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from pay.standards.notice_number import NoticeNumber, read_number

LINES_MAX = 100_000
KEY_MAX, TEXT_MAX = 100, 200
AMOUNT_MAX = 10**15
"""More than any movement, and safely within what the books can hold."""
COLUMNS = ("movement", "date", "amount", "text")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBERS = re.compile(r"(?<!\d)1(?:[\s.-]?\d){17}(?!\d)")


class UnreadableStatement(ValueError):
    """The file is no statement; the text says where, without values."""


@dataclass(frozen=True)
class Credit:
    """Money that came in: the bank's own number for it (with its statement's, where it counts anew in each), the day, the payer's words."""

    key: str
    booked_on: date
    amount_minor: int
    currency: str
    text: str = field(repr=False)

    def notice_numbers(self) -> list[NoticeNumber]:
        """Return the numbers of notices that stand in the text, each once, in whatever groups they were written."""
        found = (read_number(match.group()) for match in _NUMBERS.finditer(self.text))
        return list(dict.fromkeys(number for number in found if number is not None))


def read_statement(raw: bytes, currency: str) -> list[Credit]:
    """Return what came in; `currency` is that of a table, which names none.  Raises: UnreadableStatement."""
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise UnreadableStatement("the file is not UTF-8") from None
    lines = _read_camt(text) if text.startswith("<") else _read_table(text, currency)
    found: list[Credit] = []
    for credit in lines:
        if len(found) >= LINES_MAX:
            raise UnreadableStatement(f"a statement has at most {LINES_MAX} lines")
        if not credit.key or len(credit.key) > KEY_MAX or not credit.key.isprintable():
            raise UnreadableStatement("a movement has no number of the bank")
        found.append(credit)
    return found


def _minor(text: str, currency: str) -> int:
    if not _CURRENCY.fullmatch(currency):
        raise ValueError
    value = Decimal(text.strip()).scaleb(get_currency_precision(currency))
    if not value.is_finite() or abs(value) > AMOUNT_MAX or value != value.to_integral_value():
        raise ValueError
    return int(value)


def _read_table(text: str, currency: str) -> Iterator[Credit]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise UnreadableStatement("the first line must name the columns " + ", ".join(COLUMNS))
    try:
        for row in rows:
            amount = _minor(row["amount"], currency)
            if amount > 0:
                yield Credit(row["movement"].strip(), date.fromisoformat(row["date"].strip()), amount, currency, row["text"][:TEXT_MAX])
    except (ValueError, TypeError, AttributeError, ArithmeticError, csv.Error):
        raise UnreadableStatement(f"line {rows.line_num}: a value cannot be read") from None


def _read_camt(text: str) -> Iterator[Credit]:
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException):
        raise UnreadableStatement("the file is not XML that can be read") from None
    namespace = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    if "camt.053" not in namespace:
        raise UnreadableStatement("the file is no camt.053 statement")
    if root.find(f".//{namespace}Stmt") is None:
        raise UnreadableStatement("the file is no camt.053 statement")
    entries = ((statement, entry) for statement in root.iter(f"{namespace}Stmt") for entry in statement.iterfind(f"{namespace}Ntry"))
    for number, (statement, entry) in enumerate(entries, 1):
        try:
            credit = _entry(entry, namespace, (statement.findtext(f"{namespace}Id") or "").strip())
        except (ValueError, ArithmeticError):
            raise UnreadableStatement(f"entry {number}: a value cannot be read") from None
        if credit is not None:
            yield credit


def _entry(entry: Element, namespace: str, statement_id: str) -> Credit | None:
    def texts(path: str) -> Iterable[str]:
        return (found.text or "" for found in entry.iterfind("/".join(namespace + part for part in path.split("/"))))

    def first(*paths: str) -> str:
        return next((text.strip() for path in paths for text in texts(path)), "")

    if first("CdtDbtInd") != "CRDT" or first("Sts/Cd", "Sts") not in {"BOOK", ""}:
        return None
    amount = entry.find(f"{namespace}Amt")
    currency = amount.get("Ccy", "") if amount is not None else ""
    amount_minor = _minor((amount.text or "") if amount is not None else "", currency)
    if amount_minor < 0:
        raise ValueError
    if amount_minor == 0:
        return None
    words = " ".join((*texts("NtryDtls/TxDtls/RmtInf/Ustrd"), first("AddtlNtryInf"), first("NtryDtls/TxDtls/Refs/EndToEndId")))
    booked_on = date.fromisoformat(first("BookgDt/Dt", "BookgDt/DtTm")[:10])
    return Credit(_key(first("AcctSvcrRef"), statement_id, first("NtryRef")), booked_on, amount_minor, currency, words.strip()[:TEXT_MAX])


def _key(bank_number: str, statement_id: str, entry_number: str) -> str:
    """Return what names a movement in all statements: NtryRef is unique within its own only."""
    return bank_number or (f"{statement_id}:{entry_number}" if statement_id and entry_number else "")
