"""Calls to gateways: the order of each, and the question what became of it.  Spec: pay-design.md §4.2."""

from pay.context import Pay
from pay.models.attempt import reference_of
from pay.models.payment import find_payment
from pay.operations.accounts import credentials_of
from pay.providers.base import Action, Gateway, GatewayUnavailable, Order, Outcome
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payment
from shared.transaction import Transaction


def require(pay: Pay, tx: Transaction, payment_id: PaymentId) -> Payment:
    """Return a payment that is known to exist, its row locked until the commit.  Raises: LookupError."""
    payment = find_payment(tx.connection, pay.cipher, payment_id, lock=True)
    if payment is None:
        raise LookupError("no such payment")
    return payment


def order_of(pay: Pay, payment: Payment, action: Action) -> Order:
    """Return the order for the present attempt, or for the one capture or voiding that a payment gets."""
    attempt = payment.attempt_reference or reference_of(Action.AUTHORISE, payment.id)
    shares = tuple((share.beneficiary, share.amount_minor) for share in payment.allocations)
    return Order(
        reference=attempt if action is Action.AUTHORISE else reference_of(action, payment.id),
        payment_id=payment.id,
        amount_minor=payment.total_minor,
        currency=payment.currency,
        provider_id=payment.provider_id or "",
        action=action,
        keeps_instrument=payment.agreement_id is not None and payment.authorisation_mode == "web",
        credentials=credentials_of(pay, payment.account_id, payment.gateway),
        taken_minor=payment.total_minor,
        is_delayed=payment.delayed_capture,
        shares=shares,
        taken_shares=shares,
    )


def ask(gateway: Gateway, order: Order) -> Outcome | None:
    """Ask a gateway that gave no answer what became of our call; None when it cannot say or never heard of it."""
    try:
        return gateway.find(order)
    except GatewayUnavailable:
        return None
