"""Staff without code in a real Chromium, by keyboard: write a template, send it, look after it.  Spec: requirements NO-3."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from notify.models import Service
from tests.browser.chromium import Looker, visiting
from tests.browser.test_gallery import serving
from tests.factories.notify import World, add_notification
from tests.factories.notify_console import ORG, sign_in
from tests.factories.notify_fixtures import RunJobs, app, notify, run_jobs, world

__all__ = ["app", "notify", "run_jobs", "world"]
pytestmark = pytest.mark.browser
SCREENS = [("es", 360), ("en", 1280)]
Visit = Callable[[Page], str]


@pytest.fixture
def console(app: Flask, world: World) -> Iterator[Visit]:
    """`console(page)` signs the page's person in as owner and gives the service's address."""
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(org_id=ORG))
    with signed_in(app, f"{ORG}:owner") as visit:
        yield lambda page: f"{visit(page)}/services/{world.service_id}"


@pytest.fixture
def office(app: Flask) -> Iterator[Visit]:
    """`office(page)` signs the page's person in as one who runs the suite and gives the console's address."""
    with signed_in(app, "operator") as visit:
        yield visit


@contextmanager
def signed_in(app: Flask, role: str) -> Iterator[Visit]:
    cookie = sign_in(app, role).get_cookie("notify-session")
    assert cookie is not None
    with serving(app) as address:

        def visit(page: Page) -> str:
            page.context.add_cookies([{"name": "notify-session", "value": cookie.value, "url": address}])
            page.goto(f"{address}/")
            return address

        yield visit


@pytest.mark.rule("notify", "NO-3")
@pytest.mark.parametrize(("language", "width"), SCREENS)
def test_a_template_is_written_and_sent_by_keyboard(
    chromium: Browser, console: Visit, run_jobs: RunJobs, language: str, width: int
) -> None:
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "notify-console", language=language, width=width)
        base = console(page)
        looker.look("services")
        looker.press(f"main a[href='{base[base.index('/services') :]}']")
        looker.look("service")
        looker.press("nav a[href$='/templates']")
        looker.look("templates")
        page.goto(base + "/templates/new")
        looker.look("begin")
        page.goto(base + f"/templates/draft?example=reminder-{language}-email")
        looker.look("draft")
        looker.type_in("#subject", "x" * 80)
        looker.press("button[name=look]")
        expect(page.locator("main")).to_contain_text("70")
        looker.look("advice")
        looker.press("button[name=save]")
        looker.look("template")
        looker.press("main a[href$='/send']")
        looker.look("to-whom")
        looker.type_in("#recipient", "camila@example.com")
        for field in page.locator("main input[id^=value-]").all():
            looker.type_in(f"#{field.get_attribute('id')}", "dato")
        looker.press("main form button")
        looker.look("right")
        looker.press("button[name=send]")
        run_jobs()
        page.reload()
        expect(page.locator(".govuk-tag--green")).to_have_count(1)
        looker.look("sent")


def test_what_is_wrong_has_the_focus(chromium: Browser, console: Visit, world: World) -> None:
    page = chromium.new_context(viewport={"width": 360, "height": 640}).new_page()
    page.goto(console(page) + f"/templates/{world.templates['email']}/send")
    page.locator("main form button").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(page.locator(".govuk-error-summary a")).to_have_count(3)
    page.context.close()


@pytest.mark.rule("notify", "NO-3")
@pytest.mark.parametrize(("language", "width"), SCREENS)
def test_what_a_team_sets_can_be_used_by_everybody(chromium: Browser, console: Visit, world: World, language: str, width: int) -> None:
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "notify-settings", language=language, width=width)
        base = console(page)
        names = (
            "",
            "/keys",
            "/senders",
            "/guests",
            "/channels",
            "/files",
            "/retention",
            "/notices",
            "/callback",
            "/callback/delivery_status",
            "/brand",
        )
        for name in (*names, "/suppressions"):
            page.goto(f"{base}/settings{name}")
            looker.look("settings" + name.replace("/", "-"))
        page.goto(f"{base}/settings/keys")
        looker.type_in("#name", "Reservas")
        looker.press("main form button.govuk-button")
        expect(page.locator("#new-key")).to_contain_text(str(world.service_id))
        looker.look("key-made")
        add_notification(world, "email", to="maria.fernanda.gonzalez.errazuriz@municipalidad-de-quilpalin.example.com")
        page.goto(f"{base}/messages")
        looker.look("messages")
        for name in ("received", "unsubscribes", "usage", "letters/new"):
            page.goto(f"{base}/{name}")
            looker.look(name.replace("/", "-"))
        page.goto(f"{base}/templates/{world.templates['letter']}")
        looker.look("letter")
        page.goto(f"{base}/templates/{world.templates['sms']}/versions/1")
        looker.look("version")


@pytest.mark.rule("notify", "§19", "NO-3")
@pytest.mark.parametrize(("language", "width"), SCREENS)
def test_who_runs_the_suite_can_use_their_pages(chromium: Browser, office: Visit, world: World, language: str, width: int) -> None:
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "notify-operator", language=language, width=width)
        address = office(page)
        for name in ("providers", "prices", "standings", "brands", f"services/{world.service_id}/settings/limits", "providers/secrets"):
            page.goto(f"{address}/{name}")
            looker.look(name.rpartition("/")[2])
        looker.press("main tbody tr:first-child button[name=give]")
        expect(page.locator("#new-secret")).to_have_count(1)
        looker.look("secret-made")


FILE = "teléfono;name;amount\n07700900001;Camila;$1\nmal;José;$2\n07700900002;;$3\n;Kevin;$4\n07700900003;María;$5\n"


@pytest.mark.rule("notify", "NO-3")
@pytest.mark.parametrize(("language", "width"), SCREENS)
def test_a_list_is_saved_and_sent_with(chromium: Browser, console: Visit, world: World, language: str, width: int) -> None:
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "notify-lists", language=language, width=width)
        base = console(page)
        page.goto(f"{base}/lists")
        looker.look("none")
        looker.press("main a[href$='/lists/new']")
        looker.look("form")
        page.locator("#name").fill("Apoderados de cuarto medio")
        page.locator("input[name=channel][value=sms]").check()
        data = "teléfono;name;amount\n07700900001;Camila;$1\n"
        page.locator("#file").set_input_files({"name": "x.csv", "mimeType": "text/csv", "buffer": data.encode()})
        looker.press("main form button")
        looker.look("saved")
        page.goto(f"{base}/lists")
        looker.look("lists")
        looker.press("main tbody a")
        looker.press("main a[href$='/delete']")
        looker.look("delete")
        page.goto(f"{base}/templates/{world.templates['sms']}/upload")
        looker.look("offered")
        looker.press("form[action*='/lists/'] button")
        expect(page.locator("select")).to_have_count(6)


@pytest.mark.rule("notify", "NO-3")
@pytest.mark.parametrize(("language", "width"), SCREENS)
def test_a_file_with_three_bad_rows_is_looked_at_before_anything_is_sent(
    chromium: Browser, console: Visit, world: World, run_jobs: RunJobs, language: str, width: int
) -> None:
    with visiting(chromium, language=language, width=width) as page:
        looker = Looker(page, "notify-upload", language=language, width=width)
        base = console(page)
        page.goto(f"{base}/templates/{world.templates['sms']}/upload")
        looker.look("file")
        page.locator("#file").set_input_files({"name": "horas.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp1252")})
        looker.press("main form button")
        looker.look("columns")
        looker.press("main form button")
        expect(page.locator("tbody tr")).to_have_count(3)
        looker.look("rows")
        assert world.notify.sms.messages == []  # type: ignore[attr-defined]  # the one in memory
        looker.press("button[name=send]")
        looker.look("job")
        run_jobs()
        page.goto(page.url)
        looker.look("finished")
        sent = world.notify.sms.messages  # type: ignore[attr-defined]
        assert sorted(text.to for text in sent) == ["447700900001", "447700900003"]
