"""Khipu's payment API v3 as its documentation has it: create, get, delete, refunds, a page, and notifications that prove nothing.

Spec: pay-design.md §7.2.  There is no idempotency and no search: that is how it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from flask import Response, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from shared import web
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.routes import Routes

API_KEY, RECEIVER = "khipu-sandbox-key", "985101"
API = "/v3/payments"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass
class KhipuPayment:
    """One payment at Khipu."""

    payment_id: str
    body: dict[str, Any]
    status: str = "pending"
    detail: str = "pending"
    paid: int | None = None
    is_late: bool = False
    refunds: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Khipu:
    """All payments of one sandbox; `notify` tells the service, `confirms_refunds` is the receiver at the bank."""

    origin: str
    notify: Callable[[str, dict[str, str]], None]
    payments: dict[str, KhipuPayment] = field(default_factory=dict)
    confirms_refunds: bool = True
    lock: Lock = field(default_factory=Lock)

    def finish(self, payment_id: str, *, detail: str = "normal", amount: int | None = None, is_late: bool = False) -> None:
        """The payer has transferred (or refused), and Khipu tells the service."""
        with self.lock:
            payment = self.payments[payment_id]
            payment.status, payment.detail, payment.is_late = "done", detail, is_late
            payment.paid = amount if amount is not None else int(payment.body["amount"])
        self.tell(payment_id)

    def take_back(self, payment_id: str) -> None:
        """The payer's bank takes the transfer back, and Khipu tells the service."""
        self.payments[payment_id].detail = "reversed"
        self.tell(payment_id)

    def tell(self, payment_id: str) -> None:
        """Notify the service; again is allowed, and happens."""
        self.notify(str(self.payments[payment_id].body["notify_url"]), {"payment_id": payment_id})

    def confirm_refunds(self, payment_id: str, status: str = "paid") -> None:
        """The receiver confirms at the bank."""
        for entry in self.payments[payment_id].refunds:
            entry["status"] = status


def build_api(khipu: Khipu) -> Routes:
    """The REST interface."""
    api = Routes("khipu_api", __name__, access=PUBLIC)

    @api.before_request
    def check() -> tuple[Response, int] | None:
        return None if request.headers.get("x-api-key") == API_KEY else (jsonify(status=403, message="Forbidden"), 403)

    @api.post(API)
    def create() -> tuple[Response, int] | Response:
        body: dict[str, Any] = request.get_json(force=True)
        if not isinstance(body.get("amount"), int) or body["amount"] < 1 or body.get("currency") != "CLP":
            return jsonify(status=400, message="Invalid amount or currency"), 400
        payment_id = "".join(secrets.choice(LETTERS) for _ in range(12))
        with khipu.lock:
            khipu.payments[payment_id] = KhipuPayment(payment_id, body)
        page = f"{khipu.origin}/khipu/{payment_id}"
        urls = dict.fromkeys(("payment_url", "simplified_transfer_url", "transfer_url", "app_url"), page)
        return jsonify({"payment_id": payment_id, **urls, "ready_for_terminal": False})

    @api.get(API + "/<payment_id>")
    def get(payment_id: str) -> tuple[Response, int] | Response:
        payment = khipu.payments.get(payment_id)
        if payment is None:
            return jsonify(status=404, message="Payment not found"), 404
        body = payment.body
        shown = {name: body.get(name) for name in ("subject", "currency", "transaction_id", "custom")}
        shown |= {"payment_id": payment_id, "amount": payment.paid or body["amount"], "receiver_id": RECEIVER}
        late = {"out_of_date_conciliation": payment.is_late, "refunds": payment.refunds}
        return jsonify(shown | {"status": payment.status, "status_detail": payment.detail} | late)

    @api.delete(API + "/<payment_id>")
    def delete(payment_id: str) -> tuple[Response, int] | Response:
        payment = khipu.payments.get(payment_id)
        if payment is None or payment.status == "done":
            return jsonify(status=400, message="The payment cannot be deleted"), 400
        del khipu.payments[payment_id]
        return jsonify(message="deleted")

    @api.post(API + "/<payment_id>/refunds")
    def refund(payment_id: str) -> tuple[Response, int] | Response:
        payment, amount = khipu.payments.get(payment_id), int(request.get_json(force=True).get("amount", 0))
        given = sum(int(entry["amount"]) for entry in payment.refunds if entry["status"] != "expired") if payment else 0
        if payment is None or payment.status != "done" or not 0 < amount <= (payment.paid or 0) - given:
            return jsonify(status=400, message="The payment cannot be refunded"), 400
        status = "paid" if khipu.confirms_refunds else "pending"
        payment.refunds.append({"refund_id": secrets.token_hex(6), "amount": amount, "status": status})
        return jsonify(message="accepted")

    return api


def build_pages(khipu: Khipu) -> Routes:
    """Khipu's own page: transfer, refuse, or go away."""
    pages = Routes("khipu_pages", __name__, access=PUBLIC_PAGE)

    @pages.get("/khipu/<payment_id>")
    def show(payment_id: str) -> BaseResponse:
        payment = khipu.payments.get(payment_id)
        if payment is None:
            return web.page("banks/gone.html", 404)
        _allow(payment)
        return web.page("banks/khipu.html", payment=payment)

    @pages.post("/khipu/<payment_id>")
    def decide(payment_id: str) -> BaseResponse:
        payment = khipu.payments.get(payment_id)
        if payment is None:
            return web.page("banks/gone.html", 404)
        _allow(payment)
        if request.form.get("decision") == "pay":
            khipu.finish(payment_id)
            return redirect(str(payment.body["return_url"]), 303)
        return redirect(str(payment.body["cancel_url"]), 303)

    return pages


def _allow(payment: KhipuPayment) -> None:
    web.allow("form-action", "/".join(str(payment.body["return_url"]).split("/")[:3]))
