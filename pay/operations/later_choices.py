"""Paying later, at a counter or by transfer: the same payment gets a notice, and time.  Spec: PA-2, PA-8, CH-2, pay-api.md §25."""

from sqlalchemy import update

from pay.context import Pay
from pay.errors import NoticeNotPayable
from pay.models.account import get_account
from pay.models.notice import find_issuer, find_notice_of_payment
from pay.models.payment import payments
from pay.operations.amounts import today
from pay.operations.calls import require
from pay.operations.notice_issuing import BANK_DAYS, DAYS_TO_PAY, end_of_day, ensure_issuer, offers_transfer, place_notice
from pay.operations.notice_moves import PAYABLE
from pay.operations.notices import Slip, get_slip
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId


def choose_later(pay: Pay, payment_id: PaymentId, *, actor: str) -> Slip:
    """Give a payment that nobody is paying yet a notice, and three days; a repeat returns the first one.

    Where it may be transferred the payment waits longer than its payer is told, until the bank has told us of the last day.

    Raises: NoticeNotPayable where the account offers neither way, or the payment does not wait.
    """
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        notice = find_notice_of_payment(tx.connection, pay.cipher, payment_id, lock=True)
        number = notice.number if notice else None
        if number is None:
            account = get_account(tx.connection, payment.account_id)
            is_transfer = offers_transfer(pay, account)
            issuer = ensure_issuer(pay, tx, account, at_counters=False) if is_transfer else find_issuer(tx.connection, account.id)
            if (
                issuer is None
                or not (is_transfer or issuer.at_counters)
                or payment.state not in PAYABLE
                or payment.expires_at <= pay.clock.now()
            ):
                raise NoticeNotPayable("This payment cannot be made later.")
            due_on = today(pay) + DAYS_TO_PAY
            row = {"payment_id": payment.id, "debt_id": pay.ids.pick(ALPHABET, LENGTH), "instalment": 1, "instalments": 1, "due_on": due_on}
            number = place_notice(pay, tx, issuer, dict(row), actor=actor)
            until = end_of_day(due_on + BANK_DAYS if is_transfer else due_on)
            longer = update(payments).where(payments.c.id == payment.id).values(expires_at=until, version=payment.version + 1)
            tx.connection.execute(longer)
    return get_slip(pay, number)
