"""The register of who may act for whom answers the wallet's own client, and nobody else.  Spec: wallet contract §6 D1."""

import re

import httpx
import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.sandbox.plan import Plan
from deploy.sandbox.registry.app import create_app
from deploy.sandbox.registry.entries import CHILD, ELDER
from deploy.sandbox.registry.mandates import SCOPE
from shared.clock import FixedClock
from shared.http import Outbound
from wallet.providers.mandates import HttpMandates, MandatesUnavailable, read_mandates
from wallet.standards.acting import Kind

KEY = ECKey.generate_key("P-256", {"kid": "issuer"}, private=True)
CHANGES: list[dict[str, object]] = [
    {"scope": "wallet:exchange"},
    {"aud": "http://localhost:8001"},
    {"exp": 1},
    {"iss": "https://evil.example"},
]


@pytest.fixture
def client(plan: Plan, clock: FixedClock) -> FlaskClient:
    def issuer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"{plan.issuer}/jwks"
        return httpx.Response(200, json=KeySet([KEY]).as_dict(private=False))

    return create_app(plan, http=httpx.Client(transport=httpx.MockTransport(issuer)), clock=clock).test_client()


def bearer(plan: Plan, clock: FixedClock, **changes: object) -> str:
    now = int(clock.now().timestamp())
    claims = {"iss": plan.issuer, "aud": plan.urls.registry, "sub": "wallet", "client_id": "wallet", "scope": SCOPE, "iat": now}
    return jwt.encode(
        {"alg": "ES256", "kid": "issuer", "typ": "at+jwt"}, {**claims, "exp": now + 300, **changes}, KEY, algorithms=["ES256"]
    )


@pytest.mark.rule("wallet", "D1")
def test_what_the_register_answers_is_what_the_wallet_reads(client: FlaskClient, plan: Plan, clock: FixedClock) -> None:
    headers = {"Authorization": f"Bearer {bearer(plan, clock)}"}
    found = read_mandates(client.post("/v1/mandates", json={"delegate": "11111111-1"}, headers=headers).json)
    assert [(one.kind, one.principal, one.name) for one in found] == [(Kind.PARENT, f"cl-run:{CHILD.run}", CHILD.full_name)]
    assert found[0].born_on == CHILD.birth_day
    others = read_mandates(client.post("/v1/mandates", json={"delegate": "22222222-2"}, headers=headers).json)
    assert [(one.kind, one.principal) for one in others] == [(Kind.COMPANY, "cl-rut:76543210-3"), (Kind.COURT, f"cl-run:{ELDER.run}")]
    assert read_mandates(client.post("/v1/mandates", json={"delegate": "44444444-4"}, headers=headers).json) == []


@pytest.mark.rule("wallet", "D1", "D9")
def test_the_books_are_one_and_who_must_act_with_another_is_not_told(client: FlaskClient, plan: Plan, clock: FixedClock) -> None:
    """The same entries as identity reads, but for those that take two: the wallet's register knows no such power."""
    headers = {"Authorization": f"Bearer {bearer(plan, clock)}"}

    def references(run: str) -> set[str]:
        return {one.reference for one in read_mandates(client.post("/v1/mandates", json={"delegate": run}, headers=headers).json)}

    for run in ("11111111-1", "22222222-2"):
        books = [client.post(f"/v1/{place}/entries", json={"run": run}).json["entries"] for place in ("companies", "families", "courts")]
        entries = [entry for book in books for entry in book]
        assert references(run) == {entry["entry"] for entry in entries if entry["joint"] == 1} != {entry["entry"] for entry in entries}
    form = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/admin").text)
    assert form
    mark = {"csrf_token": form[1]}
    assert client.post("/admin/companies/E-1001", data={**mark, "in_force": "no"}).status_code == 303
    assert references("22222222-2") == {"C-118-2024"}
    died = {**mark, "event": "death", "full_name": ELDER.full_name}
    assert client.post(f"/admin/persons/{ELDER.run}/events", data=died).status_code == 303
    told = read_mandates(client.post("/v1/mandates", json={"delegate": "22222222-2"}, headers=headers).json)
    assert [(one.reference, one.is_deceased) for one in told] == [("C-118-2024", True)]


@pytest.mark.rule("wallet", "D1")
@pytest.mark.parametrize("changes", CHANGES)
def test_another_token_opens_nothing(client: FlaskClient, plan: Plan, clock: FixedClock, changes: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {bearer(plan, clock, **changes)}"}
    assert client.post("/v1/mandates", json={"delegate": "11111111-1"}, headers=headers).status_code in {401, 403}
    assert client.post("/v1/mandates", json={"delegate": "11111111-1"}).status_code == 401


@pytest.mark.rule("wallet", "D1")
@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"mandates": {}},
        {"mandates": ["x"]},
        {"mandates": [{"kind": "friend", "principal": {"scheme": "cl-run", "value": "1-9", "name": "A"}, "reference": "r"}]},
        {"mandates": [{"kind": "proxy", "principal": {"scheme": "email", "value": "a", "name": "A"}, "reference": "r"}]},
        {"mandates": [{"kind": "parent", "principal": {"scheme": "cl-run", "value": "1-9", "name": "A"}, "reference": "r"}]},
        {
            "mandates": [
                {
                    "kind": "guardian",
                    "principal": {"scheme": "cl-run", "value": "1-9", "name": "A"},
                    "reference": "r",
                    "valid_until": "2027-01-01",
                }
            ]
        },
        {"mandates": [{}] * 201},
    ],
)
def test_an_answer_of_another_form_is_no_answer(answer: object) -> None:
    with pytest.raises(MandatesUnavailable):
        read_mandates(answer)


class Tokens:
    def token(self, audience: str, scope: str) -> str:
        assert scope == SCOPE
        return "t"


@pytest.mark.rule("wallet", "D1")
def test_a_register_that_cannot_be_reached_gives_nobody_a_power_and_takes_none() -> None:
    register = HttpMandates(Outbound(), Tokens(), url="http://127.0.0.1:9/v1/mandates", audience="http://127.0.0.1:9")  # type: ignore[arg-type]  # asked for a token and nothing else
    with pytest.raises(MandatesUnavailable):
        register.mandates_of("11111111-1")
