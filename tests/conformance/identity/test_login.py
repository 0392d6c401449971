"""Signing in: what strangers can learn and do, which is nothing; and what the person keeps."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyotp
import pytest

from identity.app import create_app
from identity.context import create_context
from identity.operations import register, throttles
from identity.providers.base import TooBusy
from tests.factories.identity import (
    CALLBACK,
    PASSWORD,
    PUBLIC_URL,
    RUN,
    RUN_TOTP,
    SECRET,
    TOTP_SECRET,
    Browser,
    House,
    authorization,
    sent_to_client,
    web_client,
    words_of,
)


def code_now(house: House) -> str:
    return pyotp.TOTP(TOTP_SECRET).at(house.clock.now())


def acr_of(house: House, code: str) -> tuple[str, list[str]]:
    from identity.standards import jose

    token = house.token(house.code_form(code)).json["id_token"]
    claims = jose.verify(token, house.identity.keys.verifier, algorithms=("ES256",), types=("jwt",))
    return str(claims["acr"]), list(claims["amr"])  # type: ignore[call-overload]  # a list in every ID token


@pytest.mark.rule("identity", "LK-5", "PW-3", "RUN-7")
def test_unknown_wrong_and_locked_are_told_the_same(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    wrong = browser.log_in(RUN, "not it")
    unknown = browser.log_in("76354771-K", "not it")
    for _ in range(6):
        locked = browser.log_in(RUN, "not it")
    right_but_locked = browser.log_in(RUN, PASSWORD)
    answers = (wrong, unknown, locked, right_but_locked)
    assert {answer.status_code for answer in answers} == {400}
    assert len({words_of(answer) for answer in answers}) == 1
    assert len({tuple(sorted(name for name, _ in answer.headers)) for answer in answers}) == 1
    assert PASSWORD not in right_but_locked.get_data(as_text=True)


@pytest.mark.rule("identity", "PW-3")
def test_each_of_them_costs_one_hash(house: House) -> None:
    hasher = house.identity.hasher
    browser = house.browser()
    browser.authorize()
    for run in (RUN, "76354771-K", *[RUN] * 7):
        before = hasher.verified  # type: ignore[attr-defined]  # the counter of the test's own hasher
        browser.log_in(run, "not it")
        assert hasher.verified == before + 1  # type: ignore[attr-defined]  # as above


@pytest.mark.rule("identity", "LK-1", "LK-6")
def test_of_fifty_wrong_passwords_five_are_looked_at(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    for _ in range(50):
        browser.log_in(RUN, "not it")
    assert len(house.audited("identity:login:failed")) == 5
    assert len(house.audited("identity:login:blocked")) == 45
    assert all(RUN not in str(entry) for entry in house.audited("identity:login:failed"))
    house.clock.advance(seconds=59)
    assert browser.log_in().status_code == 400
    house.clock.advance(seconds=2)
    assert "code" in sent_to_client(browser.log_in())


class Crowded:
    """Lets nobody in."""

    @contextmanager
    def place(self) -> Iterator[None]:
        raise TooBusy
        yield


@pytest.mark.rule("identity", "PW-2", "LK-1")
def test_who_is_turned_away_by_a_crowd_waits_two_seconds_and_loses_no_try(house: House) -> None:
    """The password was right each time: ten crowds are no five failures."""
    browser = house.browser()
    shown = browser.authorize()
    quick = house.identity.__dict__.pop("hasher")
    house.identity.__dict__["hasher"] = Crowded()
    for _ in range(10):
        crowded = browser.log_in()
        assert (crowded.status_code, crowded.headers["Retry-After"]) == (503, "2")
        browser.page = shown
    house.identity.__dict__["hasher"] = quick
    assert "code" in sent_to_client(browser.log_in())
    assert house.audited("identity:login:failed") == []


@pytest.mark.rule("identity", "LK-2")
def test_a_stranger_cannot_lock_a_person_out_of_their_own_browser(house: House) -> None:
    mine = house.browser()
    mine.sign_in()
    stranger = house.browser()
    stranger.authorize()
    for _ in range(20):
        stranger.log_in(RUN, "not it")
    assert "code" in mine.sign_in(prompt="login")
    assert stranger.log_in().status_code == 400


@pytest.mark.rule("identity", "LK-1")
def test_waits_grow_and_a_hundred_failures_in_a_row_use_the_password_up(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    for _ in range(4):
        browser.log_in(RUN, "not it")
    for _ in range(96):
        house.clock.advance(seconds=3601)
        if house.clock.now().minute % 25 == 0:
            browser.authorize()
        browser.authorize()
        browser.log_in(RUN, "not it")
    house.clock.advance(seconds=3601)
    browser.authorize()
    assert browser.log_in().status_code == 400
    assert len(house.audited("identity:login:failed")) == 100


@pytest.mark.rule("identity", "RUN-3")
@pytest.mark.parametrize(
    "typed", ["", "abc", "12345678-4", "11111111-2", "1" * 64, "１１１１１１１１-1", "1-9'; DROP TABLE persons", "\u202e11111111-1"]
)
def test_what_is_no_run_is_told_before_anything_is_looked_up(house: House, typed: str) -> None:
    browser = house.browser()
    browser.authorize()
    answer = browser.log_in(typed)
    assert answer.status_code == 400
    assert 'href="#run"' in answer.get_data(as_text=True)
    assert house.audited("identity:login:failed") == []


@pytest.mark.rule("identity", "RUN-3", "PW-7")
@pytest.mark.parametrize("typed", ["11.111.111-1", "11111111-1", "111111111", " 11.111.1111 ", "0011111111-1", "11.111.111\u20111"])
def test_a_run_may_be_typed_in_many_ways(house: House, typed: str) -> None:
    browser = house.browser()
    page = browser.authorize().get_data(as_text=True)
    for value in ("username", "current-password"):
        assert f'autocomplete="{value}"' in page
    assert "code" in sent_to_client(browser.log_in(typed))


@pytest.mark.rule("identity", "ID-1", "AZ-16")
def test_who_has_an_app_is_asked_for_its_code(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    page = browser.log_in(RUN_TOTP)
    assert 'autocomplete="one-time-code"' in page.get_data(as_text=True)
    sent = sent_to_client(browser.send({"code": code_now(house)}))
    assert acr_of(house, sent["code"]) == ("urn:andamio:acr:2", ["pwd", "otp"])


@pytest.mark.rule("identity", "AZ-10")
def test_the_password_alone_signs_nobody_in_who_has_an_app(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    browser.log_in(RUN_TOTP)
    assert sent_to_client(browser.authorize(prompt="none"))["error"] == "login_required"


def test_a_code_works_once_in_any_browser(house: House) -> None:
    first, second = house.browser(), house.browser()
    for browser in (first, second):
        browser.authorize()
        browser.log_in(RUN_TOTP)
    code = code_now(house)
    assert "code" in sent_to_client(first.send({"code": code}))
    assert second.send({"code": code}).status_code == 400
    house.clock.advance(seconds=30)
    assert "code" in sent_to_client(second.send({"code": code_now(house)}))


@pytest.mark.parametrize("typed", ["", "000000", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "x" * 10_000])
def test_wrong_codes_are_refused_and_counted(house: House, typed: str) -> None:
    browser = house.browser()
    browser.authorize()
    browser.log_in(RUN_TOTP)
    for _ in range(6):
        assert browser.send({"code": typed}).status_code == 400
    assert browser.send({"code": code_now(house)}).status_code == 400
    house.clock.advance(seconds=61)
    assert "code" in sent_to_client(browser.send({"code": code_now(house)}))


@pytest.mark.rule("identity", "AZ-24")
def test_two_tabs_work_by_themselves(house: House) -> None:
    browser = house.browser()
    browser.authorize(state="first")
    first = browser.page
    browser.authorize(state="second")
    assert sent_to_client(browser.log_in())["state"] == "second"
    browser.page = first
    assert sent_to_client(browser.open(first_path(first)))["state"] == "first"


def first_path(page: object) -> str:
    from werkzeug.test import TestResponse

    assert isinstance(page, TestResponse)
    return page.request.path


@pytest.mark.rule("identity", "AZ-24")
def test_the_same_form_twice_gives_the_same_outcome(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    page = browser.page
    one = sent_to_client(browser.log_in())
    browser.page = page
    two = sent_to_client(browser.log_in())
    assert one["state"] == two["state"]
    assert house.token(house.code_form(two["code"])).status_code == 200
    assert "code" in sent_to_client(browser.authorize(prompt="none"))


@pytest.mark.rule("identity", "AZ-24")
def test_another_browser_cannot_go_on_with_a_sign_in(house: House) -> None:
    mine, other = house.browser(), house.browser()
    page = mine.authorize()
    assert other.open(page.request.path).status_code == 404
    other.authorize()
    assert other.open(page.request.path).status_code == 404


@pytest.mark.rule("identity", "AZ-24")
def test_back_after_finishing_starts_again_with_the_same_request(house: House) -> None:
    browser = house.browser()
    page = browser.authorize()
    browser.log_in()
    sent = sent_to_client(browser.open(page.request.path))
    assert sent["state"] == authorization()["state"]
    assert house.token(house.code_form(sent["code"])).status_code == 200


@pytest.mark.rule("identity", "AZ-24")
def test_a_page_that_stood_open_too_long_leads_back_to_the_service(house: House) -> None:
    browser = house.browser()
    page = browser.authorize()
    house.clock.advance(seconds=1801)
    for answer in (browser.log_in(), browser.open(page.request.path)):
        assert (answer.status_code, answer.headers["Location"]) == (303, "https://client.example/")


@pytest.mark.rule("identity", "§3.9")
def test_a_client_may_do_without_single_sign_on(house: House) -> None:
    alone = web_client(client_id="alone", sector="alone.example", default_max_age=0)
    register.create_client(house.identity, alone, actor="test", secret=SECRET)
    browser = house.browser()
    browser.sign_in()
    for _ in range(2):
        house.clock.advance(seconds=1)
        assert 'id="password"' in browser.authorize(client_id="alone").get_data(as_text=True)
        assert "code" in sent_to_client(browser.log_in())
    house.clock.advance(seconds=1)
    assert sent_to_client(browser.authorize(client_id="alone", prompt="none"))["error"] == "login_required"
    assert "code" in sent_to_client(browser.authorize()), "others go on with it"


@pytest.mark.rule("identity", "§3.13")
def test_who_is_slow_gets_the_whole_time_again_at_each_step(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    minutes = 0
    while minutes < 280:  # ten times half an hour, and no longer
        house.clock.advance(seconds=20 * 60)
        minutes += 20
        assert browser.log_in(RUN, "not it").status_code in {400, 429}, minutes
    house.clock.advance(seconds=20 * 60)
    answer = browser.log_in()
    assert answer.headers["Location"] == "https://client.example/", "without end a forgotten page would stay open"


@pytest.mark.rule("identity", "AZ-24")
def test_a_restart_in_the_middle_loses_nothing(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    browser.log_in(RUN_TOTP)
    identity = create_context(house.identity.settings, clock=house.clock)
    restarted = Browser(create_app(context=identity).test_client(), browser.page)
    restarted.http._cookies = browser.http._cookies
    assert "code" in sent_to_client(restarted.send({"code": code_now(house)}))
    identity.close()


@pytest.mark.rule("identity", "AZ-22")
def test_who_goes_back_has_denied_access(house: House) -> None:
    browser = house.browser()
    browser.authorize()
    assert sent_to_client(browser.send({}, form=1))["error"] == "access_denied"
    browser.authorize()
    assert "code" in sent_to_client(browser.log_in())


@pytest.mark.rule("identity", "AZ-1")
def test_a_post_from_another_site_finds_the_session_by_coming_back(house: House) -> None:
    """The browser holds its Lax cookies back from such a post, and brings them at the redirect."""
    browser = house.browser()
    browser.sign_in()
    posted = house.client().post("/openid/authorize", data=authorization(prompt="none"), base_url=PUBLIC_URL)
    assert posted.status_code == 303
    assert "Set-Cookie" not in posted.headers
    assert "code" in sent_to_client(browser.open(posted.headers["Location"]))


@pytest.mark.rule("identity", "AZ-10", "AZ-11", "AZ-13")
def test_when_the_person_is_asked_again(house: House) -> None:
    browser = house.browser()
    browser.sign_in()
    house.clock.advance(seconds=100)
    assert "code" in sent_to_client(browser.authorize())
    assert "code" in sent_to_client(browser.authorize(max_age="10000"))
    assert "code" in sent_to_client(browser.authorize(max_age="100"))
    for changes in ({"max_age": "99"}, {"max_age": "0"}, {"prompt": "login"}):
        assert browser.authorize(**changes).status_code == 200, changes
    assert "code" in sent_to_client(browser.log_in())
    for changes in ({"max_age": "0", "prompt": "none"},):
        assert sent_to_client(browser.authorize(**changes))["error"] == "login_required"
    house.clock.advance(seconds=901)
    assert browser.authorize().status_code == 200


@pytest.mark.rule("identity", "LO-12")
def test_the_session_cookie_is_pinned_and_changes_at_sign_in(house: House) -> None:
    browser = house.browser()

    def cookie() -> str:
        return next(c.value for c in browser.http._cookies.values() if c.key == "__Host-identity-sso")

    browser.sign_in()
    first = cookie()
    assert "SameSite=Lax" in str(browser.page and browser.page.headers)
    house.clock.advance(seconds=1)
    browser.sign_in(prompt="login")
    assert cookie() != first


@pytest.mark.rule("identity", "AZ-9", "AZ-25", "HT-4")
def test_form_post_answers_with_a_page_that_posts_itself(house: House) -> None:
    browser = house.browser()
    browser.authorize(response_mode="form_post", state='"><script>')
    answer = browser.log_in()
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert f'action="{CALLBACK}"' in page
    assert '"><script>' not in page
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'sha256-" in policy
    assert "form-action 'self' https://client.example" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.rule("identity", "LK-6")
def test_tries_at_the_same_moment_all_get_an_answer_while_others_are_forgotten(house: House) -> None:
    key = throttles.throttle_key(house.identity, "password", RUN, None)

    def try_once(_: int) -> bool:
        may = throttles.reserve(house.identity, key)
        throttles.clear(house.identity, key)
        return may

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(try_once, range(64)))) == 64
