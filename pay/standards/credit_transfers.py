"""Files of credit transfers to a bank (pain.001) and what the bank says became of them (pain.002).

Spec: ISO 20022 pain.001.001.09 (customer credit transfer initiation), pain.002.001.10 (payment status report).
The same batch gives the same bytes, so that handing a file over twice is handing over the same file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from xml.etree.ElementTree import Element, SubElement, tostring

from babel.numbers import get_currency_precision
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

ORDER_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
REPORT_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
_REPORT = f"{{{REPORT_NAMESPACE}}}"
NAME_MAX, TEXT_MAX, REASON_MAX = 140, 140, 4
LINES_MAX = 100_000


class UnreadableReport(ValueError):
    """The file is no status report; the text says where, without values."""


class Standing(StrEnum):
    """What a bank says of one transfer, as far as we care."""

    PAID = "paid"
    RETURNED = "returned"
    UNDER_WAY = "under-way"


_STANDINGS = {"ACSC": Standing.PAID, "ACCC": Standing.PAID, "RJCT": Standing.RETURNED, "CANC": Standing.RETURNED}


@dataclass(frozen=True)
class BankAccount:
    """Where a person's money goes: the bank's code, the kind of account (`checking`, `sight`, `savings`) and its number."""

    bank: str
    kind: str
    number: str = field(repr=False)


@dataclass(frozen=True)
class Transfer:
    """One order; `id` is our own name for it, which the bank says again in its report."""

    id: str
    amount_minor: int
    name: str = field(repr=False)
    identifier: str = field(repr=False)
    account: BankAccount
    text: str = field(repr=False)


@dataclass(frozen=True)
class TransferFile:
    """A batch: its name, who pays out of which account, and the orders."""

    name: str
    made_at: datetime
    payer: str
    payer_account: str
    currency: str
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True)
class ReportLine:
    """What became of one transfer; `reason` is the code of ISO 20022 (AC01 wrong account, AC04 closed account)."""

    id: str
    standing: Standing
    reason: str = ""


def _add(parent: Element, path: str, text: str = "") -> Element:
    for name in path.split("/"):
        parent = SubElement(parent, name)
    parent.text = text or None
    return parent


def _amount(amount_minor: int, currency: str) -> str:
    return str(Decimal(amount_minor).scaleb(-get_currency_precision(currency)))


def _bytes(root: Element) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'.encode()


def write_order(file: TransferFile) -> bytes:
    """Return the file as the bank takes it."""
    root = Element("Document", {"xmlns": ORDER_NAMESPACE})
    body = _add(root, "CstmrCdtTrfInitn")
    total = _amount(sum(transfer.amount_minor for transfer in file.transfers), file.currency)
    head = _add(body, "GrpHdr")
    _add(head, "MsgId", file.name)
    _add(head, "CreDtTm", file.made_at.isoformat(timespec="seconds"))
    _add(head, "NbOfTxs", str(len(file.transfers)))
    _add(head, "CtrlSum", total)
    _add(head, "InitgPty/Nm", file.payer[:NAME_MAX])
    group = _add(body, "PmtInf")
    _add(group, "PmtInfId", file.name)
    _add(group, "PmtMtd", "TRF")
    _add(group, "NbOfTxs", str(len(file.transfers)))
    _add(group, "CtrlSum", total)
    _add(group, "ReqdExctnDt/Dt", file.made_at.date().isoformat())
    _add(group, "Dbtr/Nm", file.payer[:NAME_MAX])
    _add(group, "DbtrAcct/Id/Othr/Id", file.payer_account)
    _add(group, "DbtrAgt/FinInstnId/Othr/Id", "NOTPROVIDED")
    for transfer in file.transfers:
        _transfer(_add(group, "CdtTrfTxInf"), transfer, file.currency)
    return _bytes(root)


def _transfer(parent: Element, transfer: Transfer, currency: str) -> None:
    _add(parent, "PmtId/EndToEndId", transfer.id)
    _add(_add(parent, "Amt"), "InstdAmt", _amount(transfer.amount_minor, currency)).set("Ccy", currency)
    _add(parent, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId", transfer.account.bank)
    creditor = _add(parent, "Cdtr")
    _add(creditor, "Nm", transfer.name[:NAME_MAX])
    _add(creditor, "Id/PrvtId/Othr/Id", transfer.identifier)
    account = _add(parent, "CdtrAcct")
    _add(account, "Id/Othr/Id", transfer.account.number)
    _add(account, "Tp/Prtry", transfer.account.kind)
    _add(parent, "RmtInf/Ustrd", transfer.text[:TEXT_MAX])


def write_report(name: str, order: str, made_at: datetime, lines: Iterable[tuple[str, str, str]]) -> bytes:
    """Return a status report on a file, of (id, status, reason) lines, as a bank writes it."""
    root = Element("Document", {"xmlns": REPORT_NAMESPACE})
    body = _add(root, "CstmrPmtStsRpt")
    head = _add(body, "GrpHdr")
    _add(head, "MsgId", name)
    _add(head, "CreDtTm", made_at.isoformat(timespec="seconds"))
    original = _add(body, "OrgnlGrpInfAndSts")
    _add(original, "OrgnlMsgId", order)
    _add(original, "OrgnlMsgNmId", "pain.001.001.09")
    group = _add(body, "OrgnlPmtInfAndSts")
    _add(group, "OrgnlPmtInfId", order)
    for payout_id, status, reason in lines:
        each = _add(group, "TxInfAndSts")
        _add(each, "OrgnlEndToEndId", payout_id)
        _add(each, "TxSts", status)
        if reason:
            _add(each, "StsRsnInf/Rsn/Cd", reason)
    return _bytes(root)


def read_report(raw: bytes) -> list[ReportLine]:
    """Return what a bank says of each transfer, in the order of the file.  Raises: UnreadableReport."""
    try:
        root = fromstring(raw, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise UnreadableReport("the file is not XML without a document type") from None
    if root.tag != f"{_REPORT}Document":
        raise UnreadableReport("the file is no pain.002.001.10")
    lines = list(_lines(root))
    if len(lines) > LINES_MAX:
        raise UnreadableReport(f"a report has at most {LINES_MAX} lines")
    return lines


def _lines(root: Element) -> Iterator[ReportLine]:
    for number, each in enumerate(root.iter(f"{_REPORT}TxInfAndSts"), 1):
        named, status = each.findtext(f"{_REPORT}OrgnlEndToEndId"), each.findtext(f"{_REPORT}TxSts")
        if not named or not status:
            raise UnreadableReport(f"line {number} names no transfer, or no status")
        reason = each.findtext(f"{_REPORT}StsRsnInf/{_REPORT}Rsn/{_REPORT}Cd", "")
        yield ReportLine(named, _STANDINGS.get(status, Standing.UNDER_WAY), reason[:REASON_MAX])


def read_order(raw: bytes) -> list[tuple[str, str]]:
    """Return (our name for the transfer, the account it goes to) of each order in a file of ours, for who plays the bank."""
    found = []
    for each in fromstring(raw, forbid_dtd=True).iter(f"{{{ORDER_NAMESPACE}}}CdtTrfTxInf"):
        id_path, account_path = ["PmtId", "EndToEndId"], ["CdtrAcct", "Id", "Othr", "Id"]
        named, account = (each.findtext("/".join(f"{{{ORDER_NAMESPACE}}}{part}" for part in path), "") for path in (id_path, account_path))
        found.append((named, account))
    return found
