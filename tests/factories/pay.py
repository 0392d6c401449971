"""Rows of pay, valid by default; these call no operation of pay.  A payer, and a gateway that can be made to fail."""

import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, update
from werkzeug.test import TestResponse

from pay.context import Pay
from pay.models.account import api_keys, gateway_accounts
from pay.models.payment import payer_scope
from pay.models.webhook import webhooks
from pay.providers.base import Action, CardDetails, GatewayUnavailable, Order, Outcome
from pay.providers.sandbox import SandboxGateway
from pay.settings import PaySettings
from pay.standards.cards import DEFAULT_BRANDS
from pay.standards.identifiers import ALPHABET
from pay.standards.keys import make_key, token_hash
from shared.outbox import lease_due
from shared.settings import Secret
from shared.tasks import Jobs, run_leased
from tests.factories.settings import common

PUBLIC_URL = "http://localhost"
SIGNING_KEY = "webhook_test_0123456789abcdefghijklmnop"
WEBHOOK_URL = "https://service.example/webhooks/pay"
EVENTS = ["started", "succeeded", "captured", "refunded", "failed", "expired"]
GOOD_CARD, DECLINED_CARD, EXPIRED_CARD, WRONG_CVC_CARD, ERROR_CARD = (
    "4242424242424242",
    "4000000000000002",
    "4000000000000069",
    "4000000000000127",
    "4000000000000119",
)
BODY: dict[str, Any] = {
    "amount": 14500,
    "reference": "PERM-2026-000042",
    "description": "Renovación de permiso",
    "return_url": "https://service.example/return/7f3c",
}


def settings(database_url: str, redis_url: str, **changes: Any) -> PaySettings:
    values = common("pay", PUBLIC_URL, database_url, redis_url) | {
        "api_key_secret": Secret("key secret of tests"),
        "database_pool_size": 8,
    }
    return PaySettings(**(values | changes))


@dataclass
class Till:
    """A gateway account and one key of it."""

    account_id: str
    key: str
    key_id: uuid.UUID

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


class ProcessDied(BaseException):
    """Stands for kill -9: no handler of ours sees it coming."""


@dataclass
class FaultyGateway:
    """The sandbox gateway on a bad line: `before` loses the call, `after` loses the answer, `deaf` cannot be asked either.

    `dies`: once, our process is gone just before the call leaves (False) or just after the gateway has done it (True).
    """

    inner: SandboxGateway
    before: set[Action] = field(default_factory=set)
    after: set[Action] = field(default_factory=set)
    deaf: bool = False
    refuse: dict[Action, Outcome] = field(default_factory=dict)
    calls: list[tuple[Action, str]] = field(default_factory=list)
    dies: dict[Action, bool] = field(default_factory=dict)
    name: str = "sandbox"
    takes_card_numbers_here: bool = True
    settles_refunds_at_once: bool = True
    repeats_safely: bool = True

    def charge(self, order: Order, instrument_token: str) -> Outcome:
        self._arrive(Action.AUTHORISE, order)
        return self._answer(Action.AUTHORISE, self.inner.charge(order, instrument_token))

    def authorise(self, order: Order, card: CardDetails) -> Outcome:
        self._arrive(Action.AUTHORISE, order)
        return self._answer(Action.AUTHORISE, self.inner.authorise(order, card))

    def capture(self, order: Order) -> Outcome:
        self._arrive(Action.CAPTURE, order)
        return self._answer(Action.CAPTURE, self.inner.capture(order))

    def void(self, order: Order) -> Outcome:
        self._arrive(Action.VOID, order)
        return self._answer(Action.VOID, self.inner.void(order))

    def refund(self, order: Order) -> Outcome:
        self._arrive(Action.REFUND, order)
        return self._answer(Action.REFUND, self.inner.refund(order))

    def find(self, order: Order) -> Outcome | None:
        if self.deaf:
            raise GatewayUnavailable
        return self.inner.find(order)

    def _arrive(self, action: Action, order: Order) -> None:
        self.calls.append((action, order.reference))
        if self.dies.get(action) is False:
            del self.dies[action]
            raise ProcessDied
        if action in self.before:
            raise GatewayUnavailable

    def _answer(self, action: Action, outcome: Outcome) -> Outcome:
        if self.dies.pop(action, False):
            raise ProcessDied
        if action in self.after:
            raise GatewayUnavailable
        return self.refuse.get(action, outcome)


