"""The account in a real Chromium: a passkey made and used by keyboard with a virtual authenticator, then removed again (WA-7)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, visiting
from tests.browser.test_identity_journeys import JOSE, Person
from tests.sandboxes import RunningSandbox

pytestmark = [pytest.mark.timeout(240)]
CITIZEN = "33333333-3"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@contextmanager
def authenticator(page: Page) -> Iterator[None]:
    """A telephone's own authenticator, that says yes to everything."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield
    devtools.send("WebAuthn.disable")


def sign_in(looker: Looker, sandbox: RunningSandbox) -> None:
    citizen = next(person for person in sandbox.facts["identity"]["citizens"] if person["run"] == CITIZEN)
    looker.type_in("[autocomplete~=username]", citizen["run"])
    looker.type_in("[autocomplete~=current-password]", citizen["password"])
    with looker.page.expect_navigation():
        looker.page.keyboard.press("Enter")


@pytest.mark.rule("identity", "PW-7", "WA-4", "WA-7", "§3.13")
def test_a_passkey_is_made_used_and_removed_by_keyboard(chromium: Browser, sandbox: RunningSandbox) -> None:
    language, width = "es", 360
    base = sandbox.facts["identity"]["base_url"]
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "account", language=language, width=width)
        with authenticator(page):
            page.goto(base + "/account")
            looker.look("sign-in")
            looker.type_in("#password", "lo que escribo")
            looker.tab_to("[data-shows] input")
            page.keyboard.press("Space")
            expect(page.locator("#password")).to_have_attribute("type", "text")
            page.goto(base + "/account")
            sign_in(looker, sandbox)
            looker.look("account")
            page.goto(base + "/account/security/passkey")
            looker.look("add-a-passkey")
            looker.type_in("#name", "Mi teléfono")
            looker.press("form[data-passkey] button")
            expect(page.locator("main")).to_contain_text("Mi teléfono")
            looker.look("ways-to-sign-in")
            looker.press("form[action$='/codes'] button")
            looker.look("recovery-codes")
            for name in ("sessions", "history", "services", "profile"):
                page.goto(f"{base}/account/{name}")
                looker.look(name)
            looker.press("header form button")
            page.goto(base + "/account")
            expect(page).to_have_url(base + "/account")  # the browser offered the passkey by itself
            page.goto(base + "/account/security")
            looker.press("main a[href*='/remove/']")
            looker.look("remove")
            looker.press("#remove")
            expect(page.locator("main")).not_to_contain_text("Mi teléfono")


@pytest.mark.rule("identity", "§3.4", "§3.9", "§3.13")
def test_a_sign_in_is_confirmed_on_the_telephone_and_closed_from_there(chromium: Browser, sandbox: RunningSandbox) -> None:
    with visiting(chromium, language="es", width=360) as first, visiting(chromium, language="es", width=1280) as second:
        telephone, desk = Person(first, sandbox, JOSE, "close-session"), Person(second, sandbox, JOSE, "confirm", 1280)
        telephone.open("/account")
        second.goto(desk.base + "/account/history")
        desk.looker.type_in("[autocomplete~=username]", desk.known["run"])
        desk.looker.type_in("[autocomplete~=current-password]", desk.known["password"])
        desk.enter()
        desk.looker.look("second-factor")
        desk.looker.press("form[action$='/approval'] button")
        desk.looker.look("number")
        number = second.locator("main .app-code").inner_text()
        telephone.open("/account")
        telephone.looker.look("question-waits")
        telephone.looker.press("main .govuk-notification-banner a")
        telephone.looker.type_in("#match_code", number)
        telephone.looker.look("question")
        telephone.looker.press("button[value=grant]")
        telephone.looker.look("said-yes")
        desk.looker.press("form[action$='/approval/done'] button")
        expect(second.locator("h1")).to_have_text("Historial")
        desk.looker.look("history")
        telephone.open("/account/sessions")
        telephone.looker.look("two-sessions")
        telephone.looker.press("main dl form[action$='/close'] button")
        expect(first.locator("main dl form")).to_have_count(0)
        telephone.looker.look("one-session")
        second.goto(desk.base + "/account")
        expect(second.locator("#password")).to_have_count(1)
        desk.looker.look("signed-out")


@pytest.mark.rule("identity", "§3.13")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_pages_for_everybody(chromium: Browser, sandbox: RunningSandbox, language: str, width: int) -> None:
    base = sandbox.facts["identity"]["base_url"]
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "account-public", language=language, width=width)
        for path in ("recover", "activar", "catalogue", "kiosk"):
            page.goto(f"{base}/{path}")
            looker.look(path)
