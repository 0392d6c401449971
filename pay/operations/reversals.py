"""Money that a bank takes back after it was paid: no refund of ours, so it is a dispute that was lost.  Spec: pay-design.md §3, §7.2."""

from pay.context import Pay
from pay.models.attempt import find_attempt
from pay.models.payment import find_payment
from pay.operations.calls import order_of
from pay.operations.disputes import DisputeNews, take_news
from pay.providers.base import Action, GatewayUnavailable
from pay.providers.khipu import KhipuGateway
from pay.standards.dispute_states import DisputeState
from pay.standards.payment_states import PaymentState


def look_back(pay: Pay, token: str) -> None:
    """Ask Khipu whether a transfer that counts as paid was taken back; told again, it changes nothing."""
    gateway = pay.gateways.get(KhipuGateway.name)
    if not isinstance(gateway, KhipuGateway):
        return
    with pay.reading() as tx:
        attempt = find_attempt(tx.connection, gateway.name, token=token)
        payment = attempt and find_payment(tx.connection, pay.cipher, attempt.payment_id)
    if not payment or payment.state is not PaymentState.CAPTURED or payment.provider_id != token:
        return
    try:
        is_gone = gateway.was_taken_back(order_of(pay, payment, Action.AUTHORISE))
    except GatewayUnavailable:
        return  # Khipu tells again
    if is_gone and payment.available_minor:
        take_news(pay, DisputeNews(gateway.name, f"{token}:reversed", payment.id, DisputeState.LOST, payment.available_minor, "general"))
