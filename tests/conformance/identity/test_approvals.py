"""Confirming a sign-in on another device, with a number to type there (§3.4)."""

import re

import pytest
from bs4 import BeautifulSoup

from identity.operations import security
from identity.operations.approvals import LIFE
from identity.standards.acr import PHISHING_RESISTANT, TWO_FACTORS
from tests.conformance.identity.test_account import form_at, link
from tests.conformance.identity.test_login import acr_of, code_now
from tests.conformance.identity.test_passkeys import add_passkey, enter, use
from tests.factories.authenticator import Authenticator, options_of
from tests.factories.identity import PUBLIC_URL, RUN, RUN_TOTP, Browser, House, sent_to_client, words_of

pytestmark = pytest.mark.rule("identity", "§3.4")


def asking(house: House, **changes: str) -> tuple[Browser, str]:
    """A browser that shows the number, and the number."""
    browser = house.browser()
    browser.authorize(**changes)
    browser.log_in(RUN_TOTP)
    page = browser.send({}, form=form_at(browser, "/approval"))
    return browser, number_on(page.get_data(as_text=True))


def number_on(page: str) -> str:
    found = BeautifulSoup(page, "html.parser").select_one("main .app-code")
    assert found is not None
    return found.get_text()


def question(browser: Browser) -> None:
    """Open the question that the account shows on its first page."""
    browser.open("/account")
    browser.open(link(browser, "otro equipo?"))


def answer(browser: Browser, decision: str, **values: str) -> str:
    question(browser)
    return words_of(browser.send({"decision": decision, **values}))


def trusted(house: House) -> Browser:
    """The person's own browser, signed in with password and app."""
    browser = enter(house, RUN_TOTP)
    house.clock.advance(seconds=31)  # the next code of the app is another one
    return browser


@pytest.mark.rule("identity", "LK-1", "ID-1")
def test_the_number_typed_on_the_other_device_signs_in_at_level_two(house: House) -> None:
    mine = trusted(house)
    here, number = asking(house)
    assert re.fullmatch(r"\d\d", number)
    assert "aún no dice que sí" in words_of(here.send({}))
    page = answer(mine, "grant", match_code=number)
    assert "Listo" in page
    assert number not in words_of(mine.open("/account/history"))
    sent = sent_to_client(here.send({}))
    assert acr_of(house, sent["code"]) == (TWO_FACTORS, ["pwd", "mfa"])
    assert [len(house.audited(f"identity:approval:{act}")) for act in ("asked", "given", "used")] == [1, 1, 1]


def test_the_person_is_told_by_mail_and_the_number_is_nowhere_but_on_the_page(house: House) -> None:
    house.give_contacts(RUN_TOTP, email="jose@example.com", phone="+56922222222")
    mine = trusted(house)
    house.deliver()
    _, number = asking(house)
    (mail,) = house.deliver()
    assert mail["channel"] == "email"
    assert "Confírmelo en su cuenta" in mail["subject"]
    assert not re.search(rf"(?<!\d){number}(?!\d)", mail["subject"] + mail["body"])
    question(mine)
    assert number not in words_of(mine.page)  # type: ignore[arg-type]  # a page was opened


def test_a_wrong_number_is_a_no_and_there_is_one_try(house: House) -> None:
    mine = trusted(house)
    here, number = asking(house)
    wrong = f"{(int(number) + 1) % 100:02}"
    assert "no era el correcto" in answer(mine, "grant", match_code=wrong)
    assert "otro equipo?" not in words_of(mine.open("/account"))
    assert "se dijo que no" in words_of(here.send({}))
    again = here.send({}, form=0)  # ask again
    assert number_on(again.get_data(as_text=True)).isdigit()


def test_no_number_is_asked_for_again_and_counts_for_nothing(house: House) -> None:
    mine = trusted(house)
    here, number = asking(house)
    assert "Escriba el número" in answer(mine, "grant", match_code=" ")
    answer(mine, "grant", match_code=f" {number} ")
    assert "code" in sent_to_client(here.send({}))


@pytest.mark.parametrize("seconds", [LIFE.total_seconds(), LIFE.total_seconds() + 86_400])
def test_after_five_minutes_neither_side_can_use_it(house: House, seconds: float) -> None:
    mine = trusted(house)
    here, number = asking(house)
    question(mine)
    house.clock.advance(seconds=int(seconds))
    late = mine.send({"decision": "grant", "match_code": number})
    assert late.status_code in {404, 200}  # gone, or the session is over as well
    assert house.audited("identity:approval:given") == []
    assert "code" not in (here.send({}).headers.get("Location") or "")


def test_a_yes_lasts_as_long_as_the_question(house: House) -> None:
    mine = trusted(house)
    here, number = asking(house)
    answer(mine, "grant", match_code=number)
    house.clock.advance(seconds=int(LIFE.total_seconds()))
    assert "Se acabó el tiempo" in words_of(here.send({}))
    assert house.audited("identity:approval:used") == []


def test_of_many_questions_five_are_put_and_then_the_asker_waits(house: House) -> None:
    mine = trusted(house)
    here, _ = asking(house)
    for _ in range(4):
        answer(mine, "refuse")
        here.send({})
        assert here.send({}).status_code == 200
    answer(mine, "refuse")
    here.send({})
    assert here.send({}).status_code == 429
    assert len(house.audited("identity:approval:asked")) == 5
    house.clock.advance(seconds=61)
    here.authorize()
    here.log_in(RUN_TOTP)
    assert here.send({}, form=form_at(here, "/approval")).status_code == 200


