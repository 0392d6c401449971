"""What an office answers to a dispute: it accepts it, or sends evidence before the due date.  Spec: pay-api.md §11, pay-design.md §3.

An answer is written down before the provider hears of it, and goes there by a job, so that a crash or a lost answer costs nothing: the
provider is told the same answer under the same name until it says what became of it.  Where a provider takes no answers from here, the
answer waits as a document until somebody has handed it in (`dispute_hand_in`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import func, insert, select, update

from pay.context import Pay
from pay.errors import AnswerTooLate, AnswerUnderWay
from pay.events import DisputeAnswerEvent
from pay.models.account import Account, get_account
from pay.models.dispute import Dispute, disputes, get_dispute
from pay.models.dispute_answer import DisputeAnswer, dispute_answers, find_answer, list_answers
from pay.models.payment import find_payment, payer_scope
from pay.models.refund_request import refund_alone_minor
from pay.operations.accounts import credentials_of
from pay.operations.dispute_papers import answer_paper, files_of, keep_files, words_of
from pay.operations.disputes import DisputeNews, take_in
from pay.operations.moves import SYSTEM
from pay.operations.refund_desk import REFUND_ALONE_MINOR
from pay.providers.base import DisputeGateway, DisputeReply, Verdict
from pay.standards.dispute_states import AFTERWARDS, ANSWER_TABLE, AnswerKind, AnswerState, DisputeState
from pay.standards.evidence_files import EvidenceFile
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.staff_powers import StaffMember
from shared.problems import Forbidden, NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop as noop

JOB = "send_dispute_answer"
LIVE = (AnswerState.PROPOSED, AnswerState.APPROVED, AnswerState.SENT)
_UNDECIDED = (DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Work(StrEnum):
    """What an office has to do about a dispute."""

    ANSWER = "answer"
    DECIDE = "decide"
    HAND_IN = "hand in"
    RESULT = "result"
    NOTHING = "nothing"


_HAS_LAST_DAY = frozenset({Work.ANSWER, Work.DECIDE, Work.HAND_IN})


def require_dispute(pay: Pay, account: Account, dispute_id: str) -> tuple[Dispute, Sequence[DisputeAnswer]]:
    """Return a dispute of an account and the answers to it, the newest first.  Raises: NotFound."""
    with pay.reading() as tx:
        found = get_dispute(tx.connection, dispute_id, account_id=account.id)
        if found is None:
            raise NotFound
        return found, list_answers(tx.connection, found.id)


def open_disputes(pay: Pay, account: Account, *states: DisputeState) -> int:
    """Return how many disputes of an account are not decided, or stand in these states."""
    c = disputes.c
    wanted = [state.value for state in states or _UNDECIDED]
    with pay.reading() as tx:
        statement = select(func.count()).where(c.account_id == account.id, c.state.in_(wanted))
        return int(tx.connection.execute(statement).scalar_one())


def is_by_hand(pay: Pay, gateway: str) -> bool:
    """Answer whether people write down what a provider's letters say, and hand in answers: it has no interface for that."""
    return not isinstance(pay.gateways.get(gateway), DisputeGateway)


def may_answer(pay: Pay, dispute: Dispute) -> bool:
    """Answer whether there is time left, and something to answer."""
    is_in_time = dispute.evidence_due_at is None or pay.clock.now() < dispute.evidence_due_at
    return dispute.state is DisputeState.NEEDS_RESPONSE and is_in_time


def work_on(pay: Pay, dispute: Dispute, answers: Sequence[DisputeAnswer]) -> Work:
    """Return what is to be done about a dispute, as it stands now."""
    by_hand = is_by_hand(pay, dispute.gateway)
    if dispute.state not in _UNDECIDED:
        return Work.NOTHING
    state = next((answer.state for answer in answers if answer.state in LIVE), None)
    if state is None and may_answer(pay, dispute):
        return Work.ANSWER
    if state is AnswerState.PROPOSED:
        return Work.DECIDE
    if not by_hand:
        return Work.NOTHING
    return Work.HAND_IN if state is AnswerState.APPROVED else Work.RESULT


def work_list(pay: Pay, found: Sequence[Dispute]) -> list[tuple[Dispute, Work]]:
    """Return disputes with what is to be done about each: first what has a last day, the nearest before."""
    with pay.reading() as tx:
        answers = list_answers(tx.connection, *(dispute.id for dispute in found))
    listed = [(dispute, work_on(pay, dispute, [answer for answer in answers if answer.dispute_id == dispute.id])) for dispute in found]
    return sorted(listed, key=lambda each: (each[0].evidence_due_at or _END_OF_TIME) if each[1] in _HAS_LAST_DAY else _END_OF_TIME)


