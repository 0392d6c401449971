"""Passkeys: added with a fresh sign-in, used without a RUN, and refused when anything does not fit (§3.3)."""

import json

import pytest
from sqlalchemy import select

from identity.models.finders import PASSKEYS
from identity.standards.acr import PHISHING_RESISTANT, TWO_FACTORS
from tests.conformance.identity.test_login import acr_of, code_now
from tests.factories.authenticator import BACKED_UP, VERIFIED, Authenticator, options_of
from tests.factories.identity import PUBLIC_URL, RUN, RUN_TOTP, Browser, House, sent_to_client


def enter(house: House, run: str = RUN) -> Browser:
    """A browser that is signed in to the account."""
    browser = house.browser()
    browser.open("/account")
    browser.log_in(run)
    if run == RUN_TOTP:
        browser.send({"code": code_now(house)})
    return browser


def add_passkey(browser: Browser, key: Authenticator, **values: str) -> None:
    page = browser.open("/account/security/passkey")
    answer = browser.send({"credential": key.create(options_of(page)), "name": "Teléfono", **values})
    assert answer.status_code == 200, answer.get_data(as_text=True)[:3000]


def use(browser: Browser, credential: str) -> None:
    """Send the form of the passkey, wherever it stands on the page."""
    assert browser.page is not None
    path = browser.page.get_data(as_text=True).split('data-passkey="')[0].rpartition('action="')[2].split('"')[0]
    token = browser.page.get_data(as_text=True).split('name="csrf_token" value="')[1].split('"')[0]
    browser.page = browser._follow(browser.http.post(path, data={"credential": credential, "csrf_token": token}, base_url=browser.origin))


@pytest.fixture
def key() -> Authenticator:
    return Authenticator(PUBLIC_URL)


@pytest.mark.rule("identity", "WA-2", "WA-3", "WA-4", "WA-7")
def test_a_passkey_signs_in_without_a_run_and_reaches_the_highest_level(house: House, key: Authenticator) -> None:
    add_passkey(enter(house), key)
    browser = house.browser()
    page = browser.authorize()
    options = options_of(page)
    assert not options.get("allowCredentials"), "nothing is told about anybody"
    assert RUN not in page.get_data(as_text=True)
    use(browser, key.get(options))
    assert browser.page is not None
    acr, amr = acr_of(house, sent_to_client(browser.page)["code"])
    assert (acr, amr) == (PHISHING_RESISTANT, ["hwk", "user"])


@pytest.mark.rule("identity", "WA-2")
def test_the_handle_is_random_and_nothing_of_the_run(house: House, key: Authenticator) -> None:
    browser = enter(house)
    options = options_of(browser.open("/account/security/passkey"))
    handle = options["user"]["id"]
    assert len(handle) >= 80
    assert RUN not in json.dumps(options)
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"] == {
        "residentKey": "preferred",
        "requireResidentKey": False,
        "userVerification": "required",
    }
    assert {param["alg"] for param in options["pubKeyCredParams"]} == {-7, -8, -257}
    add_passkey(browser, key)
    again = options_of(browser.open("/account/security/passkey"))
    assert again["user"]["id"] == handle
    assert len(again["excludeCredentials"]) == 1


@pytest.mark.rule("identity", "WA-6")
def test_a_synced_passkey_is_told_as_such(house: House) -> None:
    key = Authenticator(PUBLIC_URL, flags=VERIFIED | BACKED_UP)
    add_passkey(enter(house), key)
    browser = house.browser()
    use(browser, key.get(options_of(browser.authorize())))
    assert browser.page is not None
    assert acr_of(house, sent_to_client(browser.page)["code"]) == (PHISHING_RESISTANT, ["swk", "user"])


