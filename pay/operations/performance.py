"""What pay counts for open data: payments by account and channel.  Spec: SH-2, SH-5, SH-16."""

from collections.abc import Mapping

from sqlalchemy import bindparam, text

from pay.context import Pay
from pay.providers.cash import CounterGateway
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PUBLIC, SUCCESS
from shared.performance.answers import question_url
from shared.web.words import gettext_noop

PRODUCTS: Mapping[str, str] = {"payment": gettext_noop("a payment")}
_TAKEN = sorted(state.value for state, public in PUBLIC.items() if public is SUCCESS)
_ENDED = sorted(state.value for state, public in PUBLIC.items() if public.finished and public is not SUCCESS)
COUNT = text("""
SELECT a.id AS service, a.service_name, 'payment' AS product,
    CASE WHEN p.gateway = :counter THEN 'counter' WHEN p.moto OR p.authorisation_mode = 'moto_api' THEN 'phone'
        WHEN p.authorisation_mode = 'agreement' THEN 'api' ELSE 'web' END AS channel,
    count(*) AS started, count(*) FILTER (WHERE p.state IN :taken) AS completed, count(*) FILTER (WHERE p.state IN :ended) AS failed,
    sum(greatest(p.attempts_made - 1, 0)) AS avoidable
FROM gateway_accounts a JOIN payments p ON p.account_id = a.id
WHERE p.created_at >= :start AND p.created_at < :end AND (a.is_live OR :trial)
GROUP BY 1, 2, 4
""").bindparams(
    bindparam("taken", _TAKEN, expanding=True), bindparam("ended", _ENDED, expanding=True), bindparam("counter", CounterGateway.name)
)
"""A try that had to be made again is avoidable."""


def feedback_url(pay: Pay, payment: Payment) -> str | None:
    """Return where the payer is asked how it went; None while the payment goes on, and where no payer was on our pages."""
    if not payment.public_state.finished or payment.moto or payment.authorisation_mode != "web":
        return None
    return question_url(pay, service=payment.account_id, product="payment", channel="web", interaction=payment.id)
