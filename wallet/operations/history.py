"""One history of a person's dealings here, and all that is held about her.  Spec: CH-14; wallet contract §10.3."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from wallet.context import Wallet
from wallet.operations.access_log import LIMIT_MAX, Filters, read_log
from wallet.operations.consents import list_consents
from wallet.operations.enquiries import list_enquiries
from wallet.operations.presence import Presence
from wallet.standards.consent_record import instant


@dataclass(frozen=True)
class Happening:
    """One thing that happened: `kind` is consent, access or enquiry; `verb` says what, `who` with whom, `link` where it stands."""

    at: datetime
    kind: str
    verb: str
    who: str
    what: str
    link: str


def read_history(wallet: Wallet, presence: Presence, *, lang: str) -> list[Happening]:
    """Return what happened, newest first: decisions, accesses and questions."""
    found: list[Happening] = []
    for consent in list_consents(wallet, presence):
        shown = consent.record["shown"]
        names = shown if isinstance(shown, dict) else {}
        who, what = str(names.get("recipient", "")), str(names.get("dataset", ""))
        found += [
            Happening(event.at, "consent", event.type, who, what, f"/receipts/{event.event_id}")
            for event in consent.events
            if event.type != "used"
        ]
    for line in read_log(wallet, presence, Filters(), lang=lang, limit=LIMIT_MAX).lines:
        found.append(Happening(line.at, "access", line.outcome, line.org_name, line.dataset_title, f"/access-log/{line.txn}/ask"))
    for enquiry in list_enquiries(wallet, presence):
        found.append(Happening(enquiry.opened_at, "enquiry", enquiry.kind, enquiry.org_name, "", f"/enquiries/{enquiry.enquiry_id}"))
    return sorted(found, key=lambda one: one.at, reverse=True)


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
