"""Messages to people: when one is due, to whom it goes and what it says.  Spec: wallet contract §3.1, §4, §10.3, U12.

A message is a job that names its kind and an id, so that nothing personal waits in the outbox; the job reads the rest when it runs.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Interval, and_, delete, func, literal, not_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.audit.entries import SCOPE as AUDIT_SCOPE
from shared.audit.tables import audit_entries, audit_sides
from shared.web.words import DEFAULT_LANGUAGE, day, moment, run, speaking
from wallet.context import Wallet
from wallet.models.assent import assents_to
from wallet.models.base import in_language
from wallet.models.bulk import BulkPerson
from wallet.models.consent import LIVE_STATES, Consent, ConsentEvent, ConsentState
from wallet.models.consent_request import OPEN_STATES, ConsentRequest, ConsentRequestItem, items_of
from wallet.models.dataset import find_dataset
from wallet.models.delegation import Delegation, active_delegations, find_delegation
from wallet.models.organisation import Organisation
from wallet.models.person_notice import ALWAYS, NoticeKind, NoticeWish, PersonNotice, turned_off_by
from wallet.operations import notice_words as words
from wallet.operations.delegation_ends import principal_of
from wallet.operations.presence import Presence
from wallet.providers.notices import Letter
from wallet.standards.acting import Kind, Power

EXPIRY_DAYS = 14
BATCH = 500
KINDS_SHOWN = tuple(kind for kind in NoticeKind if kind not in ALWAYS)


@dataclass(frozen=True)
class _Matter:
    """Whom a message is about (`scheme:value`), its words, and who gets it: `only` one, or all concerned but those `besides`."""

    subject: str
    letter: Letter
    only: str | None = None
    besides: frozenset[bytes] = frozenset()


def tell(wallet: Wallet, kind: NoticeKind, identifier: str) -> int:
    """Send one message to everybody whom it concerns; return how many went.  Raises: NoticeAway."""
    with wallet.reading() as tx, speaking(DEFAULT_LANGUAGE):
        matter = _finder(kind)(wallet, tx.session, identifier)
        if matter is None:
            return 0
        index = wallet.subject_index(matter.subject)
        is_wanted = kind in ALWAYS or kind not in turned_off_by(tx.session, index)
        concerned = [matter.only] if matter.only else _receivers(wallet, tx.session, matter.subject, index)
        receivers = [one for one in concerned if wallet.subject_index(one) not in matter.besides]
    if not is_wanted:
        return 0
    for receiver in receivers:
        wallet.notices.send(receiver.partition(":")[2], matter.letter)
    return len(receivers)


def _receivers(wallet: Wallet, session: Session, subject: str, index: bytes) -> list[str]:
    """Return the person, and those who act for her or for the company; a proxy is not told."""
    rows = active_delegations(session, principal=index)
    delegates = [
        wallet.cipher.decrypt(row.delegate, scope=wallet.subject_scope(row.delegate_index)) for row in rows if row.kind != Kind.PROXY
    ]
    return [*([subject] if subject.startswith("cl-run:") else []), *sorted(set(delegates))]


def _request(wallet: Wallet, session: Session, identifier: str) -> _Matter | None:
    row = session.get(ConsentRequest, UUID(identifier))
    if row is None or row.expires_at <= wallet.clock.now():
        return None
    subject = wallet.cipher.decrypt(row.subject, scope=wallet.subject_scope(row.subject_index))
    titles = ", ".join(sorted({_title(session, item) for item in items_of(session, row.id)}))
    link = f"{wallet.settings.public_url}/requests/{row.id}"
    letter = words.request(_name(session, row.org_id), titles, moment(row.expires_at), link)
    return _Matter(subject, Letter(*letter, reference=f"request-{row.id}"))


def _others_needed(wallet: Wallet, session: Session, identifier: str) -> _Matter | None:
    row = session.get(ConsentRequest, UUID(identifier))
    open_items = [item for item in items_of(session, row.id) if item.state_at(wallet.clock.now()) in OPEN_STATES] if row else []
    said = [one for item in open_items for one, _ in assents_to(session, item)]
    if row is None or not said:
        return None
    scope = wallet.subject_scope(row.subject_index)
    names = ", ".join(dict.fromkeys(wallet.cipher.decrypt(one.name, scope=scope) for one in said))
    link = f"{wallet.settings.public_url}/requests/{row.id}"
    letter = words.others_needed(names, _name(session, row.org_id), moment(row.expires_at), link)
    powers = active_delegations(session, principal=row.subject_index)
    asked = {one.delegate_index for one in powers if Power.GRANT in one.together} - {one.delegate_index for one in said}
    besides = frozenset({row.subject_index, *(one.delegate_index for one in powers)} - asked)
    return _Matter(wallet.cipher.decrypt(row.subject, scope=scope), Letter(*letter, reference=f"assent-{row.id}"), besides=besides)


def _receipt(wallet: Wallet, session: Session, identifier: str) -> _Matter | None:
    event = session.get(ConsentEvent, UUID(identifier))
    consent = session.get(Consent, event.consent_id) if event else None
    if event is None or consent is None:
        return None
    letter = words.receipt(event.type, *_parties(session, consent), f"{wallet.settings.public_url}/receipts/{event.event_id}")
    return _Matter(_subject(wallet, consent), Letter(*letter, reference=f"receipt-{event.event_id}"))


def _expiring(wallet: Wallet, session: Session, identifier: str) -> _Matter | None:
    consent = session.get(Consent, UUID(identifier))
    if consent is None or consent.state_at(wallet.clock.now()) != ConsentState.ACTIVE:
        return None
    link = f"{wallet.settings.public_url}/consents/{consent.consent_id}"
    letter = words.expiring(*_parties(session, consent), day(consent.valid_until), link)
    return _Matter(_subject(wallet, consent), Letter(*letter, reference=f"expiring-{consent.consent_id}"))


def _summary(wallet: Wallet, session: Session, identifier: str) -> _Matter | None:
    consent = session.get(Consent, UUID(identifier))
    if consent is None:
        return None
    mine = and_(Consent.subject_index == consent.subject_index, Consent.state.in_(LIVE_STATES))
    lines = [" – ".join(_parties(session, one)) for one in session.scalars(select(Consent).where(mine).order_by(Consent.created_at))]
    letter = words.summary(lines, f"{wallet.settings.public_url}/permissions")
    return _Matter(_subject(wallet, consent), Letter(*letter, reference="summary"))


def _access(kind: NoticeKind, wallet: Wallet, session: Session, identifier: str) -> _Matter | None:
    entry_id, _, place = identifier.partition(":")  # with a place it is one of many people
    if place:
        mine = (BulkPerson.entry_id == audit_entries.c.entry_id, BulkPerson.place == int(place))
        statement = select(audit_entries.c.core, BulkPerson.subject).where(*mine)
    else:
        joined = audit_entries.join(audit_sides, audit_sides.c.entry_id == audit_entries.c.entry_id)
        statement = select(audit_entries.c.core, audit_sides.c.subject).select_from(joined)
    row = session.execute(statement.where(audit_entries.c.entry_id == UUID(entry_id))).one_or_none()
    if row is None or row.subject is None:
        return None
    core = json.loads(row.core)
    subject = wallet.cipher.decrypt(row.subject, scope=AUDIT_SCOPE)
    dataset = find_dataset(session, core["source"]["dataset_id"], core["source"].get("dataset_version"))
    title = in_language(dataset.title, DEFAULT_LANGUAGE) if dataset else core["source"]["dataset_id"]
    letter = words.access(kind, _name(session, core["accessor"]["org_id"]), title, f"{wallet.settings.public_url}/access-log")
    return _Matter(subject, Letter(*letter, reference=f"access-{core['txn']}"))


def _delegate(kind: NoticeKind, wallet: Wallet, session: Session, identifier: str) -> _Matter | None:
    row = find_delegation(session, UUID(identifier))
    if row is None:
        return None
    subject, delegate = principal_of(wallet, row), _delegate_of(wallet, row)
    if kind is NoticeKind.DELEGATION_ENDED:
        letter = words.delegation_ended(delegate, str(row.end_reason), f"{wallet.settings.public_url}/acting")
    else:
        letter = words.delegate_acted(delegate, f"{wallet.settings.public_url}/done-for-me")
    only = subject if subject.startswith("cl-run:") else None
    return _Matter(subject, Letter(*letter, reference=f"delegation-{row.delegation_id}"), only=only)


def _finder(kind: NoticeKind) -> Callable[[Wallet, Session, str], "_Matter | None"]:
    plain = {
        NoticeKind.REQUEST: _request,
        NoticeKind.OTHERS_NEEDED: _others_needed,
        NoticeKind.RECEIPT: _receipt,
        NoticeKind.EXPIRING: _expiring,
        NoticeKind.SUMMARY: _summary,
    }
    return plain.get(kind) or partial(_delegate if kind in ALWAYS else _access, kind)


def tell_expiring(wallet: Wallet) -> int:
    """Leave a message for each permission that ends within two weeks, once; return how many (U12)."""
    now = wallet.clock.now()
    soon = and_(Consent.valid_until > now, Consent.valid_until <= now + timedelta(days=EXPIRY_DAYS))
    is_long = Consent.valid_until > Consent.created_at + literal(
        timedelta(days=EXPIRY_DAYS), Interval()
    )  # nobody is warned of what she has just given
    told = select(PersonNotice.object_id).where(
        PersonNotice.kind == NoticeKind.EXPIRING, PersonNotice.object_id == func.cast(Consent.consent_id, PersonNotice.object_id.type)
    )
    statement = select(Consent.consent_id).where(Consent.state == ConsentState.ACTIVE, soon, is_long, not_(told.exists())).limit(BATCH)
    with wallet.transaction() as tx:
        rows = [{"kind": NoticeKind.EXPIRING, "object_id": str(one), "told_at": now} for one in tx.session.scalars(statement)]
        if rows:
            tx.connection.execute(insert(PersonNotice).on_conflict_do_nothing(), rows)
        for row in rows:
            tx.enqueue("notify_person", {"kind": row["kind"], "id": row["object_id"]})
    return len(rows)


def tell_summaries(wallet: Wallet) -> int:
    """Leave a message for each person with permissions in force who was not told of them for a year; return how many (U12)."""
    now = wallet.clock.now()
    before = now - timedelta(days=wallet.settings.summary_days)
    mark = func.encode(Consent.subject_index, "hex")
    told = select(PersonNotice.object_id).where(
        PersonNotice.kind == NoticeKind.SUMMARY, PersonNotice.object_id == mark, PersonNotice.told_at > before
    )
    due = and_(Consent.state.in_(LIVE_STATES), Consent.valid_until > now, Consent.created_at <= before, not_(told.exists()))
    statement = select(mark, func.min(func.cast(Consent.consent_id, PersonNotice.object_id.type))).where(due).group_by(mark).limit(BATCH)
    with wallet.transaction() as tx:
        rows = tx.session.execute(statement).all()
        for person, consent_id in rows:
            row = {"kind": NoticeKind.SUMMARY, "object_id": person, "told_at": now}
            upsert = insert(PersonNotice).values(row).on_conflict_do_update(index_elements=["kind", "object_id"], set_={"told_at": now})
            tx.connection.execute(upsert)
            tx.enqueue("notify_person", {"kind": NoticeKind.SUMMARY, "id": str(consent_id)})
    return len(rows)


def forget_told(wallet: Wallet, *, days: int = 800) -> None:
    """Delete what was told long ago; a body that comes back after years is new again."""
    before = wallet.clock.now() - timedelta(days=days)
    with wallet.transaction() as tx:
        tx.forget(delete(PersonNotice).where(PersonNotice.told_at < before))


def find_wishes(wallet: Wallet, presence: Presence) -> frozenset[str]:
    """Return the kinds of message that a person turned off."""
    with wallet.reading() as tx:
        return turned_off_by(tx.session, wallet.subject_index(presence.own_subject))


def keep_wishes(wallet: Wallet, presence: Presence, wanted: Sequence[str]) -> None:
    """Turn kinds of message on and off; what is in `ALWAYS` stays on."""
    off = sorted(kind for kind in KINDS_SHOWN if kind not in wanted)
    row = {"subject_index": wallet.subject_index(presence.own_subject), "turned_off": off}
    with wallet.transaction() as tx:
        upsert = insert(NoticeWish).values(row).on_conflict_do_update(index_elements=["subject_index"], set_={"turned_off": off})
        tx.connection.execute(upsert)


def _parties(session: Session, consent: Consent) -> tuple[str, str]:
    dataset = find_dataset(session, consent.dataset_id, consent.dataset_version)
    return _name(session, consent.org_id), in_language(dataset.title, DEFAULT_LANGUAGE) if dataset else consent.dataset_id


def _subject(wallet: Wallet, consent: Consent) -> str:
    return wallet.cipher.decrypt(consent.subject, scope=wallet.subject_scope(consent.subject_index))


def _title(session: Session, item: ConsentRequestItem) -> str:
    dataset = find_dataset(session, item.dataset_id, item.dataset_version)
    return in_language(dataset.title, DEFAULT_LANGUAGE) if dataset else item.dataset_id


def _name(session: Session, org_id: str) -> str:
    found = session.get(Organisation, org_id)
    return found.name if found else org_id


def _delegate_of(wallet: Wallet, row: Delegation) -> str:
    scope = wallet.subject_scope(row.delegate_index)
    if row.delegate_name is not None:
        return wallet.cipher.decrypt(row.delegate_name, scope=scope)
    return run(wallet.cipher.decrypt(row.delegate, scope=scope).partition(":")[2])
