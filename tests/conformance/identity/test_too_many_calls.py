"""Too many calls in a minute: 429 with Retry-After at each endpoint of the protocol, by address and by client (HT-10)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from shared.clock import FixedClock
from shared.ids import SeededIds
from tests.engines import Engines
from tests.factories.identity import SECRET, House, authorization, furnished_copy, open_house

PUBLIC, OTHER = "93.184.216.34", "8.8.8.8"
MOST = 4
ENDPOINTS = [
    *(("POST", path) for path in ("par", "token", "userinfo", "introspect", "revoke", "device_authorization", "bc-authorize", "register")),
    *(("GET", path) for path in ("authorize", "userinfo", "end-session")),
    ("POST", "authorize"),
]


@pytest.fixture
def house(engines: Engines, run_folder: Path, redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    """An identity that takes few calls in a minute."""
    changes = {"redis_url": redis_url, "calls_per_address": MOST, "calls_per_client": MOST}
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True, **changes) as few:
        yield few


def call(house: House, method: str, path: str, address: str) -> TestResponse:
    return house.client().open(f"/openid/{path}", method=method, environ_base={"REMOTE_ADDR": address})


@pytest.mark.rule("identity", "HT-10", "AZ-22")
def test_an_address_that_calls_too_often_waits_at_every_endpoint(house: House) -> None:
    for method, path in ENDPOINTS:
        statuses = [call(house, method, path, PUBLIC).status_code for _ in range(MOST)]
        assert 429 not in statuses, path
        refused = call(house, method, path, PUBLIC)
        assert refused.status_code == 429, path
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        if path in {"authorize", "end-session"}:
            assert refused.mimetype == "text/html"
        else:
            assert refused.json["error"] == "temporarily_unavailable"
            assert refused.headers["Cache-Control"] == "no-store"
        assert call(house, method, path, OTHER).status_code != 429, "others go on"
        house.clock.advance(seconds=60)


@pytest.mark.rule("identity", "HT-10")
def test_addresses_of_private_networks_and_the_documents_are_not_counted(house: House) -> None:
    for address in ("10.0.0.7", "127.0.0.1", "::1"):
        assert 429 not in {call(house, "POST", "token", address).status_code for _ in range(MOST + 2)}
    for path in ("jwks", ".well-known/openid-configuration"):
        assert {call(house, "GET", path, PUBLIC).status_code for _ in range(MOST + 2)} == {200}
    six = [call(house, "POST", "token", f"2600:1f18:1:1::{number}").status_code for number in range(1, MOST + 2)]
    assert six[-1] == 429, "64 bits of IPv6 are one subscriber's"


@pytest.mark.rule("identity", "HT-10")
def test_a_client_is_counted_once_it_proved_who_it_is(house: House) -> None:
    for _ in range(MOST + 2):
        assert house.token({"grant_type": "client_credentials", "client_id": "web", "client_secret": "wrong" * 9}).status_code == 401
    form = {"token": "x", "client_id": "web", "client_secret": SECRET}
    answers = [house.client().post("/openid/introspect", data=form) for _ in range(MOST)]
    assert {answer.status_code for answer in answers} == {200}, "what strangers send in its name does not count"
    for path, values in (("introspect", form), ("revoke", form), ("par", {**authorization(), "client_secret": SECRET})):
        refused = house.client().post(f"/openid/{path}", data=values)
        assert (refused.status_code, refused.json["error"]) == (429, "temporarily_unavailable"), path
        assert refused.headers["Retry-After"]
    assert house.token(house.machine_form()).status_code == 200, "another client goes on"


@pytest.mark.rule("identity", "HT-10")
def test_while_the_store_is_away_everybody_passes(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> None:
    changes = {"calls_per_address": MOST, "calls_per_client": MOST}
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True, **changes) as away:
        assert {call(away, "POST", "userinfo", PUBLIC).status_code for _ in range(3 * MOST)} == {401}


@pytest.mark.rule("identity", "HT-10")
def test_no_address_stands_in_the_log_or_the_answer(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    refused = [call(house, "POST", "token", PUBLIC) for _ in range(MOST + 1)][-1]
    assert refused.status_code == 429
    written = capsys.readouterr()
    assert "request" in written.out + written.err
    assert PUBLIC not in written.out + written.err + refused.get_data(as_text=True) + str(refused.headers)