def test_a_second_press_puts_no_second_question(house: House) -> None:
    trusted(house)
    here, number = asking(house)
    path = here.page.request.path  # type: ignore[union-attr]  # a page was opened
    here.open(path.removesuffix("/approval") + "/code")
    again = here.send({}, form=form_at(here, "/approval"))
    assert number_on(again.get_data(as_text=True)) == number
    assert len(house.audited("identity:approval:asked")) == 1


@pytest.mark.rule("identity", "§3.10")
def test_this_was_not_me_shuts_everybody_out_and_asks_for_a_new_password(house: House) -> None:
    mine = trusted(house)
    here, _ = asking(house)
    assert "RUN" in answer(mine, "not_me")  # signed out: the sign-in page
    again = here.send({})  # its sign-in is over
    assert 'id="password"' in again.get_data(as_text=True)
    assert [len(house.audited(f"identity:{act}")) for act in ("login:disowned", "approval:denied", "interaction:refused")] == [1, 1, 1]
    mine.open("/account/security")
    mine.log_in(RUN_TOTP)
    asked = words_of(mine.send({"code": code_now(house)}))
    assert "contraseña" in asked
    assert mine.page.request.path.endswith("/password")  # type: ignore[union-attr]  # a page was opened


@pytest.mark.rule("identity", "§3.9", "§3.10")
@pytest.mark.parametrize("way", ["not me", "everywhere", "password"])
def test_a_yes_that_was_given_ends_with_what_it_stood_on(house: House, way: str) -> None:
    mine, person_id = trusted(house), house.person_id(RUN_TOTP)
    here, number = asking(house)
    answer(mine, "grant", match_code=number)
    if way == "not me":
        security.lock_down(house.identity, person_id, event_id=None)
    elif way == "everywhere":
        security.close_elsewhere(house.identity, person_id, only_id=None, present=None)
    else:
        security.change_password(house.identity, person_id, "nueve gatos pintan un faro", session_id=None)
    answered = here.send({})
    assert "code" not in (answered.headers.get("Location") or "")
    assert 'id="password"' in answered.get_data(as_text=True), "the password of before counts for nothing any more"
    assert house.audited("identity:approval:used") == []
    assert len(house.audited("identity:approval:denied")) == 1


def test_one_session_ended_leaves_the_sign_ins_elsewhere(house: House) -> None:
    mine = trusted(house)
    here, number = asking(house)
    answer(mine, "grant", match_code=number)
    security.close_elsewhere(house.identity, house.person_id(RUN_TOTP), only_id=house.identity.ids.uuid4(), present=None)
    assert "code" in sent_to_client(here.send({}))


def test_a_session_by_password_alone_or_by_approval_carries_nothing(house: House) -> None:
    mine = trusted(house)
    second, number = asking(house)
    answer(mine, "grant", match_code=number)
    second.send({})
    third, number = asking(house)
    question(second)
    assert "match_code" not in second.page.get_data(as_text=True)  # type: ignore[union-attr]  # a page was opened
    path = second.page.request.path  # type: ignore[union-attr]  # as above
    token = second.page.get_data(as_text=True).split('name="csrf_token" value="')[1].split('"')[0]  # type: ignore[union-attr]
    forced = {"decision": "grant", "match_code": number, "csrf_token": token}
    assert second.http.post(path, data=forced, base_url=PUBLIC_URL).status_code == 404
    assert "aún no dice que sí" in words_of(third.send({}))


def test_the_browser_that_asks_cannot_answer(house: House) -> None:
    mine = trusted(house)
    mine.authorize(prompt="login")
    mine.log_in(RUN_TOTP)
    mine.send({}, form=form_at(mine, "/approval"))
    question(mine)
    assert "Este es el navegador que está ingresando" in words_of(mine.page)  # type: ignore[arg-type]  # a page was opened
    assert "match_code" not in mine.page.get_data(as_text=True)  # type: ignore[union-attr]  # as above


def test_nobody_else_sees_or_answers_it(house: House) -> None:
    mine = trusted(house)
    asking(house)
    question(mine)
    path = mine.page.request.path  # type: ignore[union-attr]  # a page was opened
    other = enter(house, RUN)
    assert "otro equipo?" not in words_of(other.open("/account"))
    assert other.open(path).status_code == 404


def test_it_is_not_offered_to_whom_it_would_help_nothing(house: House) -> None:
    add_passkey(enter(house), Authenticator(PUBLIC_URL))
    browser = house.browser()
    browser.authorize(acr_values=PHISHING_RESISTANT)
    browser.log_in()
    form_at(browser, "/approval")  # the first step may be any second factor
    key = Authenticator(PUBLIC_URL)
    add = enter(house, RUN_TOTP)
    add_passkey(add, key)
    raised = house.browser()
    raised.authorize()
    house.clock.advance(seconds=31)
    raised.log_in(RUN_TOTP)
    raised.send({"code": code_now(house)})
    page = raised.authorize(acr_values=PHISHING_RESISTANT)
    assert "/approval" not in page.get_data(as_text=True)
    use(raised, key.get(options_of(page)))
    assert raised.page is not None
    assert acr_of(house, sent_to_client(raised.page)["code"])[0] == PHISHING_RESISTANT
