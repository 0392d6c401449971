"""A payment given back by a pay-out, where its channel cannot give it back: what a counter took.

The amount counts as refunded from the order on, and is given back to the payment when the pay-out ends unpaid, so that refunds and
pay-outs together never exceed what was taken.  Spec: pay-api.md §9, §13.2; requirements PA-8.
"""

from pay.context import Pay
from pay.errors import PaymentDisputed, RefundNotAvailable
from pay.models.account import Account
from pay.models.dispute import is_disputed
from pay.models.payout import Payout, find_payout, list_of_payment
from pay.operations.calls import require
from pay.operations.payout_moves import change_refunded
from pay.operations.payouts import NewPayout, Refunding, check_may_pay_out, place_payout
from pay.operations.refunds import NewRefund, check_refundable, shares_left
from pay.providers.cash import CounterGateway, TransferGateway
from pay.standards import ledger
from pay.standards.identifiers import PayoutId
from pay.standards.payment_object import Payment
from pay.standards.staff_powers import StaffMember


def needs_payout(payment: Payment) -> bool:
    """True where the channel that took the money cannot give it back."""
    return payment.gateway in {CounterGateway.name, TransferGateway.name}


def refund_by_payout(pay: Pay, staff: StaffMember, account: Account, payment: Payment, order: NewPayout, *, payout_id: PayoutId) -> Payout:
    """Order a pay-out to a payer, at the cost of the bodies that had the payment; the same form again is the same order.

    Raises: RefundNotAvailable, PaymentDisputed, PayoutNotCovered, NotEnabledHere.
    """
    check_may_pay_out(pay, account)
    if not needs_payout(payment):
        raise RefundNotAvailable("unavailable")
    with pay.transaction() as tx:
        payment = require(pay, tx, payment.id)
        made = find_payout(tx.connection, pay.cipher, payout_id, account_id=account.id)
        if made is not None:
            return made
        check_refundable(payment, NewRefund(order.amount_minor, None))
        if is_disputed(tx.connection, payment.id):
            raise PaymentDisputed
        shares = ledger.split_refund(shares_left(pay, tx, payment, account.organisation_id), order.amount_minor)
        change_refunded(tx, payment.id, order.amount_minor)
        return place_payout(pay, tx, account, order, payout_id, actor=staff.actor, refunding=Refunding(payment.id, shares))


def payouts_of(pay: Pay, payment: Payment) -> list[Payout]:
    """Return the pay-outs that give a payment back, oldest first."""
    with pay.reading() as tx:
        return list_of_payment(tx.connection, pay.cipher, payment.id)
