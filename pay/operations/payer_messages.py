"""What payers are told by e-mail: a receipt, money that comes back, a notice and its due date.  Spec: requirements PA-7, pay-api.md §23."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select, update

from pay.context import Pay
from pay.errors import ReceiptNotFound
from pay.models.account import Account, get_account
from pay.models.notice import find_notice, notices
from pay.models.payment import find_payment
from pay.models.refund import find_refund
from pay.operations import payer_words as words
from pay.operations.amounts import today
from pay.operations.payer_queue import JOB, Matter
from pay.operations.performance import feedback_url
from pay.operations.receipts import issue_receipt, receipt_url
from pay.providers.messages import Email
from pay.standards.identifiers import PaymentId, RefundId
from pay.standards.notice_states import NoticeState
from pay.standards.payment_object import Payment
from pay.standards.refund_states import RefundState
from shared.web.words import speaking

REMINDERS_BATCH = 500


@dataclass(frozen=True)
class _Message:
    payment: Payment
    account: Account
    words: words.Words


def tell(pay: Pay, matter: Matter, object_id: str) -> bool:
    """Send one message; False where nobody is to be told any more.  Raises: MessageAway."""
    found = _FINDERS[matter](pay, object_id)
    if found is None or not found.payment.payer.email:
        return False
    subject, body = found.words
    pay.messages.send(Email(found.payment.payer.email, subject, body, f"pay-{matter.value}-{object_id}"))
    return True


def _receipt(pay: Pay, payment_id: str) -> _Message | None:
    try:
        receipt = issue_receipt(pay, PaymentId(payment_id))
    except ReceiptNotFound:
        return None  # the capture failed meanwhile: there is nothing to prove
    with speaking(receipt.payment.language):
        said = words.receipt(receipt, receipt_url(pay, receipt.code), feedback_url(pay, receipt.payment))
    return _Message(receipt.payment, receipt.account, said)


def _refund(pay: Pay, refund_id: str) -> _Message | None:
    with pay.reading() as tx:
        refund = find_refund(tx.connection, RefundId(refund_id))
        payment = find_payment(tx.connection, pay.cipher, refund.payment_id) if refund else None
        if refund is None or payment is None or refund.state is not RefundState.REFUNDED:
            return None
        account = get_account(tx.connection, payment.account_id)
    with speaking(payment.language):
        return _Message(payment, account, words.refund(account.service_name, payment, refund.amount_minor))


def _notice(pay: Pay, number: str, *, is_reminder: bool = False) -> _Message | None:
    with pay.reading() as tx:
        notice = find_notice(tx.connection, pay.cipher, number)
        payment = find_payment(tx.connection, pay.cipher, notice.payment_id) if notice else None
        if notice is None or payment is None or notice.state not in {NoticeState.OPEN, NoticeState.ACTIVATED}:
            return None
        account = get_account(tx.connection, notice.account_id)
    url = f"{pay.settings.public_url}/notice/{number}"
    with speaking(payment.language):
        return _Message(payment, account, words.notice(account.service_name, payment, notice.due_on, number, url, is_reminder=is_reminder))


_FINDERS: Mapping[Matter, Callable[[Pay, str], _Message | None]] = {
    Matter.RECEIPT: _receipt,
    Matter.REFUND: _refund,
    Matter.NOTICE: _notice,
    Matter.REMINDER: lambda pay, number: _notice(pay, number, is_reminder=True),
}


def remind_due(pay: Pay) -> int:
    """Have the next payers reminded whose notices are due soon, each once; return how many."""
    with pay.transaction() as tx:
        c, day = notices.c, today(pay)
        due = select(c.number).where(c.remind_on <= day, c.due_on >= day, c.state == NoticeState.OPEN.value)
        batch = due.order_by(notices.c.remind_on).limit(REMINDERS_BATCH).with_for_update(skip_locked=True)
        reminded = update(notices).where(notices.c.number.in_(batch)).values(remind_on=None)
        numbers = tx.connection.execute(reminded.returning(notices.c.number)).scalars().all()
        for number in numbers:
            tx.enqueue(JOB, {"matter": Matter.REMINDER.value, "id": number})
    return len(numbers)
