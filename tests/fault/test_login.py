"""Identity dies at each step of a login: the same browser goes on and finishes."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.journey.pages import Browser, Button, Form, Page
from deploy.journey.person import Person
from deploy.journey.service import LoginClient
from tests.fault.conftest import Note
from tests.fault.people import browser_client, insist
from tests.fault.suite import Suite, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("fault")]
RUN_WITH_SECOND_FACTOR = "22222222-2"
PAGES_MAX = 3


class Interrupted(Browser):
    """A browser whose every form is sent twice: identity dies in the middle of the first, and answers the second."""

    suite: Suite
    recovered: list[float]

    def submit(self, page: Page, form: Form, values: Mapping[str, str], *, button: Button | None = None) -> Page:
        """Send a form, see it fail, and send it again until it is answered."""

        def send() -> Page:
            return super(Interrupted, self).submit(page, form, values, button=button)

        with ThreadPoolExecutor(1) as pool:
            with self.suite.held("identity", "interactions"):
                sent = pool.submit(send)
                until(lambda: self.suite.is_waited_for("identity", "interactions"), f'the form of "{page.heading}" is half done')
                death = self.suite.kill("identity")
            assert sent.exception() is not None
        answer = insist(send)
        self.recovered.append(death.recovered())
        return answer


@pytest.fixture
def browser(suite: Suite) -> Iterator[Interrupted]:
    with browser_client() as client:
        made = Interrupted(client, language="es-CL")
        made.suite, made.recovered = suite, []
        yield made


@pytest.mark.rule("identity", "AZ-24")
def test_a_login_goes_on_when_identity_dies_at_each_of_its_steps(suite: Suite, browser: Interrupted, note: Note) -> None:
    """Password, second factor, agreement, and last the code that is changed for tokens."""
    citizen = suite.sandbox.citizen(RUN_WITH_SECOND_FACTOR)
    client = LoginClient(suite.sandbox, suite.http)
    client.discover()
    begun = client.begin("es")
    page = Person(citizen, browser).arrive(begun.url, back_at=(begun.redirect_uri,))
    for _ in range(PAGES_MAX):
        if page.url.startswith(begun.redirect_uri):
            break
        form = page.form_with(lambda form: form.method == "post" and bool(form.buttons), what="to go on")
        page = browser.submit(page, form, {}, button=form.buttons[0])
    assert len(browser.recovered) >= 2, "the login asked for less than a password and a code"
    with ThreadPoolExecutor(1) as pool:
        with suite.held("identity", "authorization_codes"):
            redeeming = pool.submit(client.finish, begun, page.url)
            until(lambda: suite.is_waited_for("identity", "authorization_codes"), "the code is half redeemed")
            death = suite.kill("identity")
        assert isinstance(redeeming.exception(), OSError)
    claims, userinfo = insist(lambda: client.finish(begun, page.url))
    assert userinfo["name"] == citizen.name
    assert claims["sub"] == userinfo["sub"]
    note("identity web back after kill -9", max(*browser.recovered, death.recovered()))
