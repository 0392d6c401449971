"""Stripe through its own library, over our guarded HTTP client: hosted Checkout, manual capture, refunds, signed notifications."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast

import stripe

from pay.providers.base import Action, Begun, DisputeReply, GatewayUnavailable, Order, Outcome, Pages, StillWaiting, Verdict
from shared.http import Outbound, OutboundError

TIMEOUT_SECONDS = 20.0


class _Guarded(stripe.HTTPClient):
    """The library's transport, made of our own client: time-outs, size caps, no way into the private network."""

    name = "guarded"

    def __init__(self, http: Outbound) -> None:
        super().__init__()
        self._http = http

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,  # the library's own signature
    ) -> tuple[str, int, Mapping[str, str]]:
        body = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            reply = self._http.request(method.upper(), url, body=body, headers=dict(headers or {}), timeout_seconds=TIMEOUT_SECONDS)
        except OutboundError as error:
            raise stripe.APIConnectionError(type(error).__name__, should_retry=False) from None  # type: ignore[no-untyped-call]  # published so
        return reply.body.decode(), reply.status, reply.headers

    def close(self) -> None:
        """The client belongs to the process."""


class StripeGateway:
    """Stripe; credentials are `secret_key` and `webhook_secret`."""

    name = "stripe"
    label = "Stripe"
    credential_names = ("secret_key", "webhook_secret")
    takes_card_numbers_here = False
    settles_refunds_at_once = True
    repeats_safely = True

    def __init__(self, http: Outbound, base_url: str, files_url: str) -> None:
        self._transport = _Guarded(http)
        self._base, self._files = base_url, files_url

    def knows(self, credentials: Mapping[str, str]) -> bool:
        """Ask for a session that is none: who is known is told so.  Raises: GatewayUnavailable."""
        try:
            self._client(credentials).v1.checkout.sessions.retrieve("cs_none")
        except (stripe.AuthenticationError, stripe.PermissionError):
            return False
        except stripe.InvalidRequestError:
            return True
        except stripe.StripeError as error:
            raise GatewayUnavailable(type(error).__name__) from None
        return True

    def _client(self, credentials: Mapping[str, str]) -> stripe.StripeClient:
        return stripe.StripeClient(
            credentials.get("secret_key") or "unset",
            base_addresses={"api": self._base, "files": self._files},
            http_client=self._transport,
            max_network_retries=0,
        )

    def begin(self, order: Order, pages: Pages) -> Begun:
        """Open a Checkout session; our reference is its idempotency key, so a repeat finds the same one."""
        item = {
            "price_data": {"currency": order.currency.lower(), "unit_amount": order.amount_minor, "product_data": {"name": pages.subject}}
        }
        params: dict[str, Any] = {  # the library's own typed dictionaries say no more
            "mode": "payment",
            "line_items": [item | {"quantity": 1}],
            "client_reference_id": order.reference,
            "success_url": pages.return_url,
            "cancel_url": pages.cancel_url,
            "payment_intent_data": {"capture_method": "manual", "metadata": {"reference": order.reference}},
        }
        if pages.email:
            params["customer_email"] = pages.email
        try:
            session = self._ask(
                lambda client: client.v1.checkout.sessions.create(cast(Any, params), {"idempotency_key": order.reference}), order
            )
        except stripe.InvalidRequestError:
            raise GatewayUnavailable("the session was refused") from None
        if not session.url:
            raise GatewayUnavailable("the session has no address")
        return Begun(session.id, session.url)

    def finish(self, order: Order) -> Outcome | None:
        """Look: the capture comes later."""
        return self.find(order)

    def find(self, order: Order) -> Outcome | None:
        """Return what became of a session or of a refund; captures and voids are repeated instead, under their own keys."""
        if order.action is Action.REFUND:
            return self._find_refund(order)
        return self._find_session(order) if order.action is Action.AUTHORISE and order.token else None

    def _find_session(self, order: Order) -> Outcome | None:
        expand = {"expand": ["payment_intent.latest_charge"]}
        session = self._ask(lambda client: client.v1.checkout.sessions.retrieve(order.token, cast(Any, expand)), order)
        intent = session.payment_intent
        if isinstance(intent, str) or intent is None:
            return Outcome(Verdict.DECLINED, order.token, "expired") if session.status == "expired" else None
        facts = _facts(intent)
        if intent.amount != order.amount_minor or intent.currency != order.currency.lower():
            return Outcome(Verdict.ERROR, intent.id, "another amount", facts=facts)
        if intent.status in {"requires_capture", "succeeded"}:
            return Outcome(Verdict.APPROVED, intent.id, facts=facts)
        if intent.status == "canceled" or session.status == "expired":
            return Outcome(Verdict.DECLINED, intent.id, str(intent.cancellation_reason or "canceled"))
        return None

    def capture(self, order: Order) -> Outcome:
        """Take the reserved amount."""
        return self._act(order, lambda client, key: client.v1.payment_intents.capture(order.provider_id, {}, key))

    def void(self, order: Order) -> Outcome:
        """Give the reservation back."""
        return self._act(order, lambda client, key: client.v1.payment_intents.cancel(order.provider_id, {}, key))

    def refund(self, order: Order) -> Outcome:
        """Give taken money back."""
        params = {"payment_intent": order.provider_id, "amount": order.amount_minor, "metadata": {"reference": order.reference}}
        try:
            made = self._ask(lambda client: client.v1.refunds.create(cast(Any, params), {"idempotency_key": order.reference}), order)
        except stripe.InvalidRequestError as error:
            return Outcome(Verdict.DECLINED, order.provider_id, str(error.code or "refused"))
        return _refund_outcome(made)

    def _find_refund(self, order: Order) -> Outcome | None:
        """Look for our own name among the refunds: a key is forgotten after a day, and repeats the first answer until then."""
        params = {"payment_intent": order.provider_id, "limit": 100}
        try:
            listed = self._ask(lambda client: client.v1.refunds.list(cast(Any, params)), order)
        except stripe.InvalidRequestError:
            return None
        mine = (one for one in listed.data if getattr(one.metadata, "reference", "") == order.reference)
        return next((_refund_outcome(one) for one in mine), None)

    def answer_dispute(self, reply: DisputeReply) -> Outcome:
        """Accept a dispute, or send evidence against it, which Stripe takes once; a refusal of what was done before is no refusal."""
        options = {"idempotency_key": reply.reference}
        evidence = {"uncategorized_text": reply.words, "product_description": reply.product}
        order = Order(reply.reference, "", 0, "", provider_id=reply.provider_id, credentials=reply.credentials)
        try:
            if reply.paper:
                if self._was_answered(order, with_evidence=True):  # a key stands for one file, and each try brings a new one
                    return Outcome(Verdict.APPROVED, reply.provider_id)
                evidence["uncategorized_file"] = self._upload(order, reply.paper)
                options["idempotency_key"] += "-" + evidence["uncategorized_file"]
            if reply.words:
                sent = {"evidence": evidence, "submit": True}
                self._ask(lambda client: client.v1.disputes.update(reply.provider_id, cast(Any, sent), cast(Any, options)), order)
            else:
                self._ask(lambda client: client.v1.disputes.close(reply.provider_id, {}, cast(Any, options)), order)
        except stripe.InvalidRequestError as error:
            if not self._was_answered(order, with_evidence=bool(reply.words)):
                return Outcome(Verdict.DECLINED, reply.provider_id, str(error.code or "refused"))
        return Outcome(Verdict.APPROVED, reply.provider_id)

    def _upload(self, order: Order, paper: bytes) -> str:
        content = BytesIO(paper)
        content.name = "evidence.pdf"
        params = {"purpose": "dispute_evidence", "file": content}
        return str(self._ask(lambda client: client.v1.files.create(cast(Any, params)), order).id)

    def _was_answered(self, order: Order, *, with_evidence: bool) -> bool:
        try:
            found = self._ask(lambda client: client.v1.disputes.retrieve(order.provider_id), order)
        except stripe.InvalidRequestError:
            return False
        sent = getattr(found.evidence_details, "submission_count", 0)
        return bool(sent) if with_evidence else found.status == "lost" and not sent

    def read_notification(self, raw: bytes, signature: str, secret: str) -> dict[str, Any] | None:
        """Return a notification whose signature is right, else None."""
        try:
            stripe.WebhookSignature.verify_header(raw.decode(), signature, secret, tolerance=None)
            read = json.loads(raw)
        except (stripe.SignatureVerificationError, ValueError):
            return None
        return read if isinstance(read, dict) else None

    def _act(self, order: Order, act: Any) -> Outcome:  # a method of the library's client
        try:
            intent = self._ask(lambda client: act(client, {"idempotency_key": order.reference}), order)
        except stripe.InvalidRequestError as error:
            return Outcome(Verdict.ERROR, order.provider_id, str(error.code or "refused"))
        return Outcome(Verdict.APPROVED, intent.id)

    def _ask(self, question: Any, order: Order) -> Any:  # what the library returns has no one type
        """Ask through the library.  Raises: GatewayUnavailable for anything unclear, stripe.InvalidRequestError for a refusal."""
        try:
            return question(self._client(order.credentials))
        except stripe.InvalidRequestError:
            raise
        except stripe.StripeError as error:
            raise GatewayUnavailable(type(error).__name__) from None


def _refund_outcome(made: Any) -> Outcome:  # a Refund
    """Read a refund.  Raises: StillWaiting while the bank has not paid it."""
    if made.status in {"pending", "requires_action"}:
        raise StillWaiting("the refund is on its way")
    return Outcome(Verdict.APPROVED if made.status == "succeeded" else Verdict.DECLINED, made.id, str(made.failure_reason or ""))


def _facts(intent: Any) -> dict[str, str]:  # a PaymentIntent with its charge
    charge = intent.latest_charge
    card = getattr(getattr(charge, "payment_method_details", None), "card", None) if not isinstance(charge, str) else None
    if card is None:
        return {}
    expiry = f"{int(card.exp_month):02d}/{int(card.exp_year) % 100:02d}"
    return {
        "last_digits": str(card.last4),
        "brand": str(card.brand),
        "card_type": str(card.funding),
        "expiry": expiry,
        "charge": str(charge.id),
    }
