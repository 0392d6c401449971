"""The banks of the sandbox in this process: pay's outbound calls go straight to them, and their notifications straight to pay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient

from deploy.sandbox.banks import khipu, stripe, webpay
from deploy.sandbox.banks.app import create_app
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from pay.operations.onboarding import set_credentials
from pay.providers.khipu import KhipuGateway
from pay.providers.stripe import StripeGateway
from pay.providers.webpay import WebpayGateway
from shared import trace
from shared.http import OutboundTimeout, Reply
from tests.factories.pay import PUBLIC_URL, Browser, ProcessDied, Till, World

CREDENTIALS = {
    "webpay": {"commerce_code": webpay.COMMERCE, "secret": webpay.SECRET},
    "khipu": {"api_key": khipu.API_KEY, "receiver_id": khipu.RECEIVER},
    "stripe": {"secret_key": stripe.SECRET_KEY, "webhook_secret": stripe.WEBHOOK_SECRET},
}
MALL = {"commerce_code": webpay.MALL, "secret": webpay.SECRET, "mall:org-a": webpay.CHILDREN[0], "mall:org-b": webpay.CHILDREN[1]}


@dataclass
class Wire:
    """Stands where the outbound client stands; `deaf` loses every answer, `cut` every call.

    `fates`: what becomes of the next calls, one by one: `cut`, `deaf`, or `dies` (our process is gone before the answer comes).
    """

    bank: FlaskClient
    deaf: bool = False
    cut: bool = False
    fates: list[str] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    journeys: list[str] = field(default_factory=list)

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 0,
        max_bytes: int = 0,
    ) -> Reply:
        fate = self.fates.pop(0) if self.fates else ""
        if self.cut or fate == "cut":
            raise OutboundTimeout("no answer in time")
        parts = urlsplit(url)
        self.sent.append((method, parts.path))
        self.journeys.append(trace.journey_id())
        kept = {name: value for name, value in (headers or {}).items() if name.lower() != "content-length"}
        answer = self.bank.open(parts.path, method=method, json=json, data=body, headers=kept, query_string=parts.query)
        if fate == "dies":
            raise ProcessDied
        if self.deaf or fate == "deaf":
            raise OutboundTimeout("no answer in time")
        return Reply(answer.status_code, dict(answer.headers), answer.get_data())


@dataclass
class Banks:
    """The world with banks in it."""

    world: World
    app: Flask
    wire: Wire

    ORIGIN: ClassVar[str] = "http://localhost:8008"

    @property
    def webpay(self) -> webpay.Webpay:
        found: webpay.Webpay = self.app.extensions["webpay"]
        return found

    @property
    def khipu(self) -> khipu.Khipu:
        found: khipu.Khipu = self.app.extensions["khipu"]
        return found

    @property
    def stripe(self) -> stripe.Stripe:
        found: stripe.Stripe = self.app.extensions["stripe"]
        return found

    def account(self, gateway: str, credentials: Mapping[str, str] | None = None, **changes: Any) -> Till:
        """Open an account at a bank and work with it from now on."""
        till = self.world.add_account(gateway=gateway, **changes)
        set_credentials(self.world.pay, till.account_id, credentials or CREDENTIALS[gateway], actor="tests")  # type: ignore[arg-type]  # an id
        self.world.till = till
        return till

    def leave(self, payer: Browser) -> str:
        """Press the button that leads to the bank; return the bank's token of the attempt."""
        payer.send(f"{payer.path}/leave", {})
        assert payer.page.status_code == 200, payer.html
        known = {"webpay": self.webpay.transactions, "khipu": self.khipu.payments, "stripe": self.stripe.sessions}
        tokens = [token for found in known.values() for token in found]
        assert tokens, payer.html
        return tokens[-1]

    def back(self, payer: Browser, url: str, form: Mapping[str, str] | None = None) -> None:
        """The payer's browser comes back from the bank, by GET or by a posted form."""
        path = url.removeprefix(PUBLIC_URL)
        response = payer.client.post(path, data=dict(form)) if form is not None else payer.client.get(path)
        while response.status_code in {302, 303} and response.headers["Location"].startswith("/"):
            response = payer.client.get(response.headers["Location"])
        payer.page = response


def make_banks(world: World) -> Banks:
    """Put the banks of the sandbox beside a world."""
    app = create_app(Plan(Path("unused"), Ports(8000), bytes(32)), http=None, clock=world.pay.clock)  # type: ignore[arg-type]  # replaced below
    wire = Wire(app.test_client())
    world.pay.__dict__["http"] = wire
    makers = {
        WebpayGateway.name: lambda _pay: WebpayGateway(wire, Banks.ORIGIN),  # type: ignore[arg-type]  # in place of the client
        KhipuGateway.name: lambda _pay: KhipuGateway(wire, Banks.ORIGIN),  # type: ignore[arg-type]
        StripeGateway.name: lambda _pay: StripeGateway(wire, Banks.ORIGIN, Banks.ORIGIN),  # type: ignore[arg-type]
    }
    world.pay.gateway_makers = {**world.pay.gateway_makers, **makers}
    world.pay.__dict__.pop("gateways", None)
    banks = Banks(world, app, wire)
    banks.khipu.notify = lambda url, form: _tell(world, url, data=form)
    banks.stripe.notify = lambda url, body, headers: _tell(world, url, data=body, headers=headers)
    banks.stripe.callback_url = f"{PUBLIC_URL}/v1/api/notifications/stripe"
    return banks


def _tell(world: World, url: str, **request: Any) -> None:
    world.client().post(url.removeprefix(PUBLIC_URL), **request)
