"""Charge an agreement without its payer, in the background.  Spec: pay-api.md §5.5, §12."""

from pay.context import Pay
from pay.models.account import get_account
from pay.models.agreement import find_agreement
from pay.models.payment import seal_payer
from pay.operations.authorisations import begin_attempt, call, card_gateway, next_reference
from pay.operations.calls import require
from pay.operations.moves import SYSTEM, move
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payer
from pay.standards.payment_states import PaymentState

JOB = "charge_agreement"

S = PaymentState


def charge(pay: Pay, payment_id: PaymentId) -> None:
    """Have the amount reserved on the agreement's instrument; leaves quietly when that was begun already.

    An agreement that ended while the payment waited is not charged: the payment is rejected and may not be tried again.
    """
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state is not S.AUTHORISATION_USER_NOT_PRESENT_QUEUED or payment.agreement_id is None:
            return
        account = get_account(tx.connection, payment.account_id)
        gateway = card_gateway(pay, payment, account)
        agreement = find_agreement(tx.connection, pay.cipher, payment.agreement_id, account_id=account.id)
        instrument = agreement.instrument if agreement else None
        changes: dict[str, object] = {}
        if instrument is not None:
            payer = Payer("", instrument.cardholder_name, instrument.billing_address)
            changes = {
                "payer_sealed": seal_payer(pay.cipher, account.id, payer),
                "card_brand": instrument.card.brand,
                "card_type": instrument.card.card_type,
                "first_digits": instrument.card.first_digits,
                "last_digits": instrument.card.last_digits,
                "card_expiry": instrument.card.expiry_date,
            }
        payment = begin_attempt(pay, tx, payment, next_reference(payment), actor=SYSTEM, changes=changes)
        if instrument is None:
            move(pay, tx, payment, S.AUTHORISATION_REJECTED, actor=SYSTEM, changes={"can_retry": False})
            return
    call(pay, payment, gateway, lambda order: gateway.charge(order, instrument.token))
