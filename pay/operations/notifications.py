"""What providers tell us without being asked: fetched again where it is not signed.  Spec: pay-design.md §7.2."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pay.context import Pay
from pay.models.attempt import find_attempt
from pay.models.payment import find_by_provider_id
from pay.operations.accounts import credentials_of
from pay.operations.disputes import DisputeNews, take_news
from pay.operations.provider_pages import take_notification
from pay.operations.reversals import look_back
from pay.providers.khipu import KhipuGateway
from pay.providers.stripe import StripeGateway
from pay.standards.dispute_states import REASONS, DisputeState
from pay.standards.identifiers import AccountId

_SESSIONS = frozenset({"checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded"})
_DISPUTES = frozenset({"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"})
# An inquiry (`warning_…`) is a dispute that takes no money yet; one that is closed, or that was warded off, leaves the money here.
_STATES = {
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    "under_review": DisputeState.UNDER_REVIEW,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
}


def take(pay: Pay, gateway: str, raw: bytes, body: Mapping[str, object], signature: str) -> bool:
    """Act on a notification; True when it was understood, or is none of ours.  False where its proof is wrong."""
    if gateway == KhipuGateway.name:
        token = str(body.get("payment_id", ""))
        take_notification(pay, gateway, token)
        look_back(pay, token)
        return True
    if gateway == StripeGateway.name:
        return _take_stripe(pay, raw, body, signature)
    return False


def _take_stripe(pay: Pay, raw: bytes, body: Mapping[str, object], signature: str) -> bool:
    """Find whose it is, check it with that account's secret, then act."""
    data = body.get("data")
    told = data.get("object") if isinstance(data, dict) else None
    if not isinstance(told, dict):
        return False
    kind, name = str(body.get("type")), str(told.get("id", ""))
    with pay.reading() as tx:
        attempt = find_attempt(tx.connection, StripeGateway.name, token=name) if kind in _SESSIONS else None
        provider_id = str(told.get("payment_intent", ""))
        payment = find_by_provider_id(tx.connection, pay.cipher, StripeGateway.name, provider_id) if kind in _DISPUTES else None
        if attempt is not None:
            payment = payment or find_by_provider_id(tx.connection, pay.cipher, StripeGateway.name, "", payment_id=attempt.payment_id)
    if payment is None:
        return True
    secret = credentials_of(pay, AccountId(payment.account_id), payment.gateway).get("webhook_secret", "")
    gateway = pay.gateways[StripeGateway.name]
    if not isinstance(gateway, StripeGateway) or gateway.read_notification(raw, signature, secret) is None:
        return False
    if attempt is not None:
        take_notification(pay, StripeGateway.name, name)
        return True
    reason = str(told.get("reason", "other"))
    details = told.get("evidence_details")
    due = details.get("due_by") if isinstance(details, dict) else None
    news = DisputeNews(
        gateway=StripeGateway.name,
        provider_id=name,
        payment_id=payment.id,
        state=_STATES.get(str(told.get("status")), DisputeState.NEEDS_RESPONSE),
        amount_minor=int(str(told.get("amount", 0))),
        reason=reason if reason in REASONS else "other",
        fee_minor=_fee(told),
        evidence_due_at=datetime.fromtimestamp(int(due), UTC) if isinstance(due, int) else None,
    )
    take_news(pay, news)
    return True


def _fee(told: Mapping[str, object]) -> int:
    """Return what a dispute costs, as the provider's movements say."""
    movements = told.get("balance_transactions")
    fees = [one.get("fee") for one in movements if isinstance(one, dict)] if isinstance(movements, list) else []
    return max(0, sum(fee for fee in fees if isinstance(fee, int)))
