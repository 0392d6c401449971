"""Paying a notice online: the same payment that a counter would settle, opened on the payer pages.  Spec: CH-2, pay-design.md §8."""

from sqlalchemy import update

from pay.context import Pay
from pay.errors import NoticeBusy
from pay.models.notice import find_issuer, find_notice
from pay.models.payment import payments
from pay.operations.amounts import amount_now
from pay.operations.calls import require
from pay.operations.notice_moves import PAYABLE
from pay.operations.notices import Slip, get_slip
from pay.operations.payments import insert_token
from pay.standards.notice_number import NoticeNumber
from pay.standards.payment_object import Payment
from shared.transaction import Transaction


def current_amount(pay: Pay, slip: Slip) -> int:
    """Return what is owed now.  Raises: AmountUnknown."""
    with pay.reading() as tx:
        issuer = find_issuer(tx.connection, slip.account.id)
    return amount_now(pay, slip.account, issuer, slip.notice, slip.payment)


def is_payable(pay: Pay, slip: Slip) -> bool:
    """Answer whether the notice can be paid now by somebody who is not paying it yet."""
    is_in_time = slip.payment.expires_at > pay.clock.now()
    return slip.payment.state in PAYABLE and is_in_time and not slip.notice.is_locked(pay.clock.now())


def set_amount(tx: Transaction, payment: Payment, amount_minor: int) -> None:
    """Write what is owed now into a payment that nobody is paying yet; its row is locked."""
    if payment.amount_minor != amount_minor:
        values = {"amount_minor": amount_minor, "version": payment.version + 1}
        tx.connection.execute(update(payments).where(payments.c.id == payment.id).values(values))


def open_online(pay: Pay, number: NoticeNumber | None) -> str:
    """Return a token that opens the payer pages for a notice, for what is owed now.

    Raises: NoticeNotFound, NoticeBusy, AmountUnknown.
    """
    slip = get_slip(pay, number)
    if not is_payable(pay, slip):
        raise NoticeBusy("Look at the notice again: it is paid, it has ended, or somebody is paying it.")
    amount_minor = current_amount(pay, slip)
    token = str(pay.ids.uuid4())
    with pay.transaction() as tx:
        payment = require(pay, tx, slip.payment.id)
        notice = find_notice(tx.connection, pay.cipher, slip.notice.number, lock=True)
        if notice is None or notice.payment_id != payment.id or payment.state not in PAYABLE or notice.is_locked(pay.clock.now()):
            raise NoticeBusy("Somebody is paying this notice just now. Try again in a few minutes.")
        set_amount(tx, payment, amount_minor)
        insert_token(tx.connection, payment.id, token, pay.clock.now())
    return token
