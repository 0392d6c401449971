"""Journeys of identity by keyboard alone: a mandate given, used and ended; help on the telephone; an office, a recovery, a new service."""

import re
from typing import ClassVar
from urllib.parse import urlencode

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, visiting
from tests.sandboxes import RunningSandbox

pytestmark = [pytest.mark.timeout(300)]
CAMILA, JOSE, ROSA = "11111111-1", "22222222-2", "7654321-6"
CARD, NEW_PASSWORD = "A000007654", "lluvia tejado naranja reloj"


class Person:
    """Somebody of the sandbox in a browser of their own; codes of an app count once, so those used are known to all."""

    used: ClassVar[dict[str, str]] = {}

    def __init__(self, page: Page, sandbox: RunningSandbox, run: str, name: str, width: int = 360) -> None:
        facts = sandbox.facts["identity"]
        self.known = next(one for one in [*facts["citizens"], *facts["staff"]] if one["run"] == run)
        self.page, self.base = page, facts["base_url"]
        self.looker = Looker(page, name, language="es", width=width)

    def open(self, path: str) -> None:
        """Go to a page; signing in on the way where that is asked."""
        self.page.goto(self.base + path)
        if self.page.locator("[autocomplete~=current-password]").count():
            self.looker.type_in("[autocomplete~=username]", self.known["run"])
            self.looker.type_in("[autocomplete~=current-password]", self.known["password"])
            self.enter()
        if self.page.locator("#code[autocomplete~=one-time-code]").count():
            self.looker.type_in("#code", self.fresh_code())
            self.enter()

    def fresh_code(self) -> str:
        """A code that was not used yet: each counts once."""
        totp = pyotp.TOTP(self.known["totp_secret"])
        while totp.now() == self.used.get(self.known["run"]):
            self.page.wait_for_timeout(500)
        self.used[self.known["run"]] = totp.now()
        return self.used[self.known["run"]]

    def enter(self) -> None:
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def tick(self, selector: str) -> None:
        self.looker.tab_to(selector)
        self.page.keyboard.press("Space")

    def choose(self, selector: str, words: str) -> None:
        """Pick an entry of a list by typing how it begins."""
        self.looker.tab_to(selector)
        self.page.keyboard.type(words)


def asking_for_whom(sandbox: RunningSandbox) -> str:
    """The address by which a service asks for whom somebody acts."""
    facts = sandbox.facts["identity"]
    client = facts["clients"]["web"]
    asked = {"client_id": client["client_id"], "redirect_uri": client["redirect_uris"][0], "response_type": "code"}
    asked |= {"scope": "openid represent", "state": "s" * 32, "nonce": "n" * 16}
    return f"{facts['issuer']}/authorize?" + urlencode(asked | {"code_challenge": "c" * 43, "code_challenge_method": "S256"})


@pytest.mark.rule("identity", "RP-3", "RP-4", "RP-6", "RP-7", "§3.13")
def test_a_mandate_is_given_accepted_and_ended(chromium: Browser, sandbox: RunningSandbox) -> None:
    with visiting(chromium, language="es", width=360) as first, visiting(chromium, language="es", width=360) as second:
        jose, camila = Person(first, sandbox, JOSE, "mandate"), Person(second, sandbox, CAMILA, "mandate-accept")
        jose.open("/account/mandates/give")
        jose.looker.look("give")
        jose.looker.type_in("#run", CAMILA)
        jose.tick("#powers-1")
        for part, typed in (("day", "31"), ("month", "12"), ("year", "2030")):
            jose.looker.type_in(f"#valid_until-{part}", typed)
        jose.looker.press("main form button")
        jose.looker.look("offered")
        camila.open("/account/mandates")
        camila.looker.look("offer")
        camila.looker.press("form[action$='/accept'] button")
        expect(second.locator("main")).to_contain_text("José")
        jose.open("/account/mandates")
        expect(first.locator("main")).to_contain_text("Camila")
        jose.looker.look("given")
        jose.looker.press("#given a")
        jose.looker.look("one")
        jose.looker.press("form[action$='/end'] button")
        camila.open("/account/mandates")
        expect(second.locator("main")).not_to_contain_text("Ñancupil")
        camila.open("/account/sessions")
        camila.looker.look("sessions")
        second.goto(asking_for_whom(sandbox))
        expect(second.locator("main")).to_contain_text("Amaya")
        expect(second.locator("main")).to_contain_text("Deben actuar 2 en conjunto")
        expect(second.locator("main")).to_contain_text("Pagar y recibir dinero")
        camila.looker.look("for-whom")


