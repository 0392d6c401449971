import re
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from joserfc.jwk import KeySet

from deploy.sandbox.plan import Plan
from deploy.sandbox.registry.app import create_app
from shared.clock import FixedClock
from tests.unit.deploy.sandbox.registry.test_consent_tokens import KEY, claims, token


class Wallet:
    """A wallet that publishes one key, or is away."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://localhost:8004/.well-known/jwks.json"
        self.asked += 1
        return httpx.Response(503) if self.away else httpx.Response(200, json=KeySet([KEY]).as_dict(private=False))


@pytest.fixture
def wallet() -> Wallet:
    return Wallet()


@pytest.fixture
def client(plan: Plan, wallet: Wallet, clock: FixedClock) -> FlaskClient:
    return create_app(plan, http=httpx.Client(transport=httpx.MockTransport(wallet)), clock=clock).test_client()


def bearer(clock: FixedClock, jti: str = "one", run: str = "11111111-1") -> dict[str, str]:
    issued = int(clock.now().timestamp())
    payload = claims(iat=issued, exp=issued + 120, jti=jti, detail={"from": {"scheme": "cl-run", "value": run}})
    return {"Authorization": f"Bearer {token(payload)}"}


def test_a_token_opens_the_fields_asked_for_and_no_other(client: FlaskClient, clock: FixedClock) -> None:
    answer = client.post("/v1/police-record", json={"run": "11111111-1", "fields": ["has_record", "full_name"]}, headers=bearer(clock))
    assert answer.status_code == 200
    assert answer.get_json() == {
        "as_of": "2026-11-21T17:05:00.000Z",
        "fields": {"has_record": False, "full_name": "Camila Andrea Soto Pérez"},
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_changed_fact_is_what_the_next_reader_gets(client: FlaskClient, clock: FixedClock) -> None:
    page = client.get("/admin")
    mark = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert mark is not None
    changed = client.post("/admin/persons/11111111-1", data={"csrf_token": mark[1], "has_record": "yes"}, follow_redirects=True)
    assert "Camila Andrea Soto Pérez" in changed.text
    answer = client.post("/v1/police-record", json={"run": "11111111-1", "fields": ["has_record"]}, headers=bearer(clock))
    assert answer.get_json()["fields"] == {"has_record": True}


def test_a_fact_is_not_changed_without_the_forms_mark(client: FlaskClient) -> None:
    assert client.post("/admin/persons/11111111-1", data={"has_record": "yes"}).status_code == 403


def test_no_token_no_record(client: FlaskClient) -> None:
    answer = client.post("/v1/police-record", json={"run": "11111111-1", "fields": ["has_record"]})
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_request")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_request"'


def test_somebody_not_in_the_register_is_not_found(client: FlaskClient, clock: FixedClock) -> None:
    headers = bearer(clock, run="99999999-9")
    assert client.post("/v1/police-record", json={"run": "99999999-9", "fields": ["has_record"]}, headers=headers).status_code == 404


@pytest.mark.parametrize(
    "body", [None, [], {}, {"run": 1, "fields": ["has_record"]}, {"run": "11111111-1"}, {"run": "11111111-1", "fields": ["salary"]},
             {"run": "11111111-1", "fields": []}, {"run": "11111111-1", "fields": "has_record"}],
)  # fmt: skip
def test_a_question_that_cannot_be_read_is_refused(client: FlaskClient, clock: FixedClock, body: Any) -> None:
    assert client.post("/v1/police-record", json=body, headers=bearer(clock)).status_code == 400


def test_known_keys_serve_while_the_wallet_is_away(client: FlaskClient, clock: FixedClock, wallet: Wallet) -> None:
    ask = {"run": "11111111-1", "fields": ["has_record"]}
    assert client.post("/v1/police-record", json=ask, headers=bearer(clock)).status_code == 200
    wallet.away = True
    clock.advance(seconds=3600)
    assert client.post("/v1/police-record", json=ask, headers=bearer(clock, "two")).status_code == 200
    assert wallet.asked == 1


def test_without_any_key_nothing_is_released(client: FlaskClient, clock: FixedClock, wallet: Wallet) -> None:
    wallet.away = True
    answer = client.post("/v1/police-record", json={"run": "11111111-1", "fields": ["has_record"]}, headers=bearer(clock))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_the_public_card_says_no_more_than_name_and_life(client: FlaskClient) -> None:
    assert client.get("/v1/persons/44444444-4").get_json() == {"run": "44444444-4", "full_name": "Kevin Tapia", "alive": True}
    assert client.get("/v1/persons/99999999-9").status_code == 404


def test_the_admin_page_is_where_the_start_leads(client: FlaskClient) -> None:
    assert client.get("/").headers["Location"] == "/admin"
