"""Refresh tokens: one chain a grant, no forks, whatever comes at the same time (RT-1…RT-10)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text
from werkzeug.test import TestResponse

from identity.models.history import What
from identity.operations import history, offline_use
from tests.conformance.identity.test_passkeys import enter
from tests.factories.identity import CALLBACK, PUBLIC_URL, RUN, SECRET, VERIFIER, House, words_of
from tests.factories.identity_protocol import ec_key, proof, refreshing_app, refreshing_web

THREADS = 50
TOKEN_URL = PUBLIC_URL + "/openid/token"


def begin(house: House, client_id: str, *, headers: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """Sign a person in and redeem the code."""
    browser = house.browser()
    answer = browser.authorize(client_id=client_id, **changes)
    answer = browser.log_in() if answer.status_code == 200 else answer
    if answer.status_code == 200:  # the consent page
        answer = browser.send({"decision": "grant"})
    code = answer.headers["Location"].split("code=")[1].split("&")[0]
    secret = SECRET if client_id.startswith("web") else None
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "client_id": client_id}
    reply = house.client().post("/openid/token", data=form | ({"client_secret": secret} if secret else {}), headers=headers or {})
    assert reply.status_code == 200, reply.json
    return dict(reply.json)


def refresh(house: House, token: str, client_id: str, *, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
    values = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id, **form}
    if client_id.startswith("web"):
        values.setdefault("client_secret", SECRET)
    return house.client().post("/openid/token", data=values, headers=headers or {})


def about(house: House, token: str) -> int:
    return house.client().get("/openid/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code


def claims_of(house: House, token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, KeySet.import_key_set(house.client().get("/openid/jwks").json), algorithms=["ES256"]).claims)


@pytest.mark.rule("identity", "RT-2", "RT-3", "RT-4", "RT-5")
def test_a_confidential_client_keeps_its_token(house: House) -> None:
    refreshing_web(house)
    first = begin(house, "web-refresh")
    house.clock.advance(seconds=30)
    again = refresh(house, first["refresh_token"], "web-refresh").json
    assert again["refresh_token"] == first["refresh_token"]
    assert about(house, again["access_token"]) == 200
    before, after = claims_of(house, first["id_token"]), claims_of(house, again["id_token"])
    assert {name: before[name] for name in ("iss", "sub", "aud", "auth_time")} == {n: after[n] for n in ("iss", "sub", "aud", "auth_time")}
    assert after["iat"] == before["iat"] + 30
    assert "nonce" not in after
    narrow = refresh(house, first["refresh_token"], "web-refresh", scope="openid email").json
    assert narrow["scope"] == "openid email"
    whole = refresh(house, first["refresh_token"], "web-refresh").json
    assert whole["scope"] == "openid profile email run", "shrinking affects that access token only"
    assert refresh(house, first["refresh_token"], "web-refresh", scope="openid phone").json["error"] == "invalid_scope"
    assert refresh(house, first["refresh_token"], "web-refresh", resource="https://notify.example").json["error"] == "invalid_target"


@pytest.mark.rule("identity", "RT-2", "TK-1")
def test_whose_token_it_is(house: House) -> None:
    refreshing_web(house)
    refreshing_web(house, "web-other", sector="other.example")
    token = begin(house, "web-refresh")["refresh_token"]
    refused = {
        "another client": refresh(house, token, "web-other"),
        "no proof": refresh(house, token, "web-refresh", client_secret="wrong"),
        "unknown": refresh(house, "x" * 43, "web-refresh"),
        "missing": refresh(house, "", "web-refresh"),
        "not allowed": refresh(house, token, "web"),
        "huge": refresh(house, "x" * 60_000, "web-refresh"),
    }
    assert {name: (a.status_code, a.json["error"]) for name, a in refused.items()} == {
        "another client": (400, "invalid_grant"),
        "no proof": (401, "invalid_client"),
        "unknown": (400, "invalid_grant"),
        "missing": (400, "invalid_request"),
        "not allowed": (400, "unauthorized_client"),
        "huge": (400, "invalid_grant"),
    }
    assert refresh(house, token, "web-refresh").status_code == 200


@pytest.mark.rule("identity", "RT-6", "RT-9")
@pytest.mark.parametrize("seconds", [0, 31])
def test_reuse_ends_the_whole_family(house: House, seconds: int) -> None:
    refreshing_app(house)
    first = begin(house, "app-refresh")
    second = refresh(house, first["refresh_token"], "app-refresh").json
    third = refresh(house, second["refresh_token"], "app-refresh").json
    house.clock.advance(seconds=seconds)
    assert refresh(house, first["refresh_token"], "app-refresh").json["error"] == "invalid_grant"
    assert refresh(house, third["refresh_token"], "app-refresh").json["error"] == "invalid_grant"
    assert [about(house, each["access_token"]) for each in (first, second, third)] == [401, 401, 401]
    assert len(house.audited("identity:refresh-token:reused")) == 1


@pytest.mark.rule("identity", "RT-7")
def test_a_lost_answer_is_given_again_without_a_fork(house: House) -> None:
    refreshing_app(house)
    first = begin(house, "app-refresh")["refresh_token"]
    answers = []
    for seconds in (0, 10, 20):
        house.clock.advance(seconds=seconds and 10)
        answers.append(refresh(house, first, "app-refresh").json)
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert answers[0]["refresh_token"] != first
    house.clock.advance(seconds=11)
    assert refresh(house, first, "app-refresh").json["error"] == "invalid_grant", "the window is thirty seconds from the first use"
    assert refresh(house, answers[0]["refresh_token"], "app-refresh").json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "RT-8", "RT-7")
def test_fifty_parallel_refreshes_make_exactly_one_generation(house: House) -> None:
    refreshing_app(house)
    token = begin(house, "app-refresh")["refresh_token"]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: refresh(house, token, "app-refresh"), range(THREADS)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    with house.identity.db.engine.connect() as connection:
        rows = connection.execute(text("SELECT generation, consumed_at IS NOT NULL AS used FROM refresh_tokens ORDER BY 1")).all()
    assert [tuple(row) for row in rows] == [(0, True), (1, False)]


@pytest.mark.rule("identity", "RT-8", "RV-2")
@pytest.mark.parametrize("policy", ["app", "web"])
def test_refreshes_that_race_with_a_revocation_leave_nothing_alive(house: House, policy: str) -> None:
    (refreshing_app if policy == "app" else refreshing_web)(house)
    client_id = f"{policy}-refresh"
    token = begin(house, client_id)["refresh_token"]
    form = {"token": token, "client_id": client_id, **({"client_secret": SECRET} if policy == "web" else {})}

    def act(number: int) -> dict[str, Any]:
        if number == 7:
            assert house.client().post("/openid/revoke", data=form).status_code == 200
            return {}
        return dict(refresh(house, token, client_id).json)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(act, range(16)))
    for answer in answers:
        if "access_token" in answer:
            assert about(house, answer["access_token"]) == 401
            assert refresh(house, answer["refresh_token"], client_id).json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "RT-6", "RT-7", "RT-8")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 29, 30, 31])), max_size=8))
def test_no_order_of_uses_leaves_two_live_tokens(house: House, steps: list[tuple[int, int]]) -> None:
    """Any holder of any generation may come at any time: at most one token that was not used yet stays alive."""
    if house.identity.clients.find("app-refresh") is None:
        refreshing_app(house)
    known = [begin(house, "app-refresh")["refresh_token"]]
    for place, seconds in steps:
        house.clock.advance(seconds=seconds)
        answer = refresh(house, known[min(place, len(known) - 1)], "app-refresh").json
        if "refresh_token" in answer and answer["refresh_token"] not in known:
            known.append(answer["refresh_token"])
    with house.identity.db.engine.connect() as connection:
        forks = connection.execute(
            text("SELECT count(*) FROM refresh_tokens WHERE consumed_at IS NULL GROUP BY grant_id HAVING count(*) > 1")
        ).all()
    assert forks == []


@pytest.mark.rule("identity", "RT-1", "RT-2", "DP-7", "DP-8")
def test_a_public_clients_token_stays_bound_to_its_key(house: House) -> None:
    refreshing_app(house)
    first = begin(house, "app-refresh", headers={"DPoP": proof(house, TOKEN_URL)})
    assert first["token_type"] == "DPoP"
    token = first["refresh_token"]
    bare = refresh(house, token, "app-refresh")
    other = refresh(house, token, "app-refresh", headers={"DPoP": proof(house, TOKEN_URL, key=ec_key(78))})
    assert (bare.status_code, bare.json["error"]) == (400, "invalid_dpop_proof")
    assert (other.status_code, other.json["error"]) == (400, "invalid_grant")
    good = refresh(house, token, "app-refresh", headers={"DPoP": proof(house, TOKEN_URL)})
    assert good.json["token_type"] == "DPoP"


@pytest.mark.rule("identity", "RT-1", "RT-10")
def test_how_long_a_token_lasts(house: House) -> None:
    refreshing_web(house)
    kept = begin(house, "web-refresh", scope="openid offline_access")["refresh_token"]
    bound = begin(house, "web-refresh")["refresh_token"]
    house.clock.advance(seconds=13 * 3600)
    assert refresh(house, bound, "web-refresh").json["error"] == "invalid_grant", "the sign-on session is over"
    days = 0
    while refresh(house, kept, "web-refresh").status_code == 200:
        house.clock.advance(seconds=10 * 86_400)
        days += 10
    assert days == 90, "used every ten days it ends with its absolute life"
    idle = begin(house, "web-refresh", scope="openid offline_access")["refresh_token"]
    house.clock.advance(seconds=14 * 86_400)
    assert refresh(house, idle, "web-refresh").json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "AZ-18")
def test_offline_access_is_shown_and_ignored_where_it_cannot_be(house: House) -> None:
    refreshing_web(house)
    browser = house.browser()
    browser.authorize(client_id="web-refresh", scope="openid offline_access")
    assert "90" in browser.log_in().get_data(as_text=True), "the consent page says for how long"
    browser.send({"decision": "grant"})
    again = browser.authorize(client_id="web-refresh", scope="openid offline_access", prompt="none")
    assert "code=" in again.headers["Location"]
    assert "code" in house.browser().sign_in(scope="openid offline_access"), "a client that may not refresh is not asked"


@pytest.mark.rule("identity", "RT-10", "LO-10", "UI-7")
def test_logout_and_closing_an_account_end_refreshing(house: House) -> None:
    from identity.models.finders import find_credentials
    from identity.models.person import PersonState
    from identity.operations.people import set_state
    from shared.run import parse_run

    refreshing_web(house)
    first = begin(house, "web-refresh", scope="openid offline_access")["refresh_token"]
    with house.identity.reading() as tx:
        person = find_credentials(tx.connection, house.identity.cipher, parse_run(RUN))
    assert person is not None
    set_state(house.identity, person.person_id, PersonState.SUSPENDED, actor="test")
    assert refresh(house, first, "web-refresh").json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "RT-1", "RT-10", "LO-10")
def test_what_was_agreed_for_later_outlives_the_logout_and_not_the_closing_of_everything(house: House) -> None:
    from identity.models.finders import find_credentials
    from identity.operations.logout import sign_out
    from identity.operations.security import close_elsewhere
    from identity.operations.sessions import find_session
    from shared.run import parse_run

    refreshing_web(house)
    browser = house.browser()
    tokens = {}
    for scope in ("openid", "openid offline_access"):
        answer = browser.authorize(client_id="web-refresh", scope=scope)
        answer = browser.log_in() if "password" in answer.get_data(as_text=True) else answer
        answer = browser.send({"decision": "grant"}) if answer.status_code == 200 else answer
        code = answer.headers["Location"].split("code=")[1].split("&")[0]
        form = house.code_form(code, client_id="web-refresh")
        tokens[scope] = house.token(form).json["refresh_token"]
    with house.identity.reading() as tx:
        cookie = next(each.value for each in browser.http._cookies.values() if each.key.endswith("identity-sso"))
        session = find_session(house.identity, tx.connection, cookie)
        person = find_credentials(tx.connection, house.identity.cipher, parse_run(RUN))
    assert person is not None
    sign_out(house.identity, session)
    assert refresh(house, tokens["openid"], "web-refresh").json["error"] == "invalid_grant"
    assert refresh(house, tokens["openid offline_access"], "web-refresh").status_code == 200
    close_elsewhere(house.identity, person.person_id, only_id=None, present=None)
    assert refresh(house, tokens["openid offline_access"], "web-refresh").json["error"] == "invalid_grant"


def test_no_refresh_token_stands_in_the_database(house: House) -> None:
    refreshing_app(house)
    first = begin(house, "app-refresh")["refresh_token"]
    second = refresh(house, first, "app-refresh").json["refresh_token"]
    assert len(first) == len(second) == 43
    with house.identity.db.engine.connect() as connection:
        dump = str(connection.execute(text("SELECT t::text FROM refresh_tokens t")).all())
    assert first not in dump
    assert second not in dump


@pytest.mark.rule("identity", "§3.10")
def test_a_person_reads_once_a_day_how_often_a_service_came_while_they_were_away(house: House) -> None:
    refreshing_web(house)
    person = house.person_id(RUN)
    first = begin(house, "web-refresh", scope="openid offline_access")
    online = begin(house, "web-refresh", scope="openid")
    for _ in range(3):
        house.clock.advance(seconds=60)
        assert refresh(house, first["refresh_token"], "web-refresh").status_code == 200
    assert refresh(house, online["refresh_token"], "web-refresh").status_code == 200
    assert offline_use.summarise(house.identity) == 0, "the day is not over"
    house.clock.advance(seconds=16 * 3_600)
    assert offline_use.summarise(house.identity) == 1
    assert offline_use.summarise(house.identity) == 0, "told once"
    (row,) = history.read(house.identity, person, what=[What.RENEWED])
    assert (row.details["service"], row.details["times"], row.details["day"]) == ("Servicio Uno", "3", "2026-06-08")
    browser = enter(house)
    assert "3 veces el 2026-06-08" in words_of(browser.open("/account/history"))
    house.clock.advance(seconds=86_400)
    assert offline_use.summarise(house.identity) == 0, "nothing happened on the next day"
