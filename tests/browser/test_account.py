"""The account in a real Chromium: a passkey made and used by keyboard with a virtual authenticator, then removed again (WA-7)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, visiting
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


@pytest.mark.rule("identity", "WA-4", "WA-7", "§3.13")
def test_a_passkey_is_made_used_and_removed_by_keyboard(chromium: Browser, sandbox: RunningSandbox) -> None:
    language, width = "es", 360
    base = sandbox.facts["identity"]["base_url"]
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "account", language=language, width=width)
        with authenticator(page):
            page.goto(base + "/account")
            looker.look("sign-in")
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


@pytest.mark.rule("identity", "§3.13")
@pytest.mark.parametrize(("language", "width"), [("es", 360), ("en", 1280)])
def test_pages_for_everybody(chromium: Browser, sandbox: RunningSandbox, language: str, width: int) -> None:
    base = sandbox.facts["identity"]["base_url"]
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "account-public", language=language, width=width)
        for path in ("recover", "activar", "catalogue", "kiosk"):
            page.goto(f"{base}/{path}")
            looker.look(path)
