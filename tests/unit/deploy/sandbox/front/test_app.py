import json

import httpx
import pyotp
import pytest
from flask.testing import FlaskClient

from deploy.sandbox.front.app import create_app
from deploy.sandbox.plan import Plan
from shared.clock import FixedClock


def answers(request: httpx.Request) -> httpx.Response:
    """All parts answer but pay, which is away, and the wallet, which is not ready."""
    if request.url.port == 8003:
        raise httpx.ConnectError("refused")
    if request.url.path == "/performance.json":
        row = {"component": "notify", "period": "2026-06", "service": "s1", "service_name": "Colegio Las Araucarias", "product": "message"}
        shares = {"completion_percent": 97, "digital_percent": None, "satisfied_net_percent": None}
        return httpx.Response(200, json={"months": [row | {"started": 1250} | shares] if request.url.port == 8002 else []})
    return httpx.Response(503 if request.url.port == 8004 else 200)


@pytest.fixture
def client(plan: Plan, clock: FixedClock) -> FlaskClient:
    return create_app(plan, http=httpx.Client(transport=httpx.MockTransport(answers)), clock=clock).test_client()


def test_it_says_which_parts_answer_just_now(client: FlaskClient) -> None:
    page = client.get("/", headers={"Accept-Language": "en"}).text
    assert page.count("govuk-tag--green") == 6
    assert page.count("govuk-tag--red") == 2


def test_it_says_who_to_sign_in_as_with_the_code_of_this_moment(client: FlaskClient, plan: Plan, clock: FixedClock) -> None:
    page = client.get("/").text
    for person in (*plan.citizens, *plan.staff):
        assert person.name in page
        assert person.password in page
        if person.totp_secret:
            assert pyotp.TOTP(person.totp_secret).at(clock.now()) in page
            assert person.totp_secret not in page


def test_keys_are_shown_once_the_sandbox_is_up(client: FlaskClient, plan: Plan) -> None:
    assert "still starting" in client.get("/", headers={"Accept-Language": "en"}).text
    facts = {"pay": {"api_keys": {"test": "api_test_abc"}}, "notify": {"api_keys": {"live": "sandbox_live-1"}}}
    (plan.folder / "sandbox.json").write_text(json.dumps(facts))
    page = client.get("/", headers={"Accept-Language": "en"}).text
    assert "api_test_abc" in page
    assert "sandbox_live-1" in page
    assert "still starting" not in page


def test_a_half_written_file_is_taken_for_none(client: FlaskClient, plan: Plan) -> None:
    (plan.folder / "sandbox.json").write_text('{"pay": ')
    assert client.get("/").status_code == 200


def test_the_open_data_of_the_parts_stand_on_one_page_and_one_that_is_away_is_left_out(client: FlaskClient) -> None:
    page = client.get("/performance", headers={"Accept-Language": "en"}).text
    assert "Colegio Las Araucarias" in page
    assert "1,250" in page
    assert "97 %" in page