def answer_dispute(
    pay: Pay, staff: StaffMember, account: Account, dispute_id: str, words: str, *, files: Sequence[EvidenceFile] = ()
) -> None:
    """Send evidence, or with no words accept; to accept more than one person may refund, a second one decides.

    Raises: NotFound, AnswerTooLate, AnswerUnderWay.
    """
    now, answer_id = pay.clock.now(), pay.ids.pick(ALPHABET, LENGTH)
    kind = AnswerKind.EVIDENCE if words else AnswerKind.ACCEPT
    with pay.transaction() as tx:
        dispute = get_dispute(tx.connection, dispute_id, account_id=account.id, lock=True)
        if dispute is None:
            raise NotFound
        if not may_answer(pay, dispute):
            raise AnswerTooLate
        if any(answer.state in LIVE for answer in list_answers(tx.connection, dispute.id)):
            raise AnswerUnderWay
        alone = bool(words) or dispute.amount_minor <= refund_alone_minor(tx.connection, account.id, REFUND_ALONE_MINOR)
        row = {
            "id": answer_id,
            "dispute_id": dispute.id,
            "kind": kind.value,
            "words_sealed": pay.cipher.encrypt(words, scope=payer_scope(account.id)) if words else None,
            "state": (AnswerState.APPROVED if alone else AnswerState.PROPOSED).value,
            "made_by": staff.actor,
            "created_at": now,
            "updated_at": now,
        }
        tx.connection.execute(insert(dispute_answers).values(row))
        keep_files(pay, tx, account, answer_id, files)
        facts: dict[str, str | bool | int] = {"dispute_id": dispute.id, "kind": kind.value, "alone": alone, "files": len(files)}
        tx.record(DisputeAnswerEvent.PROPOSED, actor=staff.actor, object_id=answer_id, channel="console", data=facts)
        if alone and not is_by_hand(pay, dispute.gateway):
            tx.enqueue(JOB, {"answer_id": answer_id})


def decide_answer(pay: Pay, staff: StaffMember, account: Account, answer_id: str, *, approve: bool) -> None:
    """Approve or reject what somebody else proposed.  Raises: NotFound, Forbidden for the one who proposed, WrongState."""
    with pay.transaction() as tx:
        answer = find_answer(tx.connection, answer_id, lock=True)
        dispute = answer and get_dispute(tx.connection, answer.dispute_id, account_id=account.id)
        if answer is None or not dispute:
            raise NotFound
        if answer.made_by == staff.actor:
            raise Forbidden(noop("You proposed this. Another person has to decide."))
        target = AnswerState.APPROVED if approve else AnswerState.REJECTED
        move_answer(pay, tx, answer, target, actor=staff.actor, changes={"decided_by": staff.actor})
        if approve and not is_by_hand(pay, dispute.gateway):
            tx.enqueue(JOB, {"answer_id": answer_id})


def send_answer(pay: Pay, answer_id: str) -> None:
    """Tell the provider an approved answer; leaves quietly when that was done.  Raises: GatewayUnavailable."""
    with pay.reading() as tx:
        answer = find_answer(tx.connection, answer_id)
        found = answer and get_dispute(tx.connection, answer.dispute_id)
        payment = found and find_payment(tx.connection, pay.cipher, found.payment_id)
        account = found and get_account(tx.connection, found.account_id)
    if answer is None or not found or not payment or not account or answer.state is not AnswerState.APPROVED:
        return
    gateway = pay.gateways[found.gateway]
    if not isinstance(gateway, DisputeGateway):
        raise TypeError("this provider takes no answers")
    reply = DisputeReply(
        reference=f"dispute-answer-{answer.id}",
        provider_id=found.provider_id,
        product=f"{payment.description} ({payment.reference})",
        words=words_of(pay, account, answer),
        paper=answer_paper(pay, account, found, answer) if files_of(pay, account, answer) else b"",
        credentials=credentials_of(pay, account.id, found.gateway),
    )
    outcome = gateway.answer_dispute(reply)
    is_taken = outcome.verdict is Verdict.APPROVED
    with pay.transaction() as tx:
        answer = find_answer(tx.connection, answer_id, lock=True)
        if answer is None or answer.state is not AnswerState.APPROVED:
            return
        target, refusal = (AnswerState.SENT, None) if is_taken else (AnswerState.REFUSED, outcome.reason[:200])
        move_answer(pay, tx, answer, target, actor=SYSTEM, changes={"refusal": refusal})
        if is_taken:
            take_in(pay, tx, news_of(found, AFTERWARDS[answer.kind]), actor=SYSTEM)


def news_of(dispute: Dispute, state: DisputeState) -> DisputeNews:
    """Return the news that a dispute has come to a state."""
    d = dispute
    return DisputeNews(d.gateway, d.provider_id, d.payment_id, state, d.amount_minor, d.reason, d.fee_minor)


def move_answer(
    pay: Pay, tx: Transaction, answer: DisputeAnswer, target: AnswerState, *, actor: str, changes: Mapping[str, object]
) -> None:
    """Move an answer, whose row is locked, along the table.  Raises: WrongState."""
    action = ANSWER_TABLE.check(answer.state, target)
    values = {"state": target.value, "updated_at": pay.clock.now()} | dict(changes)
    tx.connection.execute(update(dispute_answers).where(dispute_answers.c.id == answer.id).values(values))
    facts = {"dispute_id": answer.dispute_id, "before": answer.state.value, "after": target.value}
    tx.record(action, actor=actor, object_id=answer.id, channel="console" if actor != SYSTEM else "job", data=facts)
