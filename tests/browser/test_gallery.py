"""Every kind of page in a real browser, wide and narrow, in both languages: what people see, and what assistive technology does."""

import re
import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from shared.clock import FixedClock
from shared.context import Context
from shared.ids import SeededIds
from tests.browser.chromium import ARTEFACTS
from tests.unit.shared.conftest import make_settings, shared_database
from tests.unit.shared.web.gallery import PAGES, make_gallery

pytestmark = pytest.mark.browser
__all__ = ["shared_database"]

WIDTHS = (1280, 360)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def gallery(shared_database: str, redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[str]:
    """The gallery, served; its address."""
    context = Context(make_settings(shared_database, redis_url), "toy", clock, ids)
    with serving(make_gallery(context)) as address:
        yield address
    context.close()


class serving:  # noqa: N801 - it reads as a verb: with serving(app) as address
    """Serve an app on a free port of this machine."""

    def __init__(self, app: Flask) -> None:
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def open_page(chromium: Browser, width: int, *, scripts: bool = True) -> Page:
    return chromium.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts).new_page()


def keep(page: Page, name: str) -> None:
    """Keep a picture of the page as a person sees it."""
    folder = ARTEFACTS / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / (re.sub(r"\W+", "-", name).strip("-") + ".png"), full_page=True)


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_nothing_sticks_out(chromium: Browser, gallery: str, width: int) -> None:
    page = open_page(chromium, width)
    found = []
    for path in PAGES:
        for language in ("es", "en"):
            page.goto(f"{gallery}{path}{'&' if '?' in path else '?'}lang={language}")
            keep(page, f"{path}-{language}-{width}")
            results = Axe().run(page, options=RULES)
            found += [f"{path} {rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in results.response["violations"]]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path} is wider than {width}")
    page.context.close()
    assert found == []


def test_axe_would_find_something(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 1280)
    page.goto(gallery + "/form")
    page.evaluate("document.querySelector('label').remove()")
    assert "label" in {rule["id"] for rule in Axe().run(page, options=RULES).response["violations"]}
    page.context.close()


def test_at_400_percent_nothing_is_lost(chromium: Browser, gallery: str) -> None:
    """1280 px at 400 % are 320 px.  Spec: WCAG 2.2 §1.4.10."""
    page = open_page(chromium, 320)
    for path in PAGES:
        page.goto(gallery + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    page.context.close()


def test_the_keyboard_walks_in_order_and_the_focus_is_seen(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 1280)
    page.goto(gallery + "/form?lang=es")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(document.activeElement.innerText || document.activeElement.id).trim()"))
        style = page.evaluate(
            "(s => s.outlineStyle + s.outlineColor + s.boxShadow + s.backgroundColor)(getComputedStyle(document.activeElement))"
        )
        assert "255, 213, 74" in style, seen
    assert seen[:4] == ["Ir al contenido", "Andamio", "English", "Datos abiertos"]
    assert seen[4:10] == ["Volver", "run", "password", "Entrar", "Cancelar", "Olvidé mi clave"]
    page.context.close()


def test_the_skip_link_leads_into_main(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 360)
    page.goto(gallery + "/form")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "run"
    page.context.close()


def test_the_error_summary_has_the_focus(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 360)
    page.goto(gallery + "/form?wrong=1")
    assert "govuk-error-summary" in page.evaluate("document.activeElement.className")
    page.context.close()


def test_a_form_is_sent_without_scripts(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 360, scripts=False)
    page.goto(gallery + "/form")
    with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        page.get_by_role("button", name="Entrar").click()
    assert sent.value.status == 200
    page.context.close()


def test_our_typeface_is_loaded_and_the_browser_refuses_nothing(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 1280)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(gallery + "/receipt")
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px \"Public Sans\"'))")
    assert page.evaluate("[...document.fonts].filter(font => font.status === 'loaded').length") == 2
    assert said == []
    page.context.close()


def test_a_table_is_a_list_on_a_small_screen(chromium: Browser, gallery: str) -> None:
    for width, display in ((1280, "table-cell"), (360, "flex")):
        page = open_page(chromium, width)
        page.goto(gallery + "/console")
        assert page.locator("td").first.evaluate("cell => getComputedStyle(cell).display") == display
        page.context.close()


def test_a_printed_receipt_has_no_buttons_and_no_ink_wasted(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 1280)
    page.goto(gallery + "/receipt")
    page.emulate_media(media="print")
    keep(page, "receipt-print")
    assert not page.locator(".app-language").is_visible()
    assert page.locator(".govuk-panel").evaluate("panel => getComputedStyle(panel).backgroundColor") == "rgba(0, 0, 0, 0)"
    assert page.get_by_text("$14.500").is_visible()
    page.context.close()


def test_in_forced_colours_the_header_and_the_band_keep_a_border(chromium: Browser, gallery: str) -> None:
    page = open_page(chromium, 360)
    page.emulate_media(forced_colors="active")
    page.goto(gallery + "/acting")
    for part in (".app-header", ".app-band"):
        assert page.locator(part).evaluate("element => getComputedStyle(element).borderBottomWidth") == "2px"
    page.context.close()
