"""The part of Stripe's API that we call: Checkout sessions, payment intents, refunds, disputes; idempotent by key, as Stripe is."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from flask import Response, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from shared import web
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.routes import Routes

SECRET_KEY, WEBHOOK_SECRET = "sk_test_sandbox", "whsec_sandbox"
DISPUTED_CARD = "4000000000000259"
CARDS = {"4242424242424242": "visa", "5555555555554444": "mastercard", DISPUTED_CARD: "visa"}
DISPUTE_FEE, ANSWER_DAYS = 1_500, 7
Object = dict[str, Any]


@dataclass
class Stripe:
    """All objects of one sandbox; `notify` sends a signed event to the service."""

    origin: str
    now: Callable[[], datetime]
    notify: Callable[[str, bytes, dict[str, str]], None]
    callback_url: str = ""
    sessions: dict[str, Object] = field(default_factory=dict)
    intents: dict[str, Object] = field(default_factory=dict)
    answers: dict[str, Object] = field(default_factory=dict)
    disputes: dict[str, Object] = field(default_factory=dict)
    refunds: dict[str, Object] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    refund_status: str = "succeeded"
    """What a new refund is: a bank may let it wait (`pending`)."""
    faults: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def pay(self, session_id: str, card: str) -> bool:
        """The payer types a card; True when it is taken."""
        with self.lock:
            session = self.sessions[session_id]
            if card not in CARDS:
                return False
            charge: Object = {"id": "ch_" + secrets.token_hex(8), "object": "charge"}
            facts = {"brand": CARDS[card], "last4": card[-4:], "funding": "credit", "exp_month": 11, "exp_year": 2029}
            charge |= {"payment_method_details": {"card": facts}}
            intent: Object = {"id": "pi_" + secrets.token_hex(8), "object": "payment_intent", "amount": session["amount_total"]}
            intent |= {"currency": session["currency"], "status": "requires_capture", "latest_charge": charge, "cancellation_reason": None}
            intent |= {"refunded": 0, "is_disputed": card == DISPUTED_CARD}
            self.intents[str(intent["id"])] = intent
            session |= {"payment_intent": intent, "status": "complete"}
        self.tell("checkout.session.completed", session)
        return True

    def dispute(self, intent: Object) -> Object:
        """The card holder goes to the bank, and the service is told."""
        made: Object = {"id": "dp_" + secrets.token_hex(8), "object": "dispute", "payment_intent": intent["id"], "amount": intent["amount"]}
        due = int(self.now().timestamp()) + ANSWER_DAYS * 86_400
        made |= {"reason": "fraudulent", "status": "needs_response", "evidence_details": {"due_by": due, "submission_count": 0}}
        made["balance_transactions"] = [{"fee": DISPUTE_FEE}]
        self.disputes[str(made["id"])] = made
        self.tell("charge.dispute.created", made)
        return made

    def tell(self, kind: str, told: Object) -> None:
        """Send a signed event."""
        body = json.dumps({"id": "evt_" + secrets.token_hex(8), "type": kind, "data": {"object": told}}).encode()
        stamp = str(int(self.now().timestamp()))
        signature = hmac.new(WEBHOOK_SECRET.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
        self.notify(self.callback_url, body, {"Stripe-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json"})


def build_api(stripe: Stripe) -> Routes:
    """The interface that the library calls."""
    api = Routes("stripe_api", __name__, access=PUBLIC)

    @api.before_request
    def check() -> tuple[Response, int] | None:
        right = request.headers.get("Authorization") == f"Bearer {SECRET_KEY}"
        return None if right else _refuse(401, "invalid_api_key", kind="invalid_request_error")

    @api.post("/v1/checkout/sessions")
    def create_session() -> tuple[Response, int] | Response:
        def make() -> Object:
            session_id = "cs_test_" + secrets.token_hex(12)
            amount = int(request.form["line_items[0][price_data][unit_amount]"])
            session = {"id": session_id, "object": "checkout.session", "status": "open", "payment_intent": None, "amount_total": amount}
            session |= {"currency": request.form["line_items[0][price_data][currency]"], "url": f"{stripe.origin}/stripe/{session_id}"}
            session |= {name: request.form[name] for name in ("success_url", "cancel_url", "client_reference_id")}
            stripe.sessions[session_id] = session
            return session

        return _once(stripe, make)

    @api.get("/v1/checkout/sessions/<session_id>")
    def get_session(session_id: str) -> tuple[Response, int] | Response:
        found = stripe.sessions.get(session_id)
        return jsonify(found) if found else _refuse(404, "resource_missing")

    @api.post("/v1/payment_intents/<intent_id>/<action>")
    def act(intent_id: str, action: str) -> tuple[Response, int] | Response:
        intent = stripe.intents.get(intent_id)
        if intent is None:
            return _refuse(404, "resource_missing")
        if intent["status"] != "requires_capture" and request.headers.get("Idempotency-Key") not in stripe.answers:
            return _refuse(400, "payment_intent_unexpected_state")

        def make() -> Object:
            intent["status"] = "succeeded" if action == "capture" else "canceled"
            return intent

        is_first = request.headers.get("Idempotency-Key") not in stripe.answers
        answer = _once(stripe, make)
        if is_first and action == "capture" and intent["is_disputed"]:
            stripe.dispute(intent)
        return answer

    _add_refunds(api, stripe)
    _add_disputes(api, stripe)
    return api


def _add_refunds(api: Routes, stripe: Stripe) -> None:
    @api.post("/v1/refunds")
    def refund() -> tuple[Response, int] | Response:
        intent, amount = stripe.intents.get(request.form["payment_intent"]), int(request.form["amount"])
        is_known = request.headers.get("Idempotency-Key") in stripe.answers
        if not is_known and (intent is None or intent["status"] != "succeeded" or intent["refunded"] + amount > intent["amount"]):
            return _refuse(400, "charge_already_refunded")

        def make() -> Object:
            assert intent is not None  # noqa: S101 - looked at above
            intent["refunded"] += amount
            made: Object = {"id": "re_" + secrets.token_hex(8), "object": "refund", "status": stripe.refund_status, "amount": amount}
            made |= {"failure_reason": None, "payment_intent": intent["id"]}
            made["metadata"] = {"reference": request.form.get("metadata[reference]", "")}
            stripe.refunds[str(made["id"])] = made
            return dict(made)

        return _once(stripe, make)

    @api.get("/v1/refunds")
    def list_refunds() -> Response:
        mine = [one for one in stripe.refunds.values() if one["payment_intent"] == request.args.get("payment_intent")]
        return jsonify({"object": "list", "data": mine, "has_more": False, "url": "/v1/refunds"})


def _add_disputes(api: Routes, stripe: Stripe) -> None:
    """Close is accepting; evidence counts once, and with Stripe's own words `winning_evidence`, `losing_evidence` it decides at once."""

    @api.post("/v1/files")
    def upload() -> tuple[Response, int] | Response:
        given = request.files.get("file")
        if given is None or request.form.get("purpose") != "dispute_evidence":
            return _refuse(400, "parameter_missing")
        file_id = "file_" + secrets.token_hex(8)
        stripe.files[file_id] = given.read()
        return jsonify(id=file_id, object="file", purpose="dispute_evidence", size=len(stripe.files[file_id]))

    @api.get("/v1/disputes/<dispute_id>")
    def get_dispute(dispute_id: str) -> tuple[Response, int] | Response:
        found = stripe.disputes.get(dispute_id)
        return jsonify(found) if found else _refuse(404, "resource_missing")

    @api.post("/v1/disputes/<dispute_id>", defaults={"close": ""})
    @api.post("/v1/disputes/<dispute_id>/<close>")
    def answer(dispute_id: str, close: str) -> tuple[Response, int] | Response:
        found, words = stripe.disputes.get(dispute_id), request.form.get("evidence[uncategorized_text]", "")
        if found is None or request.form.get("evidence[uncategorized_file]", "") not in {"", *stripe.files}:
            return _refuse(404, "resource_missing")
        if found["status"] != "needs_response" and request.headers.get("Idempotency-Key") not in stripe.answers:
            return _refuse(400, "dispute_unexpected_state")

        def make() -> Object:
            found["status"] = "lost" if close else "under_review"
            found["evidence_details"]["submission_count"] += not close
            found["evidence"] = {"uncategorized_file": request.form.get("evidence[uncategorized_file]")}
            return dict(found)

        replied = _once(stripe, make)
        for status, told in (("won", "winning_evidence"), ("lost", "losing_evidence")):
            if told in words and found["status"] == "under_review":
                found["status"] = status
                stripe.tell("charge.dispute.closed", found)
        return replied


