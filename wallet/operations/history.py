"""One history of a person's dealings with the state, and all that is held about her here.  Spec: CH-14; wallet contract §10.3."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from wallet.context import Wallet
from wallet.operations.access_log import LIMIT_MAX, Filters, read_log
from wallet.operations.consents import list_consents
from wallet.operations.enquiries import list_enquiries
from wallet.operations.presence import Presence
from wallet.providers.dealings import Paid, ServiceAway
from wallet.standards.consent_record import instant

SHOWN_MAX = 300
SERVICES = ("identity", "pay", "notify")


class Kind(StrEnum):
    """Of which part of a person's dealings a happening is."""

    CONSENT = "consent"
    ACCESS = "access"
    ENQUIRY = "enquiry"
    SIGN_IN = "sign_in"
    PAYMENT = "payment"
    MESSAGE = "message"


@dataclass(frozen=True)
class Happening:
    """One thing that happened: `verb` says what, `who` with whom, `link` where it stands; `amount` is the money of a payment."""

    at: datetime
    kind: Kind
    verb: str
    who: str = field(repr=False)
    what: str = field(repr=False)
    link: str
    amount: tuple[int, str] | None = None


@dataclass(frozen=True)
class History:
    """All dealings, newest first; `away` names the services that did not answer, whose part is missing here and not empty.

    `is_cut` where only the newest are here.
    """

    happenings: list[Happening]
    away: list[str]
    is_cut: bool = False


def read_history(wallet: Wallet, presence: Presence, *, lang: str, kind: Kind | None = None) -> History:
    """Return a person's dealings with the state: here, and for herself also sign-ins, payments and messages of the other services."""
    found, away, has_more = _here(wallet, presence, lang=lang), list[str](), False
    if presence.acting is None:
        elsewhere, away, has_more = _elsewhere(wallet, presence, _services_of(kind), lang=lang)
        found += elsewhere
    wanted = [one for one in found if kind is None or one.kind is kind]
    return History(sorted(wanted, key=lambda one: one.at, reverse=True)[:SHOWN_MAX], away, has_more or len(wanted) > SHOWN_MAX)


def _services_of(kind: Kind | None) -> tuple[str, ...]:
    """Return whose part of the history a kind is; all for the whole history."""
    if kind is None:
        return SERVICES
    return {Kind.SIGN_IN: ("identity",), Kind.PAYMENT: ("pay",), Kind.MESSAGE: ("notify",)}.get(kind, ())


def _elsewhere(wallet: Wallet, presence: Presence, services: tuple[str, ...], *, lang: str) -> tuple[list[Happening], list[str], bool]:
    """Ask the other services for their parts, each of which may be away by itself; tell also whether there are older messages."""
    found, away = _account(wallet, presence, services, lang=lang) if {"identity", "pay"} & set(services) else ([], [])
    has_more = False
    if "notify" in services:
        try:
            mail = wallet.dealings.messages(presence.run)
            found += [Happening(one.at, Kind.MESSAGE, "", one.sender, one.subject, f"/mailbox/{one.message_id}") for one in mail.messages]
            has_more = mail.next_older_than is not None
        except ServiceAway:
            away.append("notify")
    return found, away, has_more


def _account(wallet: Wallet, presence: Presence, services: tuple[str, ...], *, lang: str) -> tuple[list[Happening], list[str]]:
    """Ask for sign-ins, and for payments by the address that identity knows."""
    found: list[Happening] = []
    away: list[str] = []
    email: str | None = None
    try:
        known = wallet.dealings.sign_ins(presence.run, lang=lang)
        email = known.email
        found += [Happening(at, Kind.SIGN_IN, words, service, "", "") for at, words, service in known.events]
    except ServiceAway:
        # Without the address of the receipts no payment can be asked for.
        away += [one for one in ("identity", "pay") if one in services]
    if email is not None and "pay" in services:
        try:
            found += [_paid(one) for one in wallet.dealings.payments(email)]
        except ServiceAway:
            away.append("pay")
    return found, away


def _paid(one: Paid) -> Happening:
    return Happening(one.at, Kind.PAYMENT, one.status, one.service, one.description, "", (one.amount_minor, one.currency))


def _here(wallet: Wallet, presence: Presence, *, lang: str) -> list[Happening]:
    """Return decisions, accesses and questions."""
    found: list[Happening] = []
    for consent in list_consents(wallet, presence):
        shown = consent.record["shown"]
        names = shown if isinstance(shown, dict) else {}
        who, what = str(names.get("recipient", "")), str(names.get("dataset", ""))
        found += [
            Happening(event.at, Kind.CONSENT, event.type, who, what, f"/receipts/{event.event_id}")
            for event in consent.events
            if event.type != "used"
        ]
    for line in read_log(wallet, presence, Filters(), lang=lang, limit=LIMIT_MAX).lines:
        found.append(Happening(line.at, Kind.ACCESS, line.outcome, line.org_name, line.dataset_title, f"/access-log/{line.txn}/ask"))
    for enquiry in list_enquiries(wallet, presence):
        found.append(Happening(enquiry.opened_at, Kind.ENQUIRY, enquiry.kind, enquiry.org_name, "", f"/enquiries/{enquiry.enquiry_id}"))
    return found


def export_all(wallet: Wallet, presence: Presence, *, lang: str) -> dict[str, Any]:
    """Return all that is held about a person, to be read by programs: records as they were frozen, the log, her questions."""
    log: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        page = read_log(wallet, presence, Filters(), lang=lang, cursor=cursor, limit=LIMIT_MAX)
        log += [{**asdict(line), "at": instant(line.at)} for line in page.lines]
        cursor = page.next_cursor
        if cursor is None:
            break
    consents = [
        {
            "record": consent.record,
            "state": consent.state,
            "uses": consent.uses,
            "events": [{"type": event.type, "at": instant(event.at)} for event in consent.events],
        }
        for consent in list_consents(wallet, presence)
    ]
    enquiries = [
        {
            "to": one.org_name,
            "kind": one.kind,
            "question": one.question,
            "state": one.state,
            "answer": one.answer,
            "at": instant(one.opened_at),
        }
        for one in list_enquiries(wallet, presence)
    ]
    return {"consents": consents, "access_log": log, "enquiries": enquiries}
