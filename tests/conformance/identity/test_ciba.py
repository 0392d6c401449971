"""An agent asks, the citizen answers on their own device: CIBA, with poll and ping and a number that is read out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from werkzeug.test import TestResponse

from identity.operations import ciba as operations
from identity.operations import register
from identity.operations.client_rules import NewClient
from identity.standards import ciba, jose
from shared.clock import FixedClock
from shared.http import OutboundTimeout, Reply
from tests.factories.identity import ISSUER, PASSWORD, RUN, Browser, House, web_client, words_of
from tests.factories.identity_protocol import Strict, ec_key, public

PING = "https://channel.example/ping"
FREE_RUN = "33333333-3"
KEY = ec_key(41)


def channel(client_id: str, **changes: Any) -> NewClient:
    """A client of policy channel."""
    jwks = {"keys": [public(KEY)]}
    new = NewClient(client_id=client_id, service_id="service-one", name=client_id, policy="channel", jwks=jwks, sector=client_id)
    return replace(new, **{"scopes": ("openid", "profile", "run"), "request_object_alg": "ES256", **changes})


@pytest.fixture
def call_centre(house: House) -> House:
    """An identity with channels: one that polls, one that is pinged, one that may ask whether somebody exists."""
    for number in range(4):
        register.create_client(house.identity, channel(f"poll-{number}"), actor="test")
    register.create_client(house.identity, channel("ping", notification_uri=PING), actor="test")
    register.create_client(house.identity, channel("knows", scopes=("openid", operations.ENUMERATE)), actor="test")
    return house


def request_object(house: House, client_id: str, *, header: dict[str, Any] | None = None, key: Any = KEY, **changes: Any) -> str:
    now = int(house.clock.now().timestamp())
    claims = {"iss": client_id, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 300, "jti": house.identity.ids.token(16)}
    claims |= {"scope": "openid profile run", "login_hint": RUN, "binding_message": "Caso 4711", **changes}
    given = {"alg": "ES256", "kid": KEY.kid, **(header or {})}
    return jwt.encode(given, {name: value for name, value in claims.items() if value is not None}, key, algorithms=[given["alg"]])


def ask(house: House, client_id: str = "poll-0", *, token: str | None = None, **changes: Any) -> TestResponse:
    caller = Strict(house, client_id, key=KEY)
    form = caller.authenticated(request=token or request_object(house, client_id, **changes))
    return house.client().post("/openid/bc-authorize", data=form)


def poll(house: House, code: str, client_id: str = "poll-0") -> TestResponse:
    caller = Strict(house, client_id, key=KEY)
    form = caller.authenticated(grant_type=ciba.GRANT_TYPE, auth_req_id=code)
    return house.client().post("/openid/token", data=form, headers={"DPoP": caller.dpop("/openid/token")})


def open_question(house: House) -> Browser:
    """Sign in and open the first request that waits."""
    browser = house.browser()
    browser.open("/account/requests")
    browser.send({"run": RUN, "password": PASSWORD})
    assert browser.page is not None
    from bs4 import BeautifulSoup

    link = BeautifulSoup(browser.page.get_data(as_text=True), "html.parser").select_one("main li a")
    assert link is not None, words_of(browser.page)
    browser.open(str(link["href"]))
    return browser


def answer(house: House, decision: str, **values: str) -> TestResponse:
    return open_question(house).send({"decision": decision, **values})


@pytest.mark.rule("identity", "CB-1", "CB-3", "CB-4", "CB-6", "CB-7", "CB-9")
def test_the_citizen_types_the_number_that_the_agent_reads_out(call_centre: House) -> None:
    asked = ask(call_centre)
    assert asked.status_code == 200, asked.json
    body = asked.json
    assert (body["expires_in"], body["interval"]) == (120, 5)
    assert len(body["auth_req_id"]) >= 43
    assert poll(call_centre, body["auth_req_id"]).json["error"] == "authorization_pending"
    browser = open_question(call_centre)
    assert browser.page is not None
    words = words_of(browser.page)
    assert all(part in words for part in ("Servicio Uno", "org-one", "Caso 4711", "Camila Andrea Soto Pérez"))
    browser.send({"decision": "grant", "match_code": body["match_code"]})
    call_centre.clock.advance(seconds=6)
    tokens = poll(call_centre, body["auth_req_id"])
    assert tokens.status_code == 200, tokens.json
    assert tokens.json["token_type"] == "DPoP"
    assert jose.read_claim(tokens.json["id_token"], "urn:openid:params:jwt:claim:auth_req_id") == body["auth_req_id"]
    assert jose.read_claim(tokens.json["id_token"], "c_hash") is None
    assert "refresh_token" not in tokens.json
    assert poll(call_centre, body["auth_req_id"]).json["error"] == "invalid_grant"


@pytest.mark.rule("identity", "CB-9")
def test_a_wrong_number_ends_the_request(call_centre: House) -> None:
    body = ask(call_centre).json
    wrong = f"{(int(body['match_code']) + 1) % 100:02}"
    assert "El número no era correcto" in words_of(answer(call_centre, "grant", match_code=wrong))
    assert poll(call_centre, body["auth_req_id"]).json["error"] == "access_denied"


@pytest.mark.rule("identity", "CB-9")
def test_without_a_number_the_person_is_asked_for_it(call_centre: House) -> None:
    body = ask(call_centre).json
    assert answer(call_centre, "grant").status_code == 400
    assert poll(call_centre, body["auth_req_id"]).json["error"] == "authorization_pending"


@pytest.mark.rule("identity", "CB-9")
def test_nobody_else_sees_the_request(call_centre: House) -> None:
    ask(call_centre)
    request_id = operations.waiting_for(call_centre.identity, person_of(call_centre))[0]
    browser = call_centre.browser()
    browser.authorize(scope="openid")
    browser.log_in("22222222-2")
    assert browser.open(f"/account/requests/{request_id}").status_code != 200 or "Caso 4711" not in words_of(browser.page)  # type: ignore[arg-type]


def person_of(house: House, run: str = RUN) -> Any:
    from identity.models.finders import find_credentials
    from shared.run import parse_run

    with house.identity.reading() as tx:
        found = find_credentials(tx.connection, house.identity.cipher, parse_run(run))
    assert found is not None
    return found.person_id


BAD_OBJECTS: list[tuple[str, dict[str, Any]]] = [
    *((f"no {name}", {name: None}) for name in ciba.NEEDED),
    ("another issuer", {"iss": "poll-1"}),
    ("another audience", {"aud": "https://other.example"}),
    ("over 70 minutes", {"exp": 1_900_000_000}),
    ("expired", {"exp": 1_000}),
    ("from the future", {"nbf": 1_900_000_000}),
    ("old", {"nbf": 1_000}),
    ("another's key", {"key": ec_key(42)}),
    ("a jti that is no text", {"jti": 7}),
]


@pytest.mark.rule("identity", "CB-1")
def test_signed_requests_that_are_refused(call_centre: House) -> None:
    for name, changes in BAD_OBJECTS:
        refused = ask(call_centre, **changes)
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_request_object"), name


@pytest.mark.rule("identity", "CB-1")
def test_a_request_is_signed_and_used_once(call_centre: House) -> None:
    assert ask(call_centre, token="eyJhbGciOiJub25lIn0.e30.").json["error"] == "invalid_request_object"
    caller = Strict(call_centre, "poll-0", key=KEY)
    plain = caller.authenticated(scope="openid", login_hint=RUN)
    assert call_centre.client().post("/openid/bc-authorize", data=plain).json["error"] == "invalid_request"
    token = request_object(call_centre, "poll-0")
    assert ask(call_centre, token=token).status_code == 200
    assert ask(call_centre, token=token).status_code in {400, 401}


HINTS = [
    {"login_hint": None},
    {"id_token_hint": "a.b.c"},
    {"login_hint": None, "id_token_hint": "a.b.c"},
    {"login_hint": None, "login_hint_token": "a.b.c"},
    {"login_hint": "nobody"},
    {"scope": "profile"},
    {"scope": None},
    {"requested_expiry": "soon"},
    {"requested_expiry": "-1"},
    {"requested_expiry": 0},
]


@pytest.mark.rule("identity", "CB-2", "CB-3")
def test_one_hint_and_the_scope_openid(call_centre: House) -> None:
    for changes in HINTS:
        assert ask(call_centre, **changes).json["error"] in {"invalid_request", "invalid_scope"}, changes


@pytest.mark.rule("identity", "CB-3")
def test_the_words_that_both_sides_see_are_short_and_plain(call_centre: House) -> None:
    for message in ("x" * 61, "line\nbreak", "\u202e"):
        assert ask(call_centre, binding_message=message).json["error"] == "invalid_binding_message"
    assert ask(call_centre, binding_message="ñ" * 60, requested_expiry=9_999).json["expires_in"] == 600


@pytest.mark.rule("identity", "CB-2")
def test_an_id_token_names_the_person_too(call_centre: House) -> None:
    id_token = call_centre.token(call_centre.code_form(call_centre.new_code())).json["id_token"]
    asked = ask(call_centre, login_hint=None, id_token_hint=id_token)
    assert asked.status_code == 200, asked.json
    assert operations.waiting_for(call_centre.identity, person_of(call_centre))


@pytest.mark.rule("identity", "CB-8")
def test_who_has_no_account_looks_like_everybody(call_centre: House) -> None:
    nobody, somebody = ask(call_centre, login_hint=FREE_RUN), ask(call_centre, "poll-1")
    assert nobody.status_code == somebody.status_code == 200
    assert set(nobody.json) == set(somebody.json)
    assert poll(call_centre, nobody.json["auth_req_id"]).json["error"] == "authorization_pending"
    again = ask(call_centre, login_hint=FREE_RUN)
    assert again.status_code == ask(call_centre, "poll-1").status_code == 429, "limits are the same too"
    call_centre.clock.advance(seconds=121)
    assert poll(call_centre, nobody.json["auth_req_id"]).json["error"] == "expired_token"
    assert ask(call_centre, "knows", scope="openid", login_hint=FREE_RUN).json["error"] == "unknown_user_id"


@pytest.mark.rule("identity", "CB-9")
def test_one_open_request_a_client_and_three_a_person(call_centre: House) -> None:
    statuses = [ask(call_centre, f"poll-{number}").status_code for number in (0, 0, 1, 2, 3)]
    assert statuses == [200, 429, 200, 200, 429]
    call_centre.clock.advance(seconds=121)
    assert ask(call_centre, "poll-3").status_code == 200


@pytest.mark.rule("identity", "CB-10")
def test_two_refusals_in_an_hour_block_the_client_for_a_day(call_centre: House) -> None:
    for decision in ("refuse", "not_me"):
        assert ask(call_centre).status_code == 200
        answer(call_centre, decision)
        call_centre.clock.advance(seconds=60)
    blocked = ask(call_centre)
    assert (blocked.status_code, blocked.json["error"]) == (400, "access_denied")
    assert len(call_centre.audited("identity:remote-request:blocked")) == 1
    assert ask(call_centre, "poll-1").status_code == 200, "others may still ask"
    call_centre.clock.advance(seconds=24 * 3600)
    assert ask(call_centre).status_code == 200


class Channel:
    """The client's notification endpoint: answers in turn, then 204."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch, *answers: int | Exception) -> None:
        self.answers, self.calls = list(answers), list[tuple[str, Mapping[str, Any]]]()
        monkeypatch.setattr(house.identity.http, "request", self.request)

    def request(self, _method: str, url: str, **call: Any) -> Reply:
        self.calls.append((url, call))
        given = self.answers.pop(0) if self.answers else 204
        if isinstance(given, Exception):
            raise given
        return Reply(given, {}, b"anything at all")


