"""What an office answers to a dispute: it accepts it, or sends evidence before the due date.  Spec: pay-api.md §11, pay-design.md §3.

An answer is written down before the provider hears of it, and goes there by a job, so that a crash or a lost answer costs nothing: the
provider is told the same answer under the same name until it says what became of it.
"""

from collections.abc import Sequence

from sqlalchemy import func, insert, select, update

from pay.context import Pay
from pay.errors import AnswerTooLate, AnswerUnderWay
from pay.events import DisputeAnswerEvent
from pay.models.account import Account
from pay.models.dispute import Dispute, disputes, get_dispute
from pay.models.dispute_answer import DisputeAnswer, dispute_answers, find_answer, list_answers
from pay.models.payment import find_payment, payer_scope
from pay.models.refund_request import refund_alone_minor
from pay.operations.accounts import credentials_of
from pay.operations.disputes import DisputeNews, take_news
from pay.operations.moves import SYSTEM
from pay.operations.refund_desk import REFUND_ALONE_MINOR
from pay.providers.base import DisputeGateway, DisputeReply, Verdict
from pay.standards.dispute_states import ANSWER_TABLE, AnswerKind, AnswerState, DisputeState
from pay.standards.identifiers import ALPHABET, LENGTH, AccountId
from pay.standards.staff_powers import StaffMember
from shared.context import Transaction
from shared.problems import Forbidden, NotFound
from shared.web import gettext_noop as noop

JOB = "send_dispute_answer"
WORDS_MAX = 5_000
LIVE = (AnswerState.PROPOSED, AnswerState.APPROVED, AnswerState.SENT)
_AFTERWARDS = {AnswerKind.ACCEPT: DisputeState.LOST, AnswerKind.EVIDENCE: DisputeState.UNDER_REVIEW}


def require_dispute(pay: Pay, account: Account, dispute_id: str) -> tuple[Dispute, Sequence[DisputeAnswer]]:
    """Return a dispute of an account and the answers to it, the newest first.  Raises: NotFound."""
    with pay.reading() as tx:
        found = get_dispute(tx.connection, dispute_id, account_id=account.id)
        if found is None:
            raise NotFound
        return found, list_answers(tx.connection, found.id)


def open_disputes(pay: Pay, account: Account) -> int:
    """Return how many disputes of an account are not decided."""
    c = disputes.c
    undecided = [DisputeState.NEEDS_RESPONSE.value, DisputeState.UNDER_REVIEW.value]
    with pay.reading() as tx:
        statement = select(func.count()).where(c.account_id == account.id, c.state.in_(undecided))
        return int(tx.connection.execute(statement).scalar_one())


def words_of(pay: Pay, account: Account, answer: DisputeAnswer) -> str:
    """Return what was written as evidence; nothing where the dispute was accepted."""
    return pay.cipher.decrypt(answer.words_sealed, scope=payer_scope(account.id)) if answer.words_sealed else ""


def takes_answers(pay: Pay, dispute: Dispute) -> bool:
    """Answer whether the provider takes answers from here; at the others staff answer on the provider's own site."""
    return isinstance(pay.gateways.get(dispute.gateway), DisputeGateway)


def may_answer(pay: Pay, dispute: Dispute) -> bool:
    """Answer whether there is time left, and something to answer."""
    is_in_time = dispute.evidence_due_at is None or pay.clock.now() < dispute.evidence_due_at
    return dispute.state is DisputeState.NEEDS_RESPONSE and is_in_time and takes_answers(pay, dispute)


def answer_dispute(pay: Pay, staff: StaffMember, account: Account, dispute_id: str, words: str) -> None:
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
        facts: dict[str, str | bool] = {"dispute_id": dispute.id, "kind": kind.value, "alone": alone}
        tx.record(DisputeAnswerEvent.PROPOSED, actor=staff.actor, object_id=answer_id, channel="console", data=facts)
        if alone:
            tx.enqueue(JOB, {"answer_id": answer_id})


def decide_answer(pay: Pay, staff: StaffMember, account: Account, answer_id: str, *, approve: bool) -> None:
    """Approve or reject what somebody else proposed.  Raises: NotFound, Forbidden for the one who proposed, WrongState."""
    with pay.transaction() as tx:
        answer = find_answer(tx.connection, answer_id, lock=True)
        if answer is None or get_dispute(tx.connection, answer.dispute_id, account_id=account.id) is None:
            raise NotFound
        if answer.made_by == staff.actor:
            raise Forbidden(noop("You proposed this. Another person has to decide."))
        target = AnswerState.APPROVED if approve else AnswerState.REJECTED
        _move(pay, tx, answer, target, actor=staff.actor, decided_by=staff.actor)
        if approve:
            tx.enqueue(JOB, {"answer_id": answer_id})


def send_answer(pay: Pay, answer_id: str) -> None:
    """Tell the provider an approved answer; leaves quietly when that was done.  Raises: GatewayUnavailable."""
    with pay.reading() as tx:
        answer = find_answer(tx.connection, answer_id)
        found = answer and get_dispute(tx.connection, answer.dispute_id)
        payment = found and find_payment(tx.connection, pay.cipher, found.payment_id)
    if answer is None or not found or not payment or answer.state is not AnswerState.APPROVED:
        return
    gateway = pay.gateways[found.gateway]
    if not isinstance(gateway, DisputeGateway):
        raise TypeError("this provider takes no answers")
    scope = payer_scope(AccountId(found.account_id))
    reply = DisputeReply(
        reference=f"dispute-answer-{answer.id}",
        provider_id=found.provider_id,
        product=f"{payment.description} ({payment.reference})",
        words=pay.cipher.decrypt(answer.words_sealed, scope=scope) if answer.words_sealed else "",
        credentials=credentials_of(pay, AccountId(found.account_id), found.gateway),
    )
    outcome = gateway.answer_dispute(reply)
    if outcome.verdict is Verdict.APPROVED:
        news = DisputeNews(
            gateway=found.gateway,
            provider_id=found.provider_id,
            payment_id=found.payment_id,
            state=_AFTERWARDS[answer.kind],
            amount_minor=found.amount_minor,
            reason=found.reason,
            fee_minor=found.fee_minor,
        )
        take_news(pay, news)
    with pay.transaction() as tx:
        answer = find_answer(tx.connection, answer_id, lock=True)
        if answer is not None and answer.state is AnswerState.APPROVED:
            is_taken = outcome.verdict is Verdict.APPROVED
            target = AnswerState.SENT if is_taken else AnswerState.REFUSED
            _move(pay, tx, answer, target, actor=SYSTEM, refusal=None if is_taken else outcome.reason[:200])


def _move(pay: Pay, tx: Transaction, answer: DisputeAnswer, target: AnswerState, *, actor: str, **changes: str | None) -> None:
    action = ANSWER_TABLE.check(answer.state, target)
    values = {"state": target.value, "updated_at": pay.clock.now()} | changes
    tx.connection.execute(update(dispute_answers).where(dispute_answers.c.id == answer.id).values(values))
    facts = {"dispute_id": answer.dispute_id, "before": answer.state.value, "after": target.value}
    tx.record(action, actor=actor, object_id=answer.id, channel="console" if actor != SYSTEM else "job", data=facts)
