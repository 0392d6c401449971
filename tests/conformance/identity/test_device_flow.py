"""A screen without keyboard asks, a person answers on their own device: RFC 8628."""

from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from identity.operations import register
from identity.standards import jose, rfc8628
from tests.conformance.identity.test_vectors_of_trust import check_in_person
from tests.factories.identity import PASSWORD, PUBLIC_URL, RUN, Browser, House, web_client, words_of

KIOSK = {"client_id": "kiosk"}


@pytest.fixture
def kiosk(house: House) -> House:
    """An identity with a public client that may use the device grant."""
    grants = ("authorization_code", rfc8628.GRANT_TYPE)
    for client_id, sector in (("kiosk", "kiosk.example"), ("tv", "tv.example")):
        new = web_client(client_id=client_id, policy="public", native=True, redirect_uris=("cl.example.app:/cb",), sector=sector)
        from dataclasses import replace

        register.create_client(house.identity, replace(new, grant_types=grants, post_logout_redirect_uris=()), actor="test")
    return house


def ask(house: House, **changes: Any) -> dict[str, Any]:
    answer = house.client().post("/openid/device_authorization", data={**KIOSK, "scope": "openid profile run", **changes})
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def poll(house: House, asked: dict[str, Any], **changes: Any) -> TestResponse:
    form = {"grant_type": rfc8628.GRANT_TYPE, "device_code": asked["device_code"], **KIOSK, **changes}
    return house.token(form)


def open_question(house: House, typed: str) -> Browser:
    """Sign in, type the code, and come to the question."""
    browser = house.browser()
    browser.open("/device")
    browser.send({"user_code": typed})
    browser.send({"run": RUN, "password": PASSWORD})
    return browser


@pytest.mark.rule("identity", "§2.19")
def test_a_person_lets_a_screen_in(kiosk: House) -> None:
    asked = ask(kiosk)
    assert (asked["expires_in"], asked["interval"], asked["verification_uri"]) == (600, 5, PUBLIC_URL + "/device")
    assert asked["verification_uri_complete"] == f"{PUBLIC_URL}/device?user_code={asked['user_code']}"
    assert set(asked["user_code"]) <= {*rfc8628.ALPHABET, "-"}
    assert poll(kiosk, asked).json["error"] == "authorization_pending"
    browser = open_question(kiosk, asked["user_code"].replace("-", " ").lower())
    assert browser.page is not None
    words = words_of(browser.page)
    assert "Servicio Uno" in words
    assert "Camila Andrea Soto Pérez" in words, "each datum with its value"
    assert browser.send({"decision": "grant"}).status_code == 200
    kiosk.clock.advance(seconds=6)
    answer = poll(kiosk, asked)
    assert answer.status_code == 200
    assert {"access_token", "id_token", "token_type", "expires_in"} <= set(answer.json)
    assert "refresh_token" not in answer.json, "only registered kiosks refresh"
    about = kiosk.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {answer.json['access_token']}"}).json
    assert about["RolUnico"] == {"numero": 11111111, "DV": "1", "tipo": "RUN"}
    assert poll(kiosk, asked).json["error"] == "invalid_grant", "a code is good once"


@pytest.mark.rule("identity", "§2.19")
@pytest.mark.parametrize("decision", ["refuse", "not_me", "", "anything"])
def test_a_person_says_no(kiosk: House, decision: str) -> None:
    asked = ask(kiosk)
    open_question(kiosk, asked["user_code"]).send({"decision": decision})
    answer = poll(kiosk, asked)
    assert (answer.status_code, answer.json["error"]) == (400, "access_denied")
    (event,) = kiosk.audited("identity:remote-request:denied")
    assert event["data"]["not_me"] is (decision == "not_me")


@pytest.mark.rule("identity", "§2.19")
def test_who_polls_too_often_waits_longer_for_good(kiosk: House) -> None:
    asked = ask(kiosk)
    errors = []
    for seconds in (0, 4, 9, 11, 11):
        kiosk.clock.advance(seconds=seconds)
        errors.append(poll(kiosk, asked).json["error"])
    assert errors == ["authorization_pending", "slow_down", "slow_down", "slow_down", "slow_down"]
    kiosk.clock.advance(seconds=25)
    assert poll(kiosk, asked).json["error"] == "authorization_pending"


@pytest.mark.rule("identity", "§2.19")
def test_a_code_ends_after_ten_minutes(kiosk: House) -> None:
    asked = ask(kiosk)
    kiosk.clock.advance(seconds=601)
    assert poll(kiosk, asked).json["error"] == "expired_token"
    browser = kiosk.browser()
    browser.open("/device")
    assert browser.send({"user_code": asked["user_code"]}).status_code == 400


@pytest.mark.rule("identity", "§2.19")
def test_a_code_is_of_one_client(kiosk: House) -> None:
    asked = ask(kiosk)
    open_question(kiosk, asked["user_code"]).send({"decision": "grant"})
    assert poll(kiosk, asked, client_id="tv").json["error"] == "invalid_grant"
    assert poll(kiosk, {"device_code": asked["user_code"]}).json["error"] == "invalid_grant"
    assert poll(kiosk, asked).status_code == 200