def run_pings(house: House) -> int:
    """Run what is due until nothing is, over the time in which pings are tried again."""
    ran = 0
    for _ in range(5):
        ran += house.run_jobs()
        assert isinstance(house.clock, FixedClock)
        house.clock.advance(seconds=3)
    return ran


@pytest.mark.rule("identity", "CB-5")
@pytest.mark.parametrize("answers", [(204,), (401,), (403,), (302,), (500, 200), (OutboundTimeout("x"), 204)], ids=str)
def test_a_ping_carries_the_id_and_nothing_else(call_centre: House, monkeypatch: pytest.MonkeyPatch, answers: tuple[Any, ...]) -> None:
    body = ask(call_centre, "ping", client_notification_token="notify-me-0123456789").json
    receiver = Channel(call_centre, monkeypatch, *answers)
    answer(call_centre, "grant", match_code=body["match_code"])
    run_pings(call_centre)
    pings = [call for call in receiver.calls if call[0] == PING]
    assert len(pings) == len(answers)
    for _, call in pings:
        assert call["json"] == {"auth_req_id": body["auth_req_id"]}
        assert call["headers"] == {"Authorization": "Bearer notify-me-0123456789"}
    assert poll(call_centre, body["auth_req_id"], "ping").status_code == 200


@pytest.mark.rule("identity", "CB-5")
def test_pings_end(call_centre: House, monkeypatch: pytest.MonkeyPatch) -> None:
    body = ask(call_centre, "ping", client_notification_token="notify-me-0123456789").json
    receiver = Channel(call_centre, monkeypatch, *[503] * 20)
    answer(call_centre, "grant", match_code=body["match_code"])
    run_pings(call_centre)
    assert len([call for call in receiver.calls if call[0] == PING]) == 3


