"""Transbank's Webpay Plus as its documentation has it: REST v1.2, plain and mall, with the integration cards.

Spec: pay-design.md §7.1.  `faults` names what goes wrong next: `commit lost` (done, and the answer is lost), `commit late` (never
arrives), `refund lost`, `refund refused` with the buy order of a mall's child, `create down`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from flask import Response, jsonify, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from shared import web
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.routes import Routes

COMMERCE, SECRET, MALL = "597055555532", "579B532A-sandbox", "597055555535"
CHILDREN = ("597055555536", "597055555537")
API = "/rswebpaytransaction/api/webpay/v1.2/transactions"
FORM = "/webpayserver/initTransaction"
TOKEN_LIFETIME = timedelta(minutes=5)
CARDS = {
    "4051885600446623": ("VN", 0),
    "370000000002032": ("VN", 0),
    "5186059559590568": ("VN", -1),
    "4051884239937763": ("VD", 0),
    "4511346660037060": ("VD", 0),
    "5186008541233829": ("VD", -1),
    "4051886000056590": ("VP", 0),
    "5186174110629480": ("VP", -1),
}


@dataclass
class Detail:
    """One child of a mall, or the one transaction of a plain commerce."""

    commerce_code: str
    buy_order: str
    amount: int
    status: str = "INITIALIZED"
    response_code: int | None = None
    authorization_code: str = ""
    balance: int = 0


@dataclass
class Transaction:
    """One transaction, by its token."""

    token: str
    buy_order: str
    session_id: str
    return_url: str
    is_mall: bool
    details: list[Detail]
    made_at: datetime
    state: str = "INITIALIZED"
    card: str = ""
    payment_type: str = ""


@dataclass
class Webpay:
    """All transactions of one sandbox, and what goes wrong next."""

    now: Callable[[], datetime]
    origin: str
    transactions: dict[str, Transaction] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    refunds: list[tuple[str, int]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def fails(self, what: str) -> bool:
        """True once for each fault of this name."""
        if what not in self.faults:
            return False
        self.faults.remove(what)
        return True

    def pay(self, token: str, card: str) -> str:
        """The payer types a card at Webpay's page; return the address the browser goes to."""
        with self.lock:
            transaction = self.transactions[token]
            kind, response = CARDS.get(card, ("VN", -1))
            transaction.card, transaction.payment_type, transaction.state = card[-4:], kind, "PAID" if response == 0 else "REFUSED"
            for detail in transaction.details:
                detail.response_code = response
            return f"{transaction.return_url}?token_ws={token}"

    def abort(self, token: str) -> dict[str, str]:
        """The payer presses cancel; return the form that is posted to the service."""
        with self.lock:
            transaction = self.transactions[token]
            transaction.state = "ABORTED"
            return {"TBK_TOKEN": token, "TBK_ID_SESION": transaction.session_id, "TBK_ORDEN_COMPRA": transaction.buy_order}

    def time_out(self, token: str) -> dict[str, str]:
        """The page's time is over; return what the browser carries: no token."""
        with self.lock:
            transaction = self.transactions[token]
            transaction.state = "TIMED_OUT"
            return {"TBK_ID_SESION": transaction.session_id, "TBK_ORDEN_COMPRA": transaction.buy_order}


Answer = tuple[Response, int] | Response


def build_api(webpay: Webpay) -> Routes:
    """The REST interface."""
    api = Routes("webpay_api", __name__, access=PUBLIC)

    @api.before_request
    def check() -> tuple[Response, int] | None:
        right = (request.headers.get("Tbk-Api-Key-Id"), request.headers.get("Tbk-Api-Key-Secret"))
        return None if right in {(COMMERCE, SECRET), (MALL, SECRET)} else (jsonify(error_message="Not Authorized"), 401)

    @api.post(API)
    @api.post(API + "/")
    def create() -> Answer:
        return _create(webpay, request.get_json(force=True))

    @api.put(API + "/<token>")
    def commit(token: str) -> Answer:
        return _commit(webpay, token)

    @api.get(API + "/<token>")
    def status(token: str) -> Answer:
        transaction = webpay.transactions.get(token)
        return jsonify(_shown(transaction)) if transaction else (jsonify(error_message="Transaction not found"), 404)

    @api.post(API + "/<token>/refunds")
    def refund(token: str) -> Answer:
        body = request.get_json(force=True)
        with webpay.lock:
            answer = None if webpay.fails(f"refund refused {body.get('buy_order')}") else _give_back(webpay, token, body)
        if answer is None:
            return jsonify(error_message="Amount to refund is bigger than authorized"), 422
        return _no_answer() if webpay.fails("refund lost") else jsonify(answer)

    return api


def _no_answer() -> tuple[Response, int]:
    return jsonify(error_message="gateway timeout"), 504


