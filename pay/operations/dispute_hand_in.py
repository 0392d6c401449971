"""Disputes at providers that neither tell of them nor take answers from here: people write down what the provider's letters say.

A letter opens the dispute; the answer is a document that somebody hands in, a work item with a last day; another letter ends it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from pay.context import Pay
from pay.errors import DisputeNotPossible
from pay.models.account import Account
from pay.models.dispute import Dispute, disputes, find_dispute, get_dispute
from pay.models.dispute_answer import find_answer
from pay.operations.calls import require
from pay.operations.dispute_desk import is_by_hand, move_answer, news_of
from pay.operations.disputes import DisputeNews, open_dispute, take_in
from pay.standards.dispute_states import AFTERWARDS, AnswerState, DisputeState
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PaymentState
from pay.standards.staff_powers import StaffMember
from shared.problems import NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop as noop


@dataclass(frozen=True)
class Letter:
    """What a provider's letter says of a new dispute."""

    number: str
    amount_minor: int
    reason: str
    due_at: datetime


def disputable_minor(pay: Pay, payment: Payment) -> int:
    """Return how much of a payment a letter may be about: nothing where its provider tells of disputes itself, or none come."""
    with pay.reading() as tx:
        return _disputable(pay, tx, payment)


def _disputable(pay: Pay, tx: Transaction, payment: Payment) -> int:
    if payment.state is not PaymentState.CAPTURED or payment.gateway not in pay.gateway_makers or not is_by_hand(pay, payment.gateway):
        return 0
    c = disputes.c
    taken = select(func.coalesce(func.sum(c.amount_minor), 0)).where(c.payment_id == payment.id, c.state != DisputeState.WON.value)
    return payment.total_minor - int(tx.connection.execute(taken).scalar_one())


def write_down(pay: Pay, staff: StaffMember, payment_id: PaymentId, letter: Letter) -> Dispute:
    """Open a dispute that a letter told of; the amount is held from now on.  Raises: DisputeNotPossible."""
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if letter.amount_minor > _disputable(pay, tx, payment):
            raise DisputeNotPossible
        if find_dispute(tx.connection, payment.gateway, letter.number) is not None:
            raise DisputeNotPossible(noop("A dispute with this number was written down before."))
        news = DisputeNews(
            gateway=payment.gateway,
            provider_id=letter.number,
            payment_id=payment.id,
            state=DisputeState.NEEDS_RESPONSE,
            amount_minor=letter.amount_minor,
            reason=letter.reason,
            evidence_due_at=letter.due_at,
        )
        return open_dispute(pay, tx, payment.account_id, news, actor=staff.actor)


def hand_in(pay: Pay, staff: StaffMember, account: Account, answer_id: str, note: str) -> None:
    """Write down that an answer was handed in, and the provider's number for it.  Raises: NotFound, WrongState."""
    with pay.transaction() as tx:
        answer = find_answer(tx.connection, answer_id, lock=True)
        dispute = answer and get_dispute(tx.connection, answer.dispute_id, account_id=account.id)
        if answer is None or not dispute or not is_by_hand(pay, dispute.gateway):
            raise NotFound
        handed = {"handed_in_by": staff.actor, "handed_in_at": pay.clock.now(), "hand_in_note": note}
        move_answer(pay, tx, answer, AnswerState.SENT, actor=staff.actor, changes=handed)
        take_in(pay, tx, news_of(dispute, AFTERWARDS[answer.kind]), actor=staff.actor)


def write_result(pay: Pay, staff: StaffMember, account: Account, dispute_id: str, *, is_won: bool) -> None:
    """Write down how the bank decided.  Raises: NotFound, WrongState."""
    with pay.transaction() as tx:
        dispute = get_dispute(tx.connection, dispute_id, account_id=account.id)
        if dispute is None or not is_by_hand(pay, dispute.gateway):
            raise NotFound
        take_in(pay, tx, news_of(dispute, DisputeState.WON if is_won else DisputeState.LOST), actor=staff.actor, is_checked=True)
