"""Signing out through the browser, and the frame that watches the sign-on: off unless the operator wants them (LO-11)."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup

from identity.errors import InvalidClientMetadata
from identity.standards import jose, session_management
from shared.clock import FixedClock
from shared.ids import SeededIds
from tests.engines import Engines
from tests.factories.identity import (
    CALLBACK,
    ISSUER,
    SECRET,
    SIGNED_OUT,
    Browser,
    House,
    furnished_copy,
    open_house,
    sent_to_client,
    web_client,
)
from tests.factories.identity_protocol import enter

FRONT = "https://client.example/front-channel?from=us"
OTHER, OTHER_FRONT = "https://other.example/cb", "https://other.example/gone"
SCRIPT = Path(__file__).resolve().parents[3] / "identity" / "static" / "check-session.js"


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    """An identity in which both are on."""
    changes: dict[str, Any] = {"frontchannel_logout": True, "session_management": True}
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True, **changes) as furnished:
        enter(furnished, web_client(client_id="front", frontchannel_logout_uri=FRONT), secret=SECRET)
        other = web_client(client_id="front-two", redirect_uris=(OTHER,), frontchannel_logout_uri=OTHER_FRONT)
        enter(furnished, other, secret=SECRET)
        yield furnished


def sign_in_at_both(house: House) -> tuple[Browser, dict[str, str]]:
    """One browser, two services: the ID token that each got."""
    browser, tokens = house.browser(), {}
    for client_id, uri in (("front", CALLBACK), ("front-two", OTHER)):
        code = browser.sign_in(client_id=client_id, redirect_uri=uri)["code"]
        tokens[client_id] = house.token(house.code_form(code, client_id=client_id, redirect_uri=uri)).json["id_token"]
    return browser, tokens


def frames_of(answer: Any) -> dict[str, dict[str, list[str]]]:
    """Host of each frame, and what its address carries."""
    found = BeautifulSoup(answer.get_data(as_text=True), "html.parser").select("main iframe")
    parts = [urlsplit(str(frame["src"])) for frame in found]
    return {part.netloc: parse_qs(part.query) for part in parts}


@pytest.mark.rule("identity", "LO-11", "AZ-25")
def test_signing_out_opens_a_frame_at_each_service_and_then_goes_back(house: House) -> None:
    browser, tokens = sign_in_at_both(house)
    values = {"id_token_hint": tokens["front"], "post_logout_redirect_uri": SIGNED_OUT, "state": "x y&z"}
    answer = browser.open("/openid/end-session", query_string=values)
    assert answer.status_code == 200
    sids = {client_id: str(jose.read_claim(token, "sid")) for client_id, token in tokens.items()}
    assert sids["front"] != sids["front-two"], "two sectors cannot tell that they share a session"
    assert frames_of(answer) == {
        "client.example": {"from": ["us"], "iss": [ISSUER], "sid": [sids["front"]]},
        "other.example": {"iss": [ISSUER], "sid": [sids["front-two"]]},
    }
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-src https://client.example https://other.example;" in policy + ";"
    assert "script-src 'sha256-" in policy
    link = BeautifulSoup(answer.get_data(as_text=True), "html.parser").select_one("#back")
    assert link is not None
    assert link["href"] == f"{SIGNED_OUT}?state=x%20y%26z"
    assert sent_to_client(browser.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.rule("identity", "LO-11")
def test_frames_come_also_without_a_way_back_and_only_for_services_of_the_session(house: House) -> None:
    browser = house.browser()
    browser.sign_in(client_id="front")
    browser.open("/openid/end-session")
    answer = browser.send({"decision": "leave"})
    assert list(frames_of(answer)) == ["client.example"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    again = browser.open("/openid/end-session")
    assert frames_of(again) == {}, "there is no session any more"


@pytest.mark.rule("identity", "LO-11")
def test_a_frame_belongs_to_a_redirect_addresss_origin(house: House) -> None:
    for uri in ("https://evil.example/x", "https://client.example:8443/x", "http://client.example/x"):
        with pytest.raises(InvalidClientMetadata):
            enter(house, web_client(client_id="bad", frontchannel_logout_uri=uri), secret=SECRET)


@pytest.mark.rule("identity", "LO-11", "DI-9", "DI-10")
def test_what_is_on_is_advertised_and_served(house: House) -> None:
    document = house.client().get("/openid/.well-known/openid-configuration").json
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True
    assert document["check_session_iframe"] == ISSUER + "/check-session"
    frame = house.client().get("/openid/check-session")
    assert frame.status_code == 200
    assert "frame-ancestors https:;" in frame.headers["Content-Security-Policy"] + ";"
    assert "script-src 'self'" in frame.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in frame.headers


@pytest.mark.rule("identity", "LO-11")
def test_what_is_off_is_neither_advertised_nor_served(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> None:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as plain:
        enter(plain, web_client(client_id="front", frontchannel_logout_uri=FRONT), secret=SECRET)
        document = plain.client().get("/openid/.well-known/openid-configuration").json
        assert not [name for name in document if "frontchannel" in name or "check_session" in name]
        assert plain.client().get("/openid/check-session").status_code == 404
        browser = plain.browser()
        answer = browser.sign_in(client_id="front")
        assert "session_state" not in answer
        assert browser.http.get_cookie("__Host-identity-state", domain="identity.example") is None
        browser.open("/openid/end-session")
        assert frames_of(browser.send({"decision": "leave"})) == {}


def ask_frame(cookie: str, origin: str, message: object) -> str:
    """What the frame's script answers to a message, run by node."""
    stage = """
    const answers = []; let hear; const source = { postMessage: (text, to) => { answers.push([text, to]); } };
    globalThis.self = globalThis; globalThis.window = globalThis; globalThis.document = { cookie: INPUT.cookie };
    globalThis.addEventListener = (_, listener) => { hear = listener; };
    require("vm").runInThisContext(require("fs").readFileSync(INPUT.script, "utf8"));
    hear({ source, origin: INPUT.origin, data: INPUT.message }).then(() => console.log(JSON.stringify(answers)));
    """
    given = json.dumps({"cookie": cookie, "origin": origin, "message": message, "script": str(SCRIPT)})
    ran = subprocess.run(["node", "-e", f"const INPUT = {given};{stage}"], capture_output=True, text=True, timeout=30, check=True)
    [[answer, to]] = json.loads(ran.stdout)
    assert to == origin
    return str(answer)