def _create(webpay: Webpay, body: dict[str, Any]) -> Answer:
    if webpay.fails("create down"):
        return jsonify(error_message="internal error"), 500
    if fault := _fault(webpay, body):
        return jsonify(error_message=fault), 422
    token = secrets.token_hex(32)
    details = body.get("details") or [{"commerce_code": COMMERCE, "buy_order": body["buy_order"], "amount": body["amount"]}]
    made = [Detail(str(each["commerce_code"]), str(each["buy_order"]), int(each["amount"])) for each in details]
    order, session, back = body["buy_order"], body["session_id"], body["return_url"]
    with webpay.lock:
        webpay.transactions[token] = Transaction(token, order, session, back, "details" in body, made, webpay.now())
    return jsonify(token=token, url=webpay.origin + FORM)


def _commit(webpay: Webpay, token: str) -> Answer:
    if webpay.fails("commit late"):
        return _no_answer()
    with webpay.lock:
        transaction = webpay.transactions.get(token)
        if transaction is None or transaction.state == "ABORTED":
            return jsonify(error_message="Invalid finished state: aborted"), 422
        if transaction.state not in {"PAID", "REFUSED"}:
            return jsonify(error_message="Transaction already locked by another process"), 422
        webpay.commits.append(token)
        for detail in transaction.details:
            is_approved = detail.response_code == 0
            detail.status, detail.authorization_code = ("AUTHORIZED", "1213") if is_approved else ("FAILED", "000000")
            detail.balance = detail.amount if is_approved else 0
        transaction.state = "COMMITTED"
    return _no_answer() if webpay.fails("commit lost") else jsonify(_shown(transaction))


def _give_back(webpay: Webpay, token: str, body: dict[str, Any]) -> dict[str, object] | None:
    transaction, amount = webpay.transactions.get(token), int(body.get("amount", 0))
    wanted = body.get("buy_order")
    found = [each for each in (transaction.details if transaction else []) if not wanted or each.buy_order == wanted]
    if not found or transaction is None or transaction.state != "COMMITTED" or not 0 < amount <= found[0].balance:
        return None
    detail = found[0]
    detail.balance -= amount
    webpay.refunds.append((detail.buy_order, amount))
    if amount == detail.amount:
        detail.status = "REVERSED"
        return {"type": "REVERSED"}
    detail.status = "NULLIFIED" if not detail.balance else "PARTIALLY_NULLIFIED"
    now = webpay.now().isoformat()
    code = {"authorization_code": "123456", "response_code": 0, "authorization_date": now}
    return {"type": "NULLIFIED", "balance": detail.balance, "nullified_amount": amount, **code}


def _fault(webpay: Webpay, body: dict[str, Any]) -> str | None:
    order = str(body.get("buy_order", ""))
    if not 1 <= len(order) <= 26 or not 1 <= len(str(body.get("session_id", ""))) <= 61 or len(str(body.get("return_url", ""))) > 255:
        return "Invalid value for parameter"
    if any(transaction.buy_order == order for transaction in webpay.transactions.values()):
        return "buy_order is not unique"
    amounts = [each.get("amount") for each in body["details"]] if "details" in body else [body.get("amount")]
    return None if all(str(amount).isdigit() and int(str(amount)) > 0 for amount in amounts) else "Invalid value for parameter: amount"


def _shown(transaction: Transaction) -> dict[str, object]:
    common: dict[str, object] = {
        "vci": "TSY",
        "buy_order": transaction.buy_order,
        "session_id": transaction.session_id,
        "card_detail": {"card_number": transaction.card},
        "accounting_date": transaction.made_at.strftime("%m%d"),
        "transaction_date": transaction.made_at.isoformat(),
    }
    parts = [
        {
            "amount": each.amount,
            "status": each.status,
            "authorization_code": each.authorization_code,
            "payment_type_code": transaction.payment_type,
            "response_code": each.response_code if each.status != "INITIALIZED" else None,
            "installments_number": 0,
            "commerce_code": each.commerce_code,
            "buy_order": each.buy_order,
            "balance": each.balance,
        }
        for each in transaction.details
    ]
    return common | {"details": parts} if transaction.is_mall else {**parts[0], **common}


def build_pages(webpay: Webpay) -> Routes:
    """Webpay's own page, as plain as can be: a card, or cancel, or the time runs out."""
    pages = Routes("webpay_pages", __name__, access=PUBLIC)

    @pages.route(FORM, methods=["GET", "POST"])
    def show() -> BaseResponse:
        token = request.values.get("token_ws", "")
        transaction = webpay.transactions.get(token)
        if transaction is None or webpay.now() - transaction.made_at > TOKEN_LIFETIME:
            return web.page("banks/gone.html", 404)
        web.allow("form-action", transaction.return_url)
        amount = sum(detail.amount for detail in transaction.details)
        return web.page("banks/webpay.html", token=token, amount=amount, cards=sorted(CARDS))

    @pages.post("/webpayserver/pay", access=PUBLIC_PAGE)
    def decide() -> BaseResponse:
        token, decision = request.form.get("token_ws", ""), request.form.get("decision", "")
        transaction = webpay.transactions.get(token)
        if transaction is None:
            return web.page("banks/gone.html", 404)
        web.allow("form-action", transaction.return_url)
        if decision == "pay":
            return redirect(webpay.pay(token, request.form.get("card", "").replace(" ", "")), 303)
        fields = webpay.abort(token) if decision == "cancel" else webpay.time_out(token)
        return web.page("banks/back.html", url=transaction.return_url, fields=fields)

    return pages
