"""What the person of the journey sees, in a real Chromium, by keyboard, at both widths, in both languages."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, visiting
from tests.engines import locked
from tests.sandboxes import RunningSandbox

pytestmark = [pytest.mark.timeout(360)]
SCREENS = [("es", 360), ("en", 1280), ("es", 1280), ("en", 360)]
CITIZEN = "44444444-4"
CARD = {"#card-no": "4242 4242 4242 4242", "#expiry-month": "12", "#expiry-year": "32", "#cardholder-name": "Kevin Tapia", "#cvc": "123"}
ADDRESS = {"#address-line-1": "Avenida Los Aromos 123", "#address-city": "Quilpalín", "#address-postcode": "8320000"}


def sign_in(looker: Looker, sandbox: RunningSandbox) -> None:
    """Whatever identity asks on the way: RUN and password, then leave to tell the service."""
    citizen = next(person for person in sandbox.facts["identity"]["citizens"] if person["run"] == CITIZEN)
    page = looker.page
    looker.look("sign-in")
    looker.type_in("[autocomplete~=username]", citizen["run"])
    looker.type_in("[autocomplete~=current-password]", citizen["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")


def allow_release(looker: Looker, sandbox: RunningSandbox) -> None:
    """Identity asks once before it tells a service who somebody is."""
    if looker.page.url.startswith(sandbox.facts["identity"]["base_url"]):
        looker.look("release")
        looker.press("main form button")


def to_the_question(looker: Looker, sandbox: RunningSandbox) -> None:
    page = looker.page
    page.goto(sandbox.facts["example"])
    looker.look("school")
    looker.press("main a[href='/login']")
    sign_in(looker, sandbox)
    allow_release(looker, sandbox)
    expect(page).to_have_url(re.compile(r"/application$"))
    looker.look("asked")
    looker.press("main form button")
    allow_release(looker, sandbox)
    expect(page.locator("main")).to_contain_text("Colegio Las Araucarias")
    expect(page.locator("main")).to_contain_text("Registro Civil")
    looker.look("question")


def pay(looker: Looker) -> None:
    page = looker.page
    looker.look("card")
    for selector, value in {**CARD, **ADDRESS}.items():
        if page.locator(selector).count():
            looker.type_in(selector, value)
    looker.press("#submit-card-details")
    expect(page.locator("#confirm")).to_be_visible()
    expect(page.locator("main")).to_contain_text("$3.500")
    looker.look("confirm")
    looker.press("#confirm")


@pytest.mark.rule("wallet", "U1", "U8")
@pytest.mark.parametrize(("language", "width"), SCREENS)
def test_the_person_walks_the_journey_by_keyboard(
    chromium: Browser, sandbox: RunningSandbox, run_folder: Path, language: str, width: int
) -> None:
    wallet = sandbox.facts["wallet"]["base_url"]
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "journey", language=language, width=width)
        to_the_question(looker, sandbox)
        looker.press("button[name=decision][value=grant]")
        expect(page).to_have_url(re.compile(r"/application$"))
        looker.look("fee")
        looker.tab_to("[name=delivery]")
        page.keyboard.press("Space")
        looker.press("main form button")
        pay(looker)
        expect(page).to_have_url(re.compile(r"/application$"))
        looker.look("done")
        expect(page.locator("main h1")).to_contain_text("Recibimos su postulación" if language == "es" else "We have your application")
        looker.press(f"main a[href='{wallet}/access-log']")
        expect(page.locator("main")).to_contain_text("Colegio Las Araucarias")
        looker.look("access-log")
        with locked(run_folder / "withdrawing.lock"):  # the same person walks in another worker, and may be ending what is shown here
            withdraw(looker, wallet)


def withdraw(looker: Looker, wallet: str) -> None:
    """Two actions from the first page, no reason asked."""
    page = looker.page
    page.goto(f"{wallet}/")
    looker.look("wallet")
    looker.press("main a[href*='withdraw']")
    looker.look("withdraw")
    looker.press("main form[action*='withdraw'] button")
    looker.look("withdrawn")


@pytest.mark.rule("wallet", "U1", "U4")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_who_refuses_is_told_what_to_bring(chromium: Browser, sandbox: RunningSandbox, language: str, width: int) -> None:
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "refusal", language=language, width=width)
        to_the_question(looker, sandbox)
        assert_equal_buttons(page)
        looker.press("button[name=decision][value=refuse]")
        expect(page).to_have_url(re.compile(r"/application$"))
        expect(page.locator("main")).to_contain_text("Qué traer" if language == "es" else "What to bring")
        looker.look("refused")


def assert_equal_buttons(page: Page) -> None:
    """Yes and no are the same kind of control, of the same size."""
    yes, no = (page.locator(f"button[name=decision][value={value}]").bounding_box() for value in ("grant", "refuse"))
    assert yes is not None
    assert no is not None
    assert yes["height"] == pytest.approx(no["height"], abs=1)
    assert yes["width"] == pytest.approx(no["width"], abs=1)


@pytest.mark.parametrize(("language", "width"), SCREENS)
def test_what_stands_around_the_suite_can_be_used_by_everybody(
    chromium: Browser, sandbox: RunningSandbox, language: str, width: int
) -> None:
    facts = sandbox.facts
    mail = {"to": "11111111-1", "from": "Colegio", "subject": "Aviso", "body": "Hola"}
    message_id = httpx.post(f"{facts['inbox']}/mailbox", json=mail).json()["id"]
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "around", language=language, width=width)
        for name, url in {
            "front": facts["front"],
            "inbox": facts["inbox"],
            "message": f"{facts['inbox']}/messages/{message_id}",
            "registry": f"{facts['registry']}/admin",
        }.items():
            page.goto(url)
            looker.look(name)


def test_the_front_page_says_who_to_sign_in_as_and_what_runs(chromium: Browser, sandbox: RunningSandbox) -> None:
    with visiting(chromium, language="en", width=1280) as page:
        page.goto(sandbox.facts["front"])
        for person in sandbox.facts["identity"]["citizens"]:
            expect(page.locator("main")).to_contain_text(person["name"])
            expect(page.locator("main")).to_contain_text(person["password"])
        expect(page.locator(".govuk-tag--green")).to_have_count(8)
        expect(page.locator("main")).to_contain_text(sandbox.facts["pay"]["api_keys"]["test"])
