"""A real Chromium, driven by the keyboard, that looks at each page it comes to."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "var" / "artefacts"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
)
HEIGHTS = {360: 640, 1280: 800}
TABS_MAX = 80
_PICTURE_MS = 3_000
_PICTURE_TRIES = 4
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def find_chromium() -> str:
    """The Chromium of this machine.  Raises: RuntimeError with what to do."""
    named = os.environ.get("CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("browser tests need a Chromium: install Debian's package chromium, or name one in CHROMIUM")
    return found


def launch(playwright: Playwright) -> Browser:
    """Start it, without a screen."""
    return playwright.chromium.launch(executable_path=find_chromium(), args=list(SWITCHES))


@contextmanager
def visiting(browser: Browser, *, language: str, width: int) -> Iterator[Page]:
    """A person with a language and a screen; what the page logs as an error fails the test."""
    faults: list[str] = []
    locale = "es-CL" if language == "es" else "en-GB"
    context = browser.new_context(locale=locale, viewport={"width": width, "height": HEIGHTS[width]})
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    assert faults == []


class Looker:
    """Checks each state of a page that the person comes to, and keeps a picture of it."""

    def __init__(self, page: Page, name: str, *, language: str, width: int) -> None:
        self.page = page
        self._folder = ARTEFACTS / name / f"{language}-{width}"
        self._language = language
        self._width = width
        self._number = 0
        self._folder.mkdir(parents=True, exist_ok=True)

    def look(self, name: str) -> None:
        """The page as it stands: rules that every page keeps, and no finding of axe."""
        self._number += 1
        page = self.page
        self._keep_picture(self._folder / f"{self._number:02}-{name}.png")
        expect(page.locator("main")).to_have_count(1)
        expect(page.locator("h1")).to_have_count(1)
        assert str(page.locator("html").get_attribute("lang")).startswith(self._language), f"{name} is not in {self._language}"
        assert page.title().strip(), f"{name} has no title"
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} is {wider} px wider than the screen of {self._width} px"
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]})
        assert found.violations_count == 0, f"{name} at {page.url}:\n{found.generate_report()}"

    def _keep_picture(self, path: Path) -> None:
        # A busy machine's Chromium now and then draws no frame for a picture that it is asked for; it does for the next.
        for _ in range(_PICTURE_TRIES - 1):
            with contextlib.suppress(PlaywrightError):
                self.page.screenshot(path=path, full_page=True, timeout=_PICTURE_MS)
                return
            self.page.bring_to_front()
        self.page.screenshot(path=path, full_page=True)

    def tab_to(self, selector: str) -> None:
        """Reach a control by the Tab key alone, and see that it shows that it has the focus."""
        for _ in range(TABS_MAX):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                assert self.page.evaluate(_FOCUS_SHOWS), f"{selector} does not show that it has the focus"
                return
        raise AssertionError(f"{selector} cannot be reached by keyboard on {self.page.url}")

    def type_in(self, selector: str, text: str) -> None:
        """Go to a field by keyboard and write over what it holds."""
        self.tab_to(selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def press(self, selector: str) -> None:
        """Go to a link or button by keyboard and press it; returns when the next page is there."""
        self.tab_to(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


# A changed outline, shadow, border or ground tells where the focus is.
_FOCUS_SHOWS = """() => {
  const element = document.activeElement;
  const seen = node => {
    const s = getComputedStyle(node);
    return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.backgroundColor, s.borderColor].join();
  };
  const look = () => seen(element) + (element.labels && element.labels[0] ? getComputedStyle(element.labels[0], '::before').boxShadow : '');
  const style = getComputedStyle(element);
  if (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) return true;
  const focused = look();
  element.blur();
  const blurred = look();
  element.focus();
  return focused !== blurred;
}"""
