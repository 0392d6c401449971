"""Signing out, at a client's wish and against it."""

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.factories.identity import ISSUER, PUBLIC_URL, RUN_TOTP, SIGNED_OUT, Browser, House, sent_to_client

STATE = "s" * 128


def signed_in(house: House) -> tuple[Browser, str]:
    browser = house.browser()
    return browser, str(house.token(house.code_form(browser.sign_in()["code"])).json["id_token"])


def is_signed_in(browser: Browser) -> bool:
    return "code" in sent_to_client(browser.authorize(prompt="none"))


@pytest.mark.rule("identity", "LO-1", "LO-2")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_hint_and_a_registered_address_end_the_session(house: House, method: str) -> None:
    browser, id_token = signed_in(house)
    values = {"id_token_hint": id_token, "post_logout_redirect_uri": SIGNED_OUT, "state": STATE, "client_id": "web"}
    house.clock.advance(seconds=600)
    if method == "GET":
        answer = browser.open("/openid/end-session", query_string=values)
    else:
        posted = house.client().post("/openid/end-session", data=values, base_url=PUBLIC_URL)
        answer = browser.open(posted.headers["Location"])
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{SIGNED_OUT}?state={STATE}"
    assert not is_signed_in(browser)


REFUSED = [
    ("address not registered", {"post_logout_redirect_uri": "https://evil.example/"}),
    ("query added", {"post_logout_redirect_uri": SIGNED_OUT + "?x=1"}),
    ("no hint", {"id_token_hint": None}),
    ("nonsense hint", {"id_token_hint": "a.b.c"}),
    ("unsigned hint", {"id_token_hint": "eyJhbGciOiJub25lIn0.e30."}),
    ("stranger's hint", {"id_token_hint": "stranger"}),
    ("other client", {"client_id": "web-two"}),
]


@pytest.mark.rule("identity", "LO-3")
def test_no_redirect_without_proof(house: House) -> None:
    browser, id_token = signed_in(house)
    forged = jwt.encode({"alg": "ES256", "kid": "x"}, {"iss": ISSUER, "aud": "web", "sub": "x"}, ECKey.generate_key("P-256"))
    for name, changes in REFUSED:
        given = {"id_token_hint": id_token, "post_logout_redirect_uri": SIGNED_OUT} | changes
        values = {key: forged if value == "stranger" else value for key, value in given.items() if value}
        answer = browser.open("/openid/end-session", query_string=values)
        assert answer.status_code == 400, name
        assert "Location" not in answer.headers, name
        assert is_signed_in(browser), name


@pytest.mark.rule("identity", "LO-4", "LO-5")
@pytest.mark.parametrize("values", [{}, {"state": "x"}, {"client_id": "web"}])
def test_without_a_hint_the_person_is_asked(house: House, values: dict[str, str]) -> None:
    browser, _ = signed_in(house)
    browser.open("/openid/end-session", query_string=values)
    assert is_signed_in(browser)
    browser.open("/openid/end-session", query_string=values)
    assert browser.send({"decision": "stay"}).status_code == 200
    assert is_signed_in(browser)
    browser.open("/openid/end-session", query_string=values)
    assert browser.send({"decision": "leave"}).status_code == 200
    assert not is_signed_in(browser)


@pytest.mark.rule("identity", "LO-6")
def test_a_hint_about_somebody_else_never_ends_a_session_silently(house: House) -> None:
    _, of_other = signed_in(house)
    browser = house.browser()
    browser.authorize()
    browser.log_in(RUN_TOTP)
    import pyotp

    from tests.factories.identity import TOTP_SECRET

    browser.send({"code": pyotp.TOTP(TOTP_SECRET).at(house.clock.now())})
    answer = browser.open("/openid/end-session", query_string={"id_token_hint": of_other, "post_logout_redirect_uri": SIGNED_OUT})
    assert answer.status_code == 200
    assert is_signed_in(browser)


@pytest.mark.rule("identity", "CU-34")
def test_the_address_of_clave_unica_redirects_to_registered_addresses_only(house: House) -> None:
    browser, _ = signed_in(house)
    path = "/api/v1/accounts/app/logout"
    assert browser.open(path, query_string={"redirect": "https://evil.example/"}).status_code == 400
    assert browser.open(path, query_string={"redirect": SIGNED_OUT}).status_code == 200, "asked: no proof who wants it"
    assert is_signed_in(browser)
    answer = browser.open(path, query_string={"redirect": SIGNED_OUT}, headers={"Referer": "https://client.example/account"})
    assert (answer.status_code, answer.headers["Location"]) == (303, SIGNED_OUT)
    assert not is_signed_in(browser)
