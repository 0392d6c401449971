"""A person asks about an access, a body answers, the person accepts or goes to the authority.  Spec: wallet contract §10.3, X4."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.transaction import Transaction
from shared.web.words import SOURCE_LANGUAGE, gettext_noop
from wallet.context import Wallet
from wallet.errors import EnquiryNotFound, InvalidExchange, NotOverdue
from wallet.events import Event
from wallet.models.enquiry import (
    ENQUIRY_STATES,
    AnswerKind,
    Enquiry,
    EnquiryKind,
    EnquiryState,
    enquiries_of,
    enquiries_to,
    overdue_by_body,
)
from wallet.models.organisation import organisation_names
from wallet.operations.access_log import line_of
from wallet.operations.delegations import hold_power
from wallet.operations.moves import legal
from wallet.operations.presence import Presence
from wallet.standards.acting import Power

QUESTION_CHARACTERS_MAX = 2000
CORRECTIONS = (AnswerKind.CORRECTED, AnswerKind.NOT_CORRECTED, AnswerKind.CANNOT_TELL)
WITH_LAW = (AnswerKind.LAWFUL, AnswerKind.CANNOT_TELL, AnswerKind.NOT_CORRECTED)


@dataclass(frozen=True, kw_only=True)
class EnquiryView:
    """An enquiry in clear, for its person or for the body that is asked."""

    enquiry_id: UUID
    txn: UUID
    org_id: str
    org_name: str
    kind: str
    question: str
    state: str
    opened_at: datetime
    due_at: datetime
    is_overdue: bool
    answer_kind: str | None
    answer_law: str | None
    answer: str | None
    answered_at: datetime | None


def open_enquiry(wallet: Wallet, presence: Presence, txn: UUID, *, kind: EnquiryKind, question: str, lang: str) -> UUID:
    """Ask the body that looked, or for a correction the body that holds the data; return the enquiry's id.

    Raises: EnquiryNotFound when the person's log has no such access, InvalidExchange for a question that is too long, PowerLost.
    """
    if len(question) > QUESTION_CHARACTERS_MAX:
        raise InvalidExchange(gettext_noop("Write at most 2000 characters."))
    line = line_of(wallet, presence, txn, lang=lang)
    if line is None or (kind is EnquiryKind.CORRECT and line.source_org_id is None):
        raise EnquiryNotFound(gettext_noop("Your log has no such access."))
    index = wallet.subject_index(presence.subject)
    scope, now = wallet.subject_scope(index), wallet.clock.now()
    row = Enquiry(enquiry_id=wallet.ids.uuid7(), txn=txn, subject_index=index, kind=kind, state=EnquiryState.OPEN, opened_at=now)
    row.subject, row.question = wallet.cipher.encrypt(presence.subject, scope=scope), wallet.cipher.encrypt(question, scope=scope)
    row.org_id = line.source_org_id if kind is EnquiryKind.CORRECT and line.source_org_id else line.org_id
    row.due_at = now + timedelta(days=wallet.settings.enquiry_days)
    with wallet.transaction() as tx:
        hold_power(wallet, tx.session, presence)
        tx.session.add(row)
        data: dict[str, str | int | bool | list[str]] = {"kind": str(kind), "to": row.org_id, "txn": str(txn)}
        tx.record(
            Event.ENQUIRY_OPENED,
            actor=presence.actor,
            subject=presence.subject,
            on_behalf_of=presence.on_behalf_of,
            object_id=str(row.enquiry_id),
            channel="web",
            data=data,
        )
    return row.enquiry_id


def list_enquiries(wallet: Wallet, presence: Presence) -> list[EnquiryView]:
    """Return a person's enquiries, newest first; to a delegate those about accesses that the delegation covers."""
    with wallet.reading() as tx:
        found = _views(wallet, tx.session, enquiries_of(tx.session, wallet.subject_index(presence.subject)))
    return [one for one in found if _is_covered(wallet, presence, one.txn)]


def _is_covered(wallet: Wallet, presence: Presence, txn: UUID) -> bool:
    return presence.acting is None or line_of(wallet, presence, txn, lang=SOURCE_LANGUAGE) is not None


def get_enquiry(wallet: Wallet, presence: Presence, enquiry_id: UUID) -> EnquiryView:
    """Return one of a person's enquiries.  Raises: EnquiryNotFound."""
    with wallet.reading() as tx:
        found = _views(wallet, tx.session, [_own(wallet, tx.session, presence, enquiry_id)])[0]
    if not _is_covered(wallet, presence, found.txn):
        raise EnquiryNotFound(gettext_noop("Your power to act does not cover this question."))
    return found


def list_asked(wallet: Wallet, org_ids: list[str]) -> list[EnquiryView]:
    """Return what is asked of bodies, the most pressing first."""
    with wallet.reading() as tx:
        return _views(wallet, tx.session, enquiries_to(tx.session, org_ids))