@pytest.mark.rule("identity", "§2.19")
def test_five_wrong_codes_of_a_browser_and_twenty_of_an_address_are_the_end(kiosk: House) -> None:
    asked = ask(kiosk)
    statuses = []
    for _ in range(5):
        browser = kiosk.browser()
        browser.open("/device")
        statuses.append([browser.send({"user_code": "BBBB-BBBB"}).status_code for _ in range(6)])
    assert statuses[0] == [400] * 5 + [429]
    assert statuses[4] == [429] * 6, "another browser of the same address does not help"
    browser = kiosk.browser()
    browser.open("/device")
    blocked = browser.send({"user_code": asked["user_code"]})
    assert (blocked.status_code, "Retry-After" in blocked.headers) == (429, True)
    kiosk.clock.advance(seconds=3600)
    fresh = ask(kiosk)
    browser.open("/device")
    assert browser.send({"user_code": fresh["user_code"]}).status_code == 200


@pytest.mark.rule("identity", "§2.19")
def test_the_complete_address_still_asks_to_compare(kiosk: House) -> None:
    asked = ask(kiosk)
    answer = kiosk.browser().open(asked["verification_uri_complete"].removeprefix(PUBLIC_URL))
    assert asked["user_code"] in answer.get_data(as_text=True)
    assert "Nunca escriba un código que otra persona le envió" in words_of(answer)


@pytest.mark.rule("identity", "§2.19")
def test_a_screen_in_another_network_is_pointed_out(kiosk: House) -> None:
    near, far = ask(kiosk), None
    answer = kiosk.client().post(
        "/openid/device_authorization", data={**KIOSK, "scope": "openid"}, environ_base={"REMOTE_ADDR": "203.0.113.9"}
    )
    far = dict(answer.json)
    for asked, warned in ((near, False), (far, True)):
        page = open_question(kiosk, asked["user_code"]).page
        assert page is not None
        assert ("está en otra red" in words_of(page)) is warned


REFUSED = [
    ({"client_id": "web", "client_secret": "wrong"}, "invalid_client"),
    ({"client_id": "app"}, "unauthorized_client"),
    ({"client_id": None}, "invalid_client"),
    ({"scope": "openid roles"}, "invalid_scope"),
    ({"scope": 'op"en'}, "invalid_request"),
]


@pytest.mark.rule("identity", "§2.19", "TK-1")
def test_who_may_ask_and_for_what(kiosk: House) -> None:
    for changes, error in REFUSED:
        form = {name: value for name, value in {**KIOSK, "scope": "openid", **changes}.items() if value is not None}
        answer = kiosk.client().post("/openid/device_authorization", data=form)
        assert answer.json["error"] == error, changes


@pytest.mark.rule("identity", "HT-7", "§2.19")
def test_codes_are_not_readable_in_the_database(kiosk: House) -> None:
    asked = ask(kiosk)
    with kiosk.identity.db.engine.connect() as connection:
        dump = str(connection.execute(text("SELECT * FROM remote_requests")).all())
    assert asked["device_code"] not in dump
    assert asked["user_code"].replace("-", "") not in dump


@pytest.mark.rule("identity", "§2.19")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("BCDF-GHJK", "BCDFGHJK"),
        ("bcdf ghjk", "BCDFGHJK"),
        (" b.c.d.f-g.h.j.k ", "BCDFGHJK"),
        ("BCDFGHJ", None),
        ("BCDFGHJKL", None),
        ("ABCDFGHJ", None),
        ("BCDF-GHJ1", None),
        ("", None),
        ("ÑCDFGHJK", None),
    ],
)
def test_how_a_code_is_read(typed: str, code: str | None) -> None:
    assert rfc8628.read(typed) == code


@pytest.mark.rule("identity", "§2.26", "§2.19")
def test_a_screen_may_ask_by_vector_and_a_person_who_is_not_known_so_well_is_told(kiosk: House) -> None:
    for bad in ({"vtr": '["P9"]'}, {"vtr": '["P0"]', "acr_values": "urn:andamio:acr:1"}):
        refused = kiosk.client().post("/openid/device_authorization", data={**KIOSK, "scope": "openid", **bad})
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_request"), bad
    asked = ask(kiosk, vtr='["P2.Ca"]')
    browser = open_question(kiosk, asked["user_code"])
    assert browser.page is not None
    assert "needs you to be known better" in words_of(browser.page) or "conocerle mejor" in words_of(browser.page)
    assert poll(kiosk, asked).json["error"] == "access_denied"
    check_in_person(kiosk, RUN)
    asked = ask(kiosk, vtr='["P3.Ca", "P2.Ca"]')
    assert open_question(kiosk, asked["user_code"]).send({"decision": "grant"}).status_code == 200
    assert jose.read_claim(poll(kiosk, asked).json["id_token"], "vot") == "P2.Ca"
    plain = ask(kiosk)
    open_question(kiosk, plain["user_code"]).send({"decision": "grant"})
    assert jose.read_claim(poll(kiosk, plain).json["id_token"], "vot") is None, "only who asks is told"
