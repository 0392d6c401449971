"""The documents that a person was given, in one place: listed here, kept where they were made, fetched when they are read.

Spec: requirements CH-14; wallet contract §8.1 (nothing of the data is kept here).
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from wallet.context import Wallet
from wallet.operations.consents import list_consents
from wallet.operations.presence import Presence
from wallet.providers.dealings import File, NoSuchReceipt, ServiceAway

SHOWN_MAX = 300
PAID = "success"


class Kind(StrEnum):
    """What a document is."""

    FILE = "file"
    PAYMENT = "payment"
    PERMISSION = "permission"


@dataclass(frozen=True)
class Document:
    """One document: from whom, about what, and where it is fetched; a file whose message was not opened is had by opening it."""

    at: datetime
    kind: Kind
    who: str = field(repr=False)
    title: str = field(repr=False)
    link: str
    is_opened: bool = True


@dataclass(frozen=True)
class Folder:
    """A person's documents, newest first; `away` names the services whose documents are missing here, and not none."""

    documents: list[Document]
    away: list[str]
    is_cut: bool


def read_folder(wallet: Wallet, presence: Presence, *, lang: str) -> Folder:
    """Return the documents of the person who sits there: files of her messages, receipts of what she paid and of what she decided."""
    found, away, is_cut = _receipts(wallet, presence), list[str](), False
    try:
        files, is_cut = _files(wallet, presence)
        found += files
    except ServiceAway:
        away.append("notify")
    try:
        found += _payments(wallet, presence, lang)
    except ServiceAway:
        away.append("pay")
    newest = sorted(found, key=lambda one: one.at, reverse=True)
    return Folder(newest[:SHOWN_MAX], away, is_cut or len(newest) > SHOWN_MAX)


def payment_receipt(wallet: Wallet, presence: Presence, payment_id: str, *, lang: str) -> File:
    """Return the receipt of a payment of hers.  Raises: ServiceAway, NoSuchReceipt."""
    email = wallet.dealings.sign_ins(presence.run, lang=lang).email
    if email is None:
        raise NoSuchReceipt
    return wallet.dealings.receipt(email, payment_id)


def _files(wallet: Wallet, presence: Presence) -> tuple[list[Document], bool]:
    """Return the files of the newest messages, and whether there are older messages."""
    found, mail = [], wallet.dealings.messages(presence.run)
    for one in mail.messages:
        here = f"/mailbox/{one.message_id}"
        for position, name in enumerate(one.files):
            link = f"{here}/files/{position}" if one.read_at else here
            found.append(Document(one.at, Kind.FILE, one.sender, name, link, one.read_at is not None))
    return found, mail.next_older_than is not None


def _payments(wallet: Wallet, presence: Presence, lang: str) -> list[Document]:
    email = wallet.dealings.sign_ins(presence.run, lang=lang).email
    if email is None:
        return []
    paid = [one for one in wallet.dealings.payments(email) if one.status == PAID and one.payment_id]
    return [Document(one.at, Kind.PAYMENT, one.service, one.description, f"/documents/payments/{one.payment_id}") for one in paid]


def _receipts(wallet: Wallet, presence: Presence) -> list[Document]:
    """Return the newest receipt of each permission."""
    found = []
    for consent in list_consents(wallet, presence):
        shown, events = consent.record["shown"], [event for event in consent.events if event.type != "used"]
        names = shown if isinstance(shown, dict) else {}
        if events:
            newest = max(events, key=lambda event: event.at)
            link = f"/receipts/{newest.event_id}"
            found.append(Document(newest.at, Kind.PERMISSION, str(names.get("recipient", "")), str(names.get("dataset", "")), link))
    return found
