"""The banks' own pages: what a person presses leads back to the service."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploy.sandbox.banks import khipu, stripe, webpay
from deploy.sandbox.banks.app import create_app
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from shared.clock import FixedClock

BACK = "http://localhost:8003/back"


@pytest.fixture
def client() -> FlaskClient:
    told = httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(200)))
    clock = FixedClock(datetime(2026, 6, 8, 16, 0, tzinfo=UTC))
    return create_app(Plan(Path("unused"), Ports(8000), bytes(32)), http=told, clock=clock).test_client()


def press(client: FlaskClient, page: TestResponse, decision: str, **values: str) -> TestResponse:
    assert page.status_code == 200, page.text
    (form,) = [found for found in re.findall(r"<form[^>]*>.*?</form>", page.text, re.DOTALL) if "decision" in found]
    given = {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', form)}
    action = re.search(r'action="([^"]+)"', form)
    assert action
    return client.post(action[1], data=given | values | {"decision": decision})


def at_webpay(client: FlaskClient) -> TestResponse:
    headers = {"Tbk-Api-Key-Id": webpay.COMMERCE, "Tbk-Api-Key-Secret": webpay.SECRET}
    body: dict[str, Any] = {"buy_order": "o1", "session_id": "s1", "amount": "3500", "return_url": BACK}
    made = client.post(webpay.API + "/", json=body, headers=headers).get_json()
    return client.post(webpay.FORM, data={"token_ws": made["token"]})


def test_webpay_takes_a_card_or_leads_back_without_one(client: FlaskClient) -> None:
    page = at_webpay(client)
    assert "$3.500" in page.text
    back = press(client, page, "pay", card="4051 8856 0044 6623")
    assert back.headers["Location"].startswith(BACK + "?token_ws=")
    for decision, name in (("cancel", "TBK_TOKEN"), ("wait", "TBK_ID_SESION")):
        assert name in press(client, page, decision).text
    assert client.get(webpay.FORM + "?token_ws=nobody").status_code == 404


def test_khipu_transfers_or_leads_back(client: FlaskClient) -> None:
    addresses = {"return_url": BACK, "cancel_url": BACK + "?cancelled=1", "notify_url": BACK}
    body = {"subject": "x", "amount": 3500, "currency": "CLP", "transaction_id": "t"} | addresses
    made = client.post(khipu.API, json=body, headers={"x-api-key": khipu.API_KEY}).get_json()
    page = client.get(f"/khipu/{made['payment_id']}")
    assert "$3.500" in page.text
    assert press(client, page, "cancel").headers["Location"] == BACK + "?cancelled=1"
    assert press(client, page, "pay").headers["Location"] == BACK
    assert client.get("/khipu/nobody").status_code == 404


def test_stripe_takes_a_card_and_shows_a_declined_one(client: FlaskClient) -> None:
    price = {"line_items[0][price_data][unit_amount]": "3500", "line_items[0][price_data][currency]": "clp"}
    form = price | {"success_url": BACK, "cancel_url": BACK, "client_reference_id": "r"}
    headers = {"Authorization": f"Bearer {stripe.SECRET_KEY}", "Idempotency-Key": "r"}
    made = client.post("/v1/checkout/sessions", data=form, headers=headers).get_json()
    page = client.get(f"/stripe/{made['id']}")
    assert "$3.500" in page.text
    declined = press(client, page, "pay", card="4000000000000002")
    assert 'role="alert"' in declined.text
    assert press(client, declined, "pay", card="4242 4242 4242 4242").headers["Location"] == BACK


def test_who_has_no_key_is_refused(client: FlaskClient) -> None:
    assert [client.post(webpay.API, json={}).status_code, client.post(khipu.API, json={}).status_code] == [401, 403]
    assert client.post("/v1/refunds").status_code == 401
