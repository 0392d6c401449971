"""What the person does on the pages, and what she must find there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pyotp

from deploy.journey.facts import Citizen
from deploy.journey.pages import Browser, Form, Page, PageFault

PAGES_MAX = 8
CARD = {"cc-number": "4242424242424242", "cc-csc": "123", "cc-name": "Camila Soto"}
ADDRESS = {"addressLine1": "Avenida Los Aromos 123", "addressCity": "Quilpalín", "addressPostcode": "8320000"}


class Person:
    """A citizen at her browser."""

    def __init__(self, citizen: Citizen, browser: Browser) -> None:
        self.citizen = citizen
        self.browser = browser

    def arrive(self, url: str, *, back_at: tuple[str, ...] = ()) -> Page:
        """Open an address and sign in where asked; the first page that asks for something else, or the return to the service."""
        self.browser.stop_at = back_at
        page = self.browser.open(url)
        for _ in range(PAGES_MAX):
            form = next((form for form in page.forms if self._credentials(form)), None)
            if form is None:
                return page
            seen = (page.url, page.text)
            page = self.browser.submit(page, form, self._credentials(form), button=form.buttons[0] if form.buttons else None)
            if (page.url, page.text) == seen or _shows_error(page, form):
                raise PageFault(f'signing in was refused on the page "{page.heading}"')
        raise PageFault("signing in does not come to an end")

    def press(self, page: Page, *, name: str, value: str) -> Page:
        """Press the button with this name and value."""
        form = page.form_with(
            lambda form: any((b.name, b.value) == (name, value) for b in form.buttons), what=f"with a button {name}={value}"
        )
        button = next(b for b in form.buttons if (b.name, b.value) == (name, value))
        return self.browser.submit(page, form, {}, button=button)

    def pay(self, next_url: str, *, return_url: str, email: str) -> tuple[Page, Page]:
        """Pay with a card of the sandbox: the page that asks for confirmation, and the return to the service."""
        confirm = self.give_card(next_url, return_url=return_url, email=email)
        return confirm, self.confirm(confirm)

    def give_card(self, next_url: str, *, return_url: str, email: str) -> Page:
        """Type in a card of the sandbox: the page that asks for confirmation."""
        self.browser.stop_at = (return_url,)
        page = self.browser.open(next_url)
        form = page.form_with(lambda form: form.field_for("cc-number") is not None, what="for a card")
        confirm = self.browser.submit(page, form, self._card(form, email), button=form.buttons[0] if form.buttons else None)
        for _ in range(PAGES_MAX):
            if not confirm.text and not confirm.forms:
                raise PageFault("the payer was sent back before confirming")
            if any(form.field_for("cc-number") for form in confirm.forms):
                raise PageFault(f'the card was not taken on the page "{confirm.heading}"')
            if any(form.method == "post" and "confirm" in form.action for form in confirm.forms) or "/confirm" in confirm.url:
                break
            confirm = self.browser.open(confirm.url)  # the waiting page asks to be opened again
        return confirm

    def confirm(self, confirm: Page) -> Page:
        """Press the button that pays: the return to the service."""
        asked = confirm.form_with(lambda form: "cancel" not in form.action and form.method == "post", what="to confirm")
        return self.browser.submit(confirm, asked, {}, button=asked.buttons[0] if asked.buttons else None)

    def _credentials(self, form: Form) -> Mapping[str, str]:
        """What this form asks of somebody signing in, and nothing when it asks for other things."""
        known = {"username": self.citizen.run, "current-password": self.citizen.password}
        values = {name: known[kind] for name, kind in form.autocomplete.items() if kind in known}
        code = form.field_for("one-time-code")
        if code is not None and self.citizen.totp_secret:
            values[code] = pyotp.TOTP(self.citizen.totp_secret).now()
        return values

    def _card(self, form: Form, email: str) -> dict[str, str]:
        next_year = datetime.now(UTC).year + 2
        by_kind = {**CARD, "cc-exp-month": "12", "cc-exp-year": str(next_year % 100), "email": email}
        values = {name: by_kind[kind] for name, kind in form.autocomplete.items() if kind in by_kind}
        return values | {name: value for name, value in ADDRESS.items() if name in form.fields}


def _shows_error(page: Page, sent: Form) -> bool:
    """The same form came back with an error status."""
    return page.status >= 400 and any(form.action == sent.action for form in page.forms)
