from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import launch
from tests.sandboxes import sandbox

__all__ = ["sandbox"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for the file, each test in a context of its own; closed with it, for Playwright holds the thread's event loop."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
