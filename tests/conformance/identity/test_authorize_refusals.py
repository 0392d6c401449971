"""Each way to ask wrongly, and what the client or the person is told."""

import pytest

from tests.factories.identity import CALLBACK, ISSUER, STATE, House, authorization, sent_to_client

TOLD_THE_CLIENT = [
    ("response_type missing", {"response_type": None}, "invalid_request"),
    ("response_type empty", {"response_type": ""}, "invalid_request"),
    ("response_type token", {"response_type": "token"}, "unsupported_response_type"),
    ("response_type hybrid", {"response_type": "code id_token"}, "unsupported_response_type"),
    ("response_type nonsense", {"response_type": "pizza"}, "unsupported_response_type"),
    ("response_mode fragment", {"response_mode": "fragment"}, "invalid_request"),
    ("response_mode nonsense", {"response_mode": "smoke"}, "invalid_request"),
    ("scope missing", {"scope": None}, "invalid_scope"),
    ("scope not granted", {"scope": "openid roles"}, "invalid_scope"),
    ("scope of unknown words", {"scope": "pizza"}, "invalid_scope"),
    ("scope malformed", {"scope": 'openid "x"'}, "invalid_request"),
    ("PKCE missing", {"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ("PKCE plain", {"code_challenge_method": "plain"}, "invalid_request"),
    ("PKCE without method", {"code_challenge_method": None}, "invalid_request"),
    ("PKCE short", {"code_challenge": "abc"}, "invalid_request"),
    ("PKCE long", {"code_challenge": "a" * 44}, "invalid_request"),
    ("nonce huge", {"nonce": "n" * 513}, "invalid_request"),
    ("state huge", {"state": "s" * 4097}, "invalid_request"),
    ("prompt unknown", {"prompt": "shout"}, "invalid_request"),
    ("prompt none with more", {"prompt": "none login"}, "invalid_request"),
    ("prompt none, nobody there", {"prompt": "none"}, "login_required"),
    ("max_age word", {"max_age": "soon"}, "invalid_request"),
    ("max_age negative", {"max_age": "-1"}, "invalid_request"),
    ("max_age other digits", {"max_age": "١٢"}, "invalid_request"),
    ("request object", {"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    ("request by reference", {"request_uri": "https://client.example/request"}, "request_uri_not_supported"),
    ("registration", {"registration": "{}"}, "registration_not_supported"),
    ("resource unknown", {"resource": "https://elsewhere.example"}, "invalid_target"),
]


@pytest.mark.rule(
    "identity", "AZ-5", "AZ-6", "AZ-7", "AZ-8", "AZ-9", "AZ-10", "AZ-12", "AZ-13", "AZ-17", "AZ-20", "AZ-21", "PK-2", "PK-3", "HT-2", "HT-5"
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_client_is_told(house: House, method: str) -> None:
    """One database for the whole table: each row is a request of its own and leaves nothing behind."""
    for name, changes, error in TOLD_THE_CLIENT:
        browser = house.browser()
        if method == "GET":
            answer = browser.authorize(**changes)
        else:
            answer = browser._follow(
                browser.http.post("/openid/authorize", data=authorization(**changes), base_url="https://identity.example")
            )
        sent = sent_to_client(answer)
        assert sent["error"] == error, name
        assert sent.get("state") == changes.get("state", STATE), name
        assert sent["iss"] == ISSUER, name
        assert set(sent) == {"error", "error_description", "state", "iss"}, name
        assert sent["error_description"].isascii(), name
        assert answer.headers["Location"].startswith(CALLBACK + "?"), name


TOLD_THE_PERSON = [
    ("client missing", {"client_id": None}),
    ("client empty", {"client_id": ""}),
    ("client unknown", {"client_id": "nobody"}),
    ("client of odd letters", {"client_id": "wéb\u202e"}),
    ("client huge", {"client_id": "x" * 4000}),
    ("client is a machine", {"client_id": "machine"}),
    ("redirect missing", {"redirect_uri": None}),
    ("redirect unknown", {"redirect_uri": "https://evil.example/callback"}),
    ("redirect with more path", {"redirect_uri": CALLBACK + "/more"}),
    ("redirect with a slash more", {"redirect_uri": CALLBACK + "/"}),
    ("redirect with other case", {"redirect_uri": "https://client.example/Callback"}),
    ("redirect with query added", {"redirect_uri": CALLBACK + "?b=2"}),
    ("redirect with query changed", {"redirect_uri": CALLBACK + "?a=2"}),
    ("redirect with query and more", {"redirect_uri": CALLBACK + "?a=1&b=2"}),
    ("redirect with fragment", {"redirect_uri": CALLBACK + "#x"}),
    ("redirect with user", {"redirect_uri": "https://client.example@evil.example/callback"}),
    ("redirect encoded", {"redirect_uri": "https://client.example/%63allback"}),
    ("redirect http", {"redirect_uri": "http://client.example/callback"}),
    ("redirect with port", {"redirect_uri": "https://client.example:443/callback"}),
]


@pytest.mark.rule("identity", "AZ-2", "AZ-3", "HT-11")
def test_an_unknown_client_or_address_is_a_page_and_never_a_redirect(house: House) -> None:
    for name, changes in TOLD_THE_PERSON:
        answer = house.browser().authorize(**changes)
        assert answer.status_code == 400, name
        assert "Location" not in answer.headers, name
        assert answer.mimetype == "text/html", name
        assert answer.headers["X-Request-Id"] in answer.get_data(as_text=True), name


@pytest.mark.rule("identity", "HT-1")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "nonce", "response_type", "code_challenge", "unknown"])
def test_a_parameter_sent_twice_is_a_page(house: House, name: str) -> None:
    values = {**authorization(), "unknown": "x"}
    pairs = [*values.items(), (name, values[name])]
    answer = house.client().get("/openid/authorize", query_string=pairs)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.rule("identity", "HT-3", "HT-10")
def test_unreadable_and_oversized_requests_are_refused(house: House) -> None:
    http = house.client()
    assert http.get("/openid/authorize?client_id=web&state=%FF").status_code == 400
    assert http.get("/openid/authorize?client_id=web%00").status_code == 400
    assert http.get("/openid/authorize?state=" + "s" * 9000).status_code == 413
    assert http.post("/openid/authorize", json=authorization()).status_code == 400
    assert http.post("/openid/authorize", data=authorization(state="s" * 70_000)).status_code == 413
    assert http.get("/openid/authorize?" + "&".join(f"p{n}=1" for n in range(65))).status_code == 400


@pytest.mark.rule("identity", "AZ-3")
def test_a_native_app_may_change_the_port_of_its_loopback_address_and_nothing_else(house: House) -> None:
    good = house.browser().authorize(client_id="app", redirect_uri="http://127.0.0.1:53211/cb", prompt="none")
    assert good.headers["Location"].startswith("http://127.0.0.1:53211/cb?")
    for other in ("http://127.0.0.1:53211/other", "http://localhost:4000/cb", "https://127.0.0.1:4000/cb", "http://[::1]:4000/cb"):
        assert house.browser().authorize(client_id="app", redirect_uri=other).status_code == 400, other
    own = house.browser().authorize(client_id="app", redirect_uri="cl.example.app:/cb", prompt="none")
    assert own.headers["Location"].startswith("cl.example.app:/cb?error=login_required")


@pytest.mark.rule("identity", "AZ-3", "AZ-6", "AZ-7")
@pytest.mark.parametrize("state", ["a b+c&d=e%f", "ñandú 🦤 \u202e", "x" * 4096, "'\"<script>", "a%2Bb"])
def test_state_comes_back_to_the_byte_beside_a_registered_query(house: House, state: str) -> None:
    sent = house.browser().sign_in(redirect_uri=CALLBACK + "?a=1", state=state, nonce="n" * 384)
    assert sent["state"] == state
    assert sent["a"] == "1"


@pytest.mark.rule("identity", "AZ-6")
def test_no_state_in_no_state_out(house: House) -> None:
    assert "state" not in house.browser().sign_in(state=None)


@pytest.mark.rule("identity", "AZ-15", "CU-32")
def test_hints_and_unknown_parameters_are_never_an_error(house: House) -> None:
    sent = house.browser().sign_in(login_hint="11.111.111-1", display="popup", ui_locales="arn es-CL xx", claims_locales="qu", pizza="yes")
    assert "code" in sent
