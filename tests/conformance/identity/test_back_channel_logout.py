"""Clients are told that a session is over: what the notice says, who gets it, and what happens when they do not take it."""

from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from identity.models.finders import find_credentials
from identity.models.person import PersonState
from identity.operations import people, register
from identity.standards import jose
from shared.http import OutboundFailed, OutboundRefused, OutboundTimeout, Reply
from shared.run import parse_run
from tests.factories.identity import RUN, SECRET, Browser, House, sent_to_client, web_client

NOTICE = "https://rp.example/backchannel"


class Client:
    """The client's own server: answers in turn, then 204."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        monkeypatch.setattr(house.identity.http, "request", self.request)

    def request(self, _method: str, url: str, **call: Any) -> Reply:
        self.calls.append((url, call))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, {}, b"anything")


@pytest.fixture
def signed_in(house: House) -> tuple[Browser, str, str]:
    """A browser that used one session for two clients of different sectors, and their ID tokens."""
    for client_id, sector in (("rp-one", "one.example"), ("rp-two", "two.example")):
        new = web_client(client_id=client_id, sector=sector, backchannel_logout_uri=f"{NOTICE}/{client_id}", id_token_alg="RS256")
        register.create_client(house.identity, new, actor="test", secret=SECRET)
    browser = house.browser()
    codes = [(client_id, browser.sign_in(client_id=client_id)["code"]) for client_id in ("rp-one", "rp-two")]
    tokens = [str(house.token(house.code_form(code, client_id=client_id)).json["id_token"]) for client_id, code in codes]
    return browser, tokens[0], tokens[1]


def claims_of(house: House, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


def notices(house: House, client_id: str) -> list[Any]:
    token = house.token(house.machine_form(scope="identity:register", resource="https://identity.example")).json["access_token"]
    answer = house.client().get(f"/register/v1/clients/{client_id}/logout-notices", headers={"Authorization": f"Bearer {token}"})
    return list(answer.json["notices"])


@pytest.mark.rule("identity", "LO-7", "LO-8", "§2.23")
def test_each_client_of_the_session_gets_its_own_notice(
    house: House, signed_in: tuple[Browser, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, one, two = signed_in
    receiver = Client(house, monkeypatch)
    browser.open("/openid/end-session", query_string={"id_token_hint": one})
    assert house.run_jobs() == 2
    assert [url for url, _ in receiver.calls] == [f"{NOTICE}/rp-one", f"{NOTICE}/rp-two"]
    for (_, call), client_id, id_token in zip(receiver.calls, ("rp-one", "rp-two"), (one, two), strict=True):
        assert list(call["data"]) == ["logout_token"]
        assert call["timeout_seconds"] == 5
        token, now = call["data"]["logout_token"], int(house.clock.now().timestamp())
        header, claims, told = jose.read_header(token), claims_of(house, token), claims_of(house, id_token)
        assert (header.typ, header.alg) == ("logout+jwt", "RS256")
        assert (claims["iss"], claims["aud"], claims["iat"], claims["exp"]) == (told["iss"], client_id, now, now + 120)
        assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
        assert (claims["sid"], claims["sub"]) == (told["sid"], told["sub"])
        assert claims["jti"]
        assert "nonce" not in claims
    assert claims_of(house, one)["sid"] != claims_of(house, two)["sid"], "two sectors cannot tell that they share a session"
    browser.open("/openid/end-session", query_string={"id_token_hint": one})
    assert house.run_jobs() == 0, "the session was over already"


@pytest.mark.rule("identity", "LO-8")
def test_three_tries_are_made_and_the_team_sees_each(
    house: House, signed_in: tuple[Browser, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, one, _ = signed_in
    Client(house, monkeypatch, 503, 204, OutboundTimeout("x"), OutboundFailed("x", sent=False))
    browser.open("/openid/end-session", query_string={"id_token_hint": one})
    runs = []
    for _ in range(4):
        runs.append(house.run_jobs())
        house.clock.advance(seconds=61)
    assert runs == [2, 1, 1, 0]
    (failed,), (delivered,) = notices(house, "rp-one"), notices(house, "rp-two")
    assert [one["outcome"] for one in failed["attempts"]] == ["503", "no answer in time", "no connection"]
    assert (failed["state"], delivered["state"]) == ("failed", "delivered")
    assert [core["data"]["outcome"] for core in house.audited("identity:logout-notice:failed")] == ["no connection"]


@pytest.mark.rule("identity", "LO-8", "CA-8")
@pytest.mark.parametrize(("answer", "outcome"), [(302, "302"), (400, "400"), (OutboundRefused("private"), "address not allowed")])
def test_only_200_and_204_are_success(
    house: House, signed_in: tuple[Browser, str, str], monkeypatch: pytest.MonkeyPatch, answer: int | Exception, outcome: str
) -> None:
    browser, one, _ = signed_in
    Client(house, monkeypatch, answer)
    browser.open("/openid/end-session", query_string={"id_token_hint": one})
    house.run_jobs()
    (notice,) = notices(house, "rp-one")
    assert (notice["state"], notice["attempts"][0]["outcome"]) == ("waiting", outcome)


@pytest.mark.rule("identity", "LO-9")
@pytest.mark.parametrize("state", [PersonState.SUSPENDED, PersonState.DECEASED])
def test_suspension_and_death_end_every_session(
    house: House, signed_in: tuple[Browser, str, str], monkeypatch: pytest.MonkeyPatch, state: PersonState
) -> None:
    receiver = Client(house, monkeypatch)
    with house.identity.reading() as tx:
        person = find_credentials(tx.connection, house.identity.cipher, parse_run(RUN))
    assert person is not None
    people.set_state(house.identity, person.person_id, state, actor="test")
    house.run_jobs()
    assert len(receiver.calls) == 2


@pytest.mark.rule("identity", "LO-10", "RT-10")
def test_what_the_session_carried_is_revoked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = house.browser()
    tokens = house.token(house.code_form(browser.sign_in()["code"])).json
    about = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert house.client().get("/openid/userinfo", headers=about).status_code == 200
    browser.open("/openid/end-session", query_string={"id_token_hint": tokens["id_token"]})
    assert house.client().get("/openid/userinfo", headers=about).status_code == 401


@pytest.mark.rule("identity", "LO-8", "AZ-11")
def test_signing_in_again_goes_on_with_the_session_and_tells_nobody(
    house: House, signed_in: tuple[Browser, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, one, _ = signed_in
    receiver = Client(house, monkeypatch)
    house.clock.advance(seconds=5)
    browser.authorize(client_id="rp-one", prompt="login")
    code = sent_to_client(browser.log_in())["code"]
    again = house.token(house.code_form(code, client_id="rp-one")).json["id_token"]
    assert house.run_jobs() == 0
    assert not receiver.calls
    assert claims_of(house, again)["sid"] == claims_of(house, one)["sid"]


@pytest.mark.rule("identity", "ID-1")
def test_clients_without_a_logout_address_get_no_sid(house: House) -> None:
    token = house.token(house.code_form(house.new_code())).json["id_token"]
    keys = KeySet.import_key_set(house.client().get("/openid/jwks").json)
    assert "sid" not in jwt.decode(token, keys, algorithms=["ES256"]).claims


@pytest.mark.rule("identity", "AZ-4")
def test_a_logout_address_follows_the_rules_of_redirect_addresses(house: House) -> None:
    with pytest.raises(register.InvalidClientMetadata):
        register.create_client(house.identity, web_client(client_id="x", backchannel_logout_uri="http://rp.example/"), actor="test")