def _once(stripe: Stripe, make: Callable[[], Object]) -> tuple[Response, int] | Response:
    """Answer a repeat of an idempotency key with the first answer; a fault named `lost` does the thing and loses the answer."""
    key = request.headers.get("Idempotency-Key", "")
    with stripe.lock:
        if key not in stripe.answers:
            stripe.answers[key] = make()
    if "lost" in stripe.faults:
        stripe.faults.remove("lost")
        return _refuse(500, "api_error", kind="api_error")
    return jsonify(stripe.answers[key])


def _refuse(status: int, code: str, *, kind: str = "invalid_request_error") -> tuple[Response, int]:
    return jsonify(error={"type": kind, "code": code, "message": code}), status


def build_pages(stripe: Stripe) -> Routes:
    """The hosted page, as plain as can be."""
    pages = Routes("stripe_pages", __name__, access=PUBLIC_PAGE)

    @pages.get("/stripe/<session_id>")
    def show(session_id: str) -> BaseResponse:
        session = stripe.sessions.get(session_id)
        if session is None:
            return web.page("banks/gone.html", 404)
        _allow(session)
        return web.page("banks/stripe.html", session=session, cards=list(CARDS), is_declined=False)

    @pages.post("/stripe/<session_id>")
    def decide(session_id: str) -> BaseResponse:
        session = stripe.sessions.get(session_id)
        if session is None:
            return web.page("banks/gone.html", 404)
        _allow(session)
        if request.form.get("decision") != "pay":
            return redirect(session["cancel_url"], 303)
        if stripe.pay(session_id, request.form.get("card", "").replace(" ", "")):
            return redirect(session["success_url"], 303)
        return web.page("banks/stripe.html", session=session, cards=list(CARDS), is_declined=True)

    return pages


def _allow(session: Object) -> None:
    web.allow("form-action", "/".join(str(session["success_url"]).split("/")[:3]))
