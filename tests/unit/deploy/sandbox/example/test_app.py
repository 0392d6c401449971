import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from deploy.sandbox.example import app as example
from deploy.sandbox.example.applications import Application, Applications, Stage
from deploy.sandbox.plan import Plan
from shared.clock import FixedClock

WALLET, PAY = "http://localhost:8004", "http://localhost:8003"
FACTS = {
    "identity": {"issuer": "http://localhost:8001/openid"},
    "wallet": {
        "base_url": WALLET, "consumer": {"client_id": "wallet-consumer"}, "dataset_id": "police-record", "purpose_id": "school-hiring",
        "fields": ["full_name", "has_record", "issued_on"], "procedure_code": "contratacion-escolar",
    },
    "pay": {"base_url": PAY, "api_keys": {"test": "api_test_key"}},
    "notify": {"base_url": "http://localhost:8002", "api_keys": {"live": "key"}, "templates": {"email": "t-1"}},
}  # fmt: skip


class Services:
    """Answers for wallet and pay, as a test sets them."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], httpx.Response] = {}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers[request.method, request.url.path]


class GivenTokens:
    """Tokens without an issuer: how they are got has its own tests, with the real one."""

    def __init__(self, **_: object) -> None:
        pass

    def token(self, *, audience: str, scope: str) -> str:
        return f"{audience} {scope}"


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def applications(monkeypatch: pytest.MonkeyPatch) -> Applications:
    kept = Applications()
    monkeypatch.setattr(example, "Applications", lambda: kept)
    monkeypatch.setattr("deploy.sandbox.example.office.MachineTokens", GivenTokens)
    return kept


@pytest.fixture
def client(plan: Plan, services: Services, clock: FixedClock, applications: Applications) -> FlaskClient:
    facts = json.loads(json.dumps(FACTS))
    facts["wallet"]["consumer"]["private_jwk"] = plan.jwk("client:wallet-consumer")
    (plan.folder / "sandbox.json").write_text(json.dumps(facts))
    return example.create_app(plan, http=httpx.Client(transport=httpx.MockTransport(services)), clock=clock).test_client()


def come_in(client: FlaskClient, applications: Applications, **changes: Any) -> Application:
    """A person who has signed in and come so far."""
    application = applications.start(sub="s", run="11111111-1", name="Camila Soto", email="camila@example.com", phone="+56911111111")
    with client.session_transaction() as session:
        session["application"] = application.application_id
    return applications.keep(application, **changes)


def send(client: FlaskClient, path: str, **fields: str) -> Any:
    mark = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/application").text)
    assert mark is not None
    return client.post(path, data={"csrf_token": mark[1], **fields})


def problem(slug: str, status: int) -> httpx.Response:
    return httpx.Response(status, json={"type": f"urn:andamio:problem:{slug}"}, headers={"Content-Type": "application/problem+json"})


def now(applications: Applications, application: Application) -> Application:
    found = applications.find(application.application_id)
    assert found is not None
    return found


@pytest.mark.parametrize("path", ["/application", "/consent/return", "/pay/return"])
def test_who_has_not_signed_in_starts_at_the_beginning(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Location"] == "/"


def test_signing_in_that_was_stopped_is_told_without_blame(client: FlaskClient) -> None:
    answer = client.get("/callback?error=access_denied&state=x", headers={"Accept-Language": "en"})
    assert answer.status_code == 400
    assert "Nothing was sent to the school." in answer.text


def test_the_person_is_sent_to_the_wallet_with_a_request_of_its_own(
    client: FlaskClient, applications: Applications, services: Services
) -> None:
    application = come_in(client, applications)
    services.answers["POST", "/consent-requests"] = httpx.Response(201, json={"view_uri": f"{WALLET}/c/abc"})
    assert send(client, "/consent").headers["Location"] == f"{WALLET}/c/abc"
    body = json.loads(services.asked[0].content)
    assert services.asked[0].headers["Authorization"] == f"Bearer {WALLET} wallet:consents"
    assert body["subject"] == {"scheme": "cl-run", "value": "11111111-1"}
    assert body["redirect_uri"] == "http://localhost:8006/consent/return"
    assert body["id"] == now(applications, application).request_id


def test_what_the_address_says_proves_nothing(client: FlaskClient, applications: Applications, services: Services) -> None:
    application = come_in(client, applications, stage=Stage.ASKED, request_id="r-1")
    client.get("/consent/return?request_id=r-2&granted=true")
    assert services.asked == []
    services.answers["GET", "/consent-requests/r-1"] = httpx.Response(200, json={"items": [{"state": "pending"}]})
    client.get("/consent/return?request_id=r-1&granted=true")
    assert now(applications, application).stage is Stage.ASKED


def test_who_refuses_is_told_what_to_bring_and_nothing_is_fetched(
    client: FlaskClient, applications: Applications, services: Services
) -> None:
    come_in(client, applications, stage=Stage.ASKED, request_id="r-1")
    services.answers["GET", "/consent-requests/r-1"] = httpx.Response(200, json={"items": [{"state": "refused"}]})
    client.get("/consent/return?request_id=r-1")
    assert "What to bring" in client.get("/application", headers={"Accept-Language": "en"}).text
    assert [request.url.path for request in services.asked] == ["/consent-requests/r-1"]


def test_who_grants_has_the_record_read_once(client: FlaskClient, applications: Applications, services: Services) -> None:
    application = come_in(client, applications, stage=Stage.ASKED, request_id="r-1")
    services.answers["GET", "/consent-requests/r-1"] = httpx.Response(200, json={"items": [{"state": "accepted", "consent_id": "c-1"}]})
    services.answers["POST", "/exchange/v1/requests"] = httpx.Response(200, json={"data": {"has_record": True}, "as_of": "2026"})
    client.get("/consent/return?request_id=r-1")
    found = now(applications, application)
    assert (found.stage, found.consent_id, found.has_record) == (Stage.RECORD_READ, "c-1", True)
    assert json.loads(services.asked[1].content)["basis"] == {"kind": "consent", "consent_id": "c-1"}


def test_a_gate_that_fails_leaves_the_application_where_it_was(client: FlaskClient, applications: Applications, services: Services) -> None:
    application = come_in(client, applications, stage=Stage.ASKED, request_id="r-1")
    services.answers["GET", "/consent-requests/r-1"] = httpx.Response(200, json={"items": [{"state": "accepted", "consent_id": "c-1"}]})
    services.answers["POST", "/exchange/v1/requests"] = problem("provider_timeout", 504)
    answer = client.get("/consent/return?request_id=r-1", headers={"Accept-Language": "en"})
    assert answer.status_code == 502
    assert "What you did so far is kept." in answer.text
    assert now(applications, application).stage is Stage.ASKED


def test_the_way_of_the_receipt_must_be_chosen(client: FlaskClient, applications: Applications, services: Services) -> None:
    come_in(client, applications, stage=Stage.RECORD_READ)
    answer = send(client, "/pay", delivery="pigeon")
    assert answer.status_code == 400
    assert 'href="#delivery"' in answer.text
    assert services.asked == []


def test_the_fee_is_paid_on_the_payer_pages(client: FlaskClient, applications: Applications, services: Services) -> None:
    application = come_in(client, applications, stage=Stage.RECORD_READ)
    links = {"next_url": {"href": f"{PAY}/secure/t", "method": "GET"}}
    services.answers["POST", "/v1/payments"] = httpx.Response(201, json={"payment_id": "p-1", "_links": links})
    assert send(client, "/pay", delivery="sms").headers["Location"] == f"{PAY}/secure/t"
    body = json.loads(services.asked[0].content)
    assert (body["amount"], body["return_url"]) == (3500, "http://localhost:8006/pay/return")
    assert services.asked[0].headers["Authorization"] == "Bearer api_test_key"
    assert now(applications, application).payment_id == "p-1"


def test_a_payment_that_failed_can_be_tried_again(client: FlaskClient, applications: Applications, services: Services) -> None:
    come_in(client, applications, stage=Stage.PAYING, payment_id="p-1")
    services.answers["GET", "/v1/payments/p-1"] = httpx.Response(200, json={"state": {"status": "failed", "finished": True}})
    client.get("/pay/return")
    assert "No money was taken." in client.get("/application", headers={"Accept-Language": "en"}).text


def test_the_receipt_is_sent_once_however_often_the_person_comes_back(
    client: FlaskClient, applications: Applications, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def note(*_: object, reference: str, **__: object) -> str:
        sent.append(reference)
        return "n-1"

    monkeypatch.setattr("deploy.sandbox.example.office.send_receipt", note)
    monkeypatch.setattr("deploy.sandbox.example.office.notify_client", lambda *_: None)
    application = come_in(client, applications, stage=Stage.PAYING, payment_id="p-1", consent_id="c-1")
    services.answers["GET", "/v1/payments/p-1"] = httpx.Response(200, json={"state": {"status": "success", "finished": True}})
    services.answers["GET", "/v1/payments/p-1/receipt"] = httpx.Response(200, json={"feedback_url": f"{PAY}/feedback/q"})
    client.get("/pay/return")
    client.get("/pay/return")
    assert sent == ["p-1"]
    assert now(applications, application).stage is Stage.DONE
    assert f"{WALLET}/consents/c-1" in client.get("/application").text
    assert f'href="{PAY}/feedback/q"' in client.get("/application").text


def test_a_form_of_another_site_asks_nothing(client: FlaskClient, applications: Applications, services: Services) -> None:
    come_in(client, applications)
    assert client.post("/consent").status_code == 403
    assert services.asked == []


def test_the_oldest_applications_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.sandbox.example.applications.APPLICATIONS_MAX", 2)
    kept = Applications()
    first, second, third = (kept.start(sub=name, run="", name="", email="", phone="") for name in "abc")
    assert kept.find(first.application_id) is None
    assert kept.find(second.application_id) == second
    assert kept.keep(third, stage=Stage.ASKED) == replace(third, stage=Stage.ASKED)