def answer_enquiry(
    wallet: Wallet, org_ids: list[str], enquiry_id: UUID, *, kind: AnswerKind, law: str | None, text: str, actor: str
) -> None:
    """Answer for a body: lawful by an article, a mistake, a case opened, or that it may not tell, and by which law.

    Raises: EnquiryNotFound, InvalidExchange, IllegalTransition.
    """
    if kind in WITH_LAW and not law:
        raise InvalidExchange(gettext_noop("This answer names the law behind it."), errors={"law": ["Name the article."]})
    with wallet.transaction() as tx:
        row = tx.session.get(Enquiry, enquiry_id, with_for_update=True)
        if row is None or row.org_id not in org_ids:
            raise EnquiryNotFound(gettext_noop("Nothing with this number is asked of your body."))
        if (row.kind == EnquiryKind.CORRECT) != (kind in CORRECTIONS) and kind is not AnswerKind.CANNOT_TELL:
            raise InvalidExchange(gettext_noop("This answer does not fit what was asked."))
        action = legal(ENQUIRY_STATES, EnquiryState(row.state), EnquiryState.ANSWERED)
        row.state, row.answer_kind, row.answer_law, row.answered_at = EnquiryState.ANSWERED, kind, law, wallet.clock.now()
        row.answer = wallet.cipher.encrypt(text[:QUESTION_CHARACTERS_MAX], scope=wallet.subject_scope(row.subject_index))
        _record(wallet, tx, row, action, actor=actor, more={"answer": str(kind)})


def settle_enquiry(wallet: Wallet, presence: Presence, enquiry_id: UUID, target: EnquiryState) -> None:
    """Accept an answer, take it to the authority, or close; what ends the question asks of a delegate the power to withdraw.

    Raises: EnquiryNotFound, PowerMissing, PowerLost, IllegalTransition, NotOverdue when the body still has time to answer.
    """
    if target != EnquiryState.ESCALATED:
        presence.require(Power.WITHDRAW)
    get_enquiry(wallet, presence, enquiry_id)
    with wallet.transaction() as tx:
        hold_power(wallet, tx.session, presence)
        row = _own(wallet, tx.session, presence, enquiry_id, lock=True)
        if row.state == EnquiryState.OPEN and target == EnquiryState.ESCALATED and not row.is_overdue(wallet.clock.now()):
            raise NotOverdue(gettext_noop("They still have time to answer."))
        action = legal(ENQUIRY_STATES, EnquiryState(row.state), target)
        row.state = target
        _record(wallet, tx, row, action, actor=presence.actor, more={}, on_behalf_of=presence.on_behalf_of)


def overdue_counts(wallet: Wallet, bodies: frozenset[str] | None = None) -> list[tuple[str, int]]:
    """Return names of bodies, all or these, and how many enquiries each let pass its time, most first; public."""
    with wallet.reading() as tx:
        counts = overdue_by_body(tx.session, wallet.clock.now())
        names = organisation_names(tx.session, set(counts))
    return sorted(
        ((names.get(org_id, org_id), count) for org_id, count in counts.items() if bodies is None or org_id in bodies),
        key=lambda pair: (-pair[1], pair[0]),
    )


def _record(
    wallet: Wallet, tx: Transaction, row: Enquiry, action: Event, *, actor: str, more: dict[str, str], on_behalf_of: str | None = None
) -> None:
    subject = wallet.cipher.decrypt(row.subject, scope=wallet.subject_scope(row.subject_index))
    data: dict[str, str | int | bool | list[str]] = {"txn": str(row.txn), "to": row.org_id, **more}
    tx.record(action, actor=actor, subject=subject, on_behalf_of=on_behalf_of, object_id=str(row.enquiry_id), channel="web", data=data)


def _own(wallet: Wallet, session: Session, presence: Presence, enquiry_id: UUID, *, lock: bool = False) -> Enquiry:
    statement = select(Enquiry).where(Enquiry.enquiry_id == enquiry_id)
    row = session.scalars(statement.with_for_update() if lock else statement).one_or_none()
    if row is None or row.subject_index != wallet.subject_index(presence.subject):
        raise EnquiryNotFound(gettext_noop("You asked nothing with this number."))
    return row


def _views(wallet: Wallet, session: Session, rows: list[Enquiry]) -> list[EnquiryView]:
    names, now = organisation_names(session, {row.org_id for row in rows}), wallet.clock.now()
    return [_view(wallet, row, names, now) for row in rows]


def _view(wallet: Wallet, row: Enquiry, names: dict[str, str], now: datetime) -> EnquiryView:
    scope = wallet.subject_scope(row.subject_index)
    return EnquiryView(
        enquiry_id=row.enquiry_id,
        txn=row.txn,
        org_id=row.org_id,
        org_name=names.get(row.org_id, row.org_id),
        kind=row.kind,
        question=wallet.cipher.decrypt(row.question, scope=scope),
        state=row.state,
        opened_at=row.opened_at,
        due_at=row.due_at,
        is_overdue=row.is_overdue(now),
        answer_kind=row.answer_kind,
        answer_law=row.answer_law,
        answer=wallet.cipher.decrypt(row.answer, scope=scope) if row.answer else None,
        answered_at=row.answered_at,
    )
