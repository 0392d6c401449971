"""Payments of nothing: they are complete when the payer goes on, with a receipt, and no provider hears of them.  Spec: PA-10."""

from pay.context import Pay
from pay.operations.calls import require
from pay.operations.moves import PAYER, move
from pay.operations.notice_moves import PAYABLE
from pay.providers.cash import NoGateway
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PaymentState

S = PaymentState
_PATH = (S.AUTHORISATION_READY, S.AUTHORISATION_SUCCESS, S.CAPTURE_APPROVED, S.CAPTURE_READY, S.CAPTURED)


def asks_nothing(payment: Payment) -> bool:
    """True where there is nothing to pay, and no card to keep for later."""
    return payment.total_minor == 0 and payment.agreement_id is None and payment.authorisation_mode == "web"


def complete(pay: Pay, payment_id: PaymentId) -> None:
    """Bring a payment of nothing to its end; leaves quietly when it is there, or asks for money."""
    now = pay.clock.now()
    changes: dict[PaymentState, dict[str, object]] = {
        S.AUTHORISATION_READY: {"gateway": NoGateway.name},
        S.CAPTURE_READY: {"capture_submitted_at": now},
        S.CAPTURED: {"captured_at": now},
    }
    with pay.transaction() as tx:
        payment = require(pay, tx, payment_id)
        if payment.state not in PAYABLE or not asks_nothing(payment) or payment.expires_at <= now:
            return
        for state in _PATH:
            payment = move(pay, tx, payment, state, actor=PAYER, changes=changes.get(state))