@pytest.mark.rule("identity", "LO-11")
def test_the_frame_knows_the_sign_on_that_the_answer_told_of(house: House) -> None:
    browser = house.browser()
    answer = browser.sign_in(client_id="front")
    kept = browser.http.get_cookie("__Host-identity-state", domain="identity.example")
    assert kept is not None
    assert (kept.secure, kept.http_only, kept.same_site) == (True, False, "None")
    cookie, message = f"lang=es; __Host-identity-state={kept.value}", f"front {answer['session_state']}"
    assert ask_frame(cookie, "https://client.example", message) == "unchanged"
    assert ask_frame(cookie, "https://other.example", message) == "changed", "the page of another origin"
    assert ask_frame("lang=es", "https://client.example", message) == "changed", "signed out"
    for nonsense in ("front", "front x.y", "", 5, None, {"a": 1}):
        assert ask_frame(cookie, "https://client.example", nonsense) == "error"
    house.clock.advance(seconds=60)
    again = browser.sign_in(client_id="front", prompt="login")
    renewed = browser.http.get_cookie("__Host-identity-state", domain="identity.example")
    assert renewed is not None
    assert renewed.value != kept.value, "a new sign-in is a new state"
    assert again["session_state"] != answer["session_state"]
    browser.open("/openid/end-session")
    browser.send({"decision": "leave"})
    assert browser.http.get_cookie("__Host-identity-state", domain="identity.example") is None


@pytest.mark.rule("identity", "LO-11")
def test_the_state_is_the_hash_of_client_origin_mark_and_salt() -> None:
    import hashlib

    expected = hashlib.sha256(b"client https://rp.example mark salt").hexdigest() + ".salt"
    assert session_management.session_state("client", "https://rp.example", "mark", "salt") == expected
    assert "token" not in session_management.browser_state("token")


@pytest.mark.rule("identity", "LO-11")
def test_without_openid_there_is_no_session_state(house: House) -> None:
    assert "session_state" not in house.browser().sign_in(scope="profile")
    assert "session_state" in house.browser().sign_in(response_mode="query")