@pytest.mark.rule("identity", "WA-1", "WA-3")
@pytest.mark.parametrize("wrong", ["origin", "type", "challenge", "used", "old", "unverified", "other-key", "not-json", "suspended"])
def test_what_does_not_fit_signs_nobody_in(house: House, key: Authenticator, wrong: str) -> None:
    add_passkey(enter(house), key)
    browser = house.browser()
    options = options_of(browser.authorize())
    changes = {
        "origin": {"origin": "https://identity.example.evil.example"},
        "type": {"type": "webauthn.create"},
        "challenge": {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    }.get(wrong, {})
    if wrong == "unverified":
        key.flags = 0
    if wrong == "other-key":
        stranger = Authenticator(PUBLIC_URL)
        stranger.device.cred_init("identity.example", b"x" * 64)
        stranger.device.credential_id = key.device.credential_id
        key = stranger
    credential = "{" if wrong == "not-json" else key.get(options, **changes)
    if wrong == "old":
        house.clock.advance(seconds=301)
    if wrong == "suspended":
        from sqlalchemy import update

        from identity.models.finders import PERSONS

        with house.identity.db.begin() as connection:
            connection.execute(update(PERSONS).values(state="suspended"))
    if wrong == "used":
        other = house.browser()
        other.http = browser.http
        other.page = browser.page
        use(other, credential)
        house.clock.advance(seconds=1)
        browser.authorize(prompt="login")
    use(browser, credential)
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert house.audited("identity:login:failed")[-1]["data"]["factor"] == "passkey"


@pytest.mark.rule("identity", "WA-3")
def test_a_count_that_goes_back_is_told_and_locks_nobody_out(house: House, key: Authenticator) -> None:
    add_passkey(enter(house), key)
    for count in (10, 3):
        key.device.sign_count = count
        browser = house.browser()
        use(browser, key.get(options_of(browser.authorize())))
        assert browser.page is not None
        assert "code" in sent_to_client(browser.page)
    assert len(house.audited("identity:passkey:count-went-back")) == 1
    with house.identity.reading() as tx:
        assert tx.connection.execute(select(PASSKEYS.c.sign_count)).scalar_one() == 11
    assert "sign-count" in house.notices()


@pytest.mark.rule("identity", "LK-2")
def test_a_passkey_works_while_the_password_waits(house: House, key: Authenticator) -> None:
    add_passkey(enter(house), key)
    stranger = house.browser()
    stranger.authorize()
    for _ in range(20):
        stranger.log_in(RUN, "not it")
    browser = house.browser()
    use(browser, key.get(options_of(browser.authorize())))
    assert browser.page is not None
    assert "code" in sent_to_client(browser.page)


def test_after_the_password_the_passkey_is_the_second_factor(house: House, key: Authenticator) -> None:
    add_passkey(enter(house), key)
    browser = house.browser()
    browser.authorize(acr_values=TWO_FACTORS)
    page = browser.log_in()
    options = options_of(page)
    assert [one["id"] for one in options["allowCredentials"]]
    use(browser, key.get(options))
    assert browser.page is not None
    assert acr_of(house, sent_to_client(browser.page)["code"])[1] == ["pwd", "hwk", "user"]


def test_the_highest_level_is_asked_for_again_after_a_quarter_of_an_hour_and_the_sign_in_lasts(house: House, key: Authenticator) -> None:
    add_passkey(enter(house), key)
    browser = house.browser()
    use(browser, key.get(options_of(browser.authorize(acr_values=PHISHING_RESISTANT))))
    house.clock.advance(seconds=14 * 60)
    assert "code" in sent_to_client(browser.authorize(acr_values=PHISHING_RESISTANT))
    house.clock.advance(seconds=2 * 60)
    code = sent_to_client(browser.authorize())["code"]
    assert acr_of(house, code)[0] == TWO_FACTORS
    page = browser.authorize(acr_values=PHISHING_RESISTANT)
    assert page.status_code == 200
    use(browser, key.get(options_of(page)))
    assert browser.page is not None
    assert acr_of(house, sent_to_client(browser.page)["code"])[0] == PHISHING_RESISTANT


@pytest.mark.rule("identity", "WA-5")
def test_adding_and_removing_needs_a_sign_in_of_the_last_minutes(house: House, key: Authenticator) -> None:
    browser = enter(house)
    house.clock.advance(seconds=301)
    page = browser.open("/account/security/passkey")
    assert 'id="password"' in page.get_data(as_text=True), "the person signs in again first"
    browser.log_in()
    add_passkey(browser, key)
    assert "authenticator-added" in house.notices()
    assert [entry["channel"] for entry in house.audited("identity:passkey:added")] == ["web"]