@pytest.mark.rule("identity", "AS-2", "AS-5", "CB-9", "§3.13")
def test_an_agent_helps_on_the_telephone(chromium: Browser, sandbox: RunningSandbox) -> None:
    staff = sandbox.facts["identity"]["staff"][0]["run"]
    with visiting(chromium, language="es", width=1280) as first, visiting(chromium, language="es", width=360) as second:
        agent, camila = Person(first, sandbox, staff, "assist", 1280), Person(second, sandbox, CAMILA, "assist-citizen")
        agent.open("/assist")
        agent.looker.look("console")
        agent.looker.type_in("#run", CAMILA)
        agent.looker.type_in("#office", "mesa telefónica")
        agent.looker.type_in("#reason", "Saber cómo va su trámite")
        agent.tick("#action-information")
        agent.choose("#channel", "Por")
        agent.choose("#proof", "Dice")
        agent.looker.press("form[action$='/assist'] button")
        number = first.locator("p.govuk-heading-xl .app-code").inner_text()
        agent.looker.look("number")
        camila.open("/account/requests")
        camila.looker.press("main li a")
        camila.looker.look("question")
        camila.looker.type_in("#match_code", number)
        camila.looker.press("button[value=grant]")
        camila.open("/account/help")
        expect(second.locator("main")).to_contain_text("Saber cómo va su trámite")
        camila.looker.look("help")
        camila.looker.press("form[action$='/object'] button")
        expect(second.locator("main")).to_contain_text("Usted reclamó")


@pytest.mark.rule("identity", "§3.6", "§3.7", "§3.13")
def test_an_office_activates_an_account_that_is_recovered_later(chromium: Browser, sandbox: RunningSandbox) -> None:
    staff = sandbox.facts["identity"]["staff"][0]["run"]
    with visiting(chromium, language="es", width=1280) as first, visiting(chromium, language="es", width=360) as second:
        officer, rosa = Person(first, sandbox, staff, "office", 1280), Looker(second, "activate-recover", language="es", width=360)
        officer.open("/office")
        officer.looker.look("office")
        officer.looker.type_in("#run", ROSA)
        officer.looker.type_in("#document_number", CARD)
        officer.looker.type_in("#place", "mesón 3")
        officer.tick("#face")
        officer.looker.press("form[action$='/office'] button")
        officer.looker.look("code")
        code = re.search(r"[2-9A-HJ-NP-Z]{4} [2-9A-HJ-NP-Z]{4} [2-9A-HJ-NP-Z]{2}", first.locator("main").inner_text())
        assert code is not None
        second.goto(officer.base + "/activar")
        rosa.look("activate")
        rosa.type_in("#run", ROSA)
        rosa.type_in("#code", code[0])
        rosa.type_in("#password", NEW_PASSWORD)
        rosa.type_in("#email", "rosa@example.com")
        rosa.tab_to("#terms")
        second.keyboard.press("Space")
        rosa.press("main form button")
        rosa.look("activated")
        paper = second.locator("li .app-code").first.inner_text()
        second.goto(officer.base + "/recover")
        rosa.look("start")
        rosa.type_in("#run", ROSA)
        rosa.press("main form button")
        rosa.look("proof")
        rosa.type_in("#code", paper)
        rosa.press("main form button")
        rosa.look("new-password")
        rosa.type_in("#password", NEW_PASSWORD + " nueva")
        rosa.press("main form button")
        rosa.look("done")


@pytest.mark.rule("identity", "§3.11", "§3.13")
def test_a_team_registers_a_service(chromium: Browser, sandbox: RunningSandbox) -> None:
    with visiting(chromium, language="es", width=1280) as page:
        owner = Person(page, sandbox, JOSE, "team", 1280)
        owner.open("/team/new")
        owner.looker.look("new-service")
        values = {
            "organisation": "Biblioteca de Quilpalín",
            "contact_email": "b@example.com",
            "service": "Préstamos",
            "purpose": "Prestar libros.",
        }
        values |= {
            "owner": "Ana Paredes",
            "legal_basis": "Ley 1",
            "start_url": "https://b.example/",
            "redirect_uri": "https://b.example/cb",
        }
        for name, value in values.items():
            owner.looker.type_in(f"#{name}", value)
        owner.looker.press("main form button")
        owner.looker.look("keys")
        expect(page.locator("main .app-code").first).to_be_visible()