@pytest.mark.rule("identity", "CB-5")
def test_who_is_pinged_gives_a_token_for_it(call_centre: House) -> None:
    assert ask(call_centre, "ping").json["error"] == "invalid_request"
    assert ask(call_centre, "ping", client_notification_token="two words").json["error"] == "invalid_request"


@pytest.mark.rule("identity", "CB-6")
def test_a_request_is_of_one_client(call_centre: House) -> None:
    body = ask(call_centre).json
    answer(call_centre, "grant", match_code=body["match_code"])
    assert poll(call_centre, body["auth_req_id"], "poll-1").json["error"] == "invalid_grant"
    assert poll(call_centre, body["auth_req_id"]).status_code == 200


@pytest.mark.rule("identity", "CB-9")
def test_the_person_is_told_through_the_outbox(call_centre: House) -> None:
    from sqlalchemy import text

    ask(call_centre)
    with call_centre.identity.db.engine.connect() as connection:
        jobs = list(connection.execute(text("SELECT job FROM outbox WHERE job = 'send_notice'")).scalars())
    assert jobs


@pytest.mark.rule("identity", "CB-1", "§2.0")
def test_only_channels_may_ask(call_centre: House) -> None:
    with pytest.raises(register.InvalidClientMetadata):
        register.create_client(call_centre.identity, web_client(client_id="x", grant_types=(ciba.GRANT_TYPE,)), actor="test")
    form = call_centre.machine_form(request="x")
    assert call_centre.client().post("/openid/bc-authorize", data=form).json["error"] == "unauthorized_client"


@pytest.mark.rule("identity", "§2.26", "CB-3")
def test_an_agent_may_ask_by_vector(call_centre: House) -> None:
    assert ask(call_centre, vtr='["X"]').json["error"] == "invalid_request"
    assert ask(call_centre, vtr='["P0"]', acr_values="urn:andamio:acr:1").json["error"] == "invalid_request"
    begun = ask(call_centre, vtr='["P0.Ca"]').json
    open_question(call_centre).send({"decision": "grant", "match_code": begun["match_code"]})
    call_centre.clock.advance(seconds=6)
    assert jose.read_claim(poll(call_centre, begun["auth_req_id"]).json["id_token"], "vot") == "P0.Ca"
    higher = ask(call_centre, "poll-1", vtr='["P0.Cb"]').json
    assert "auth_req_id" in higher
    assert "conocerle mejor" in words_of(open_question(call_centre).page) or "known better" in words_of(open_question(call_centre).page)
    assert poll(call_centre, higher["auth_req_id"], "poll-1").json["error"] == "access_denied"