@dataclass
class World:
    """An installation with one account; `payer()` is somebody with a browser of their own."""

    pay: Pay
    app: Flask
    gateway: FaultyGateway
    jobs: Jobs[Pay]
    till: Till = field(init=False)

    def __post_init__(self) -> None:
        self.till = self.add_account()

    def add_account(self, **changes: Any) -> Till:
        account_id = self.pay.ids.pick(ALPHABET, 26)
        row = {
            "id": account_id,
            "service_name": "Permisos de circulación",
            "organisation_id": "org-municipalidad-quilpalin",
            "is_live": False,
            "gateway": "sandbox",
            "currency": "CLP",
            "language": "en",
            "card_brands": list(DEFAULT_BRANDS),
            "created_at": self.pay.clock.now(),
            # The clock of tests stands still: a whole test is one second to the limiter.
            "posts_per_second": 10_000,
            "others_per_second": 10_000,
        }
        with self.pay.db.begin() as connection:
            connection.execute(insert(gateway_accounts).values(row | changes))
        return self.add_key(account_id)

    def add_key(self, account_id: str, *, prefix: str = "api_test_", revoked_at: datetime | None = None) -> Till:
        token = prefix + self.pay.ids.pick(ALPHABET, 26)
        key_id = self.pay.ids.uuid4()
        row = {
            "id": key_id,
            "account_id": account_id,
            "token_hash": token_hash(token, self.pay.key_secret),
            "description": "a test",
            "created_by": "tests",
            "created_at": self.pay.clock.now(),
            "revoked_at": revoked_at,
        }
        with self.pay.db.begin() as connection:
            connection.execute(insert(api_keys).values(row))
        return Till(account_id, make_key(token, self.pay.key_secret), key_id)

    def change_account(self, **changes: Any) -> None:
        with self.pay.db.begin() as connection:
            connection.execute(update(gateway_accounts).where(gateway_accounts.c.id == self.till.account_id).values(changes))
        self.pay.merchants.clear()

    def add_webhook(self, url: str = WEBHOOK_URL, *, status: str = "ACTIVE", events: list[str] | None = None) -> str:
        webhook_id = self.pay.ids.pick(ALPHABET, 26)
        row = {
            "id": webhook_id,
            "account_id": self.till.account_id,
            "callback_url": url,
            "signing_key_sealed": self.pay.cipher.encrypt(SIGNING_KEY, scope=payer_scope(self.till.account_id)),
            "subscriptions": ["card_payment_" + event for event in (EVENTS if events is None else events)],
            "status": status,
            "description": "a test",
            "created_at": self.pay.clock.now(),
        }
        with self.pay.db.begin() as connection:
            connection.execute(insert(webhooks).values(row))
        return webhook_id

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def post(self, path: str, body: object = None, *, till: Till | None = None, **headers: str) -> TestResponse:
        sent = (till or self.till).headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client().post(path, json=body, headers=sent)

    def get(self, path: str, *, till: Till | None = None) -> TestResponse:
        return self.client().get(path, headers=(till or self.till).headers)

    def create(self, **changes: Any) -> dict[str, Any]:
        response = self.post("/v1/payments", BODY | changes)
        assert response.status_code == 201, response.get_data(as_text=True)
        return response.get_json()

    def read(self, payment_id: str) -> dict[str, Any]:
        response = self.get(f"/v1/payments/{payment_id}")
        assert response.status_code == 200
        return response.get_json()

    def status(self, payment_id: str) -> str:
        state = self.read(payment_id)["state"]
        return state.get("code") or state["status"]

    def payer(self, payment_id: str) -> "Browser":
        return Browser(self.client(), self.read(payment_id)["_links"]["next_url"]["href"])

    def paid(self, card: str = GOOD_CARD, **changes: Any) -> str:
        """A payment that went through the pages, captured where the card is good."""
        payment_id = self.create(**changes)["payment_id"]
        payer = self.payer(payment_id)
        payer.enter(card)
        if self.status(payment_id) == "submitted":
            payer.press("confirm")
        self.run_jobs()
        return str(payment_id)

    def run_jobs(self, *, until_idle: bool = True) -> int:
        """Run what is due, as a worker would."""
        ran = 0
        for _ in range(50):
            with self.pay.db.begin() as connection:
                due = lease_due(connection, self.pay.clock.now(), limit=50)
            for row in due:
                ran += run_leased(self.pay, self.jobs, row.job, row.id, row.lease, runner="tests")
            if not due or not until_idle:
                break
        return ran

    def sweep(self) -> None:
        """Run each periodic job once, and what follows from them."""
        for periodic in self.jobs.periodic:
            with self.pay.transaction() as tx:
                tx.enqueue(periodic.job, {})
        self.run_jobs()


def card_form(number: str = GOOD_CARD, **changes: str) -> dict[str, str]:
    values = {
        "cardNo": number,
        "expiryMonth": "11",
        "expiryYear": "29",
        "cardholderName": "José Ñancupil",
        "cvc": "123",
        "addressCountry": "CL",
        "addressLine1": "Los Aromos 12",
        "addressLine2": "",
        "addressCity": "Quilpalín",
        "addressPostcode": "2430000",
        "email": "jose@example.cl",
    }
    return values | changes


@dataclass
class Browser:
    """Somebody who opened the link of a payment."""

    client: FlaskClient
    link: str
    page: TestResponse = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.client.get(self.link.removeprefix(PUBLIC_URL), follow_redirects=True)

    @property
    def html(self) -> str:
        return self.page.get_data(as_text=True)

    @property
    def path(self) -> str:
        return self.page.request.path

    def enter(self, number: str = GOOD_CARD, **changes: str) -> None:
        self.send(self._action("card-details"), card_form(number, **changes))

    def press(self, button: str) -> None:
        path = self.path.rsplit("/confirm", 1)[0]
        self.send(f"{path}/confirm" if button == "confirm" else f"{path}/cancel", {})

    def send(self, path: str, values: dict[str, str]) -> None:
        mark = re.search(r'name="csrf_token" value="([^"]+)"', self.html)
        response = self.client.post(path, data=values | {"csrf_token": mark.group(1) if mark else ""})
        while response.status_code in {302, 303} and response.headers["Location"].startswith("/"):
            response = self.client.get(response.headers["Location"])
        self.page = response

    def _action(self, form_id: str) -> str:
        found = re.search(rf'id="{form_id}" method="post" action="([^"]+)"', self.html)
        assert found, self.html
        return found.group(1)
