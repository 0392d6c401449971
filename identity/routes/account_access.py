"""Who may use the pages of the account: its person, signed in strongly and lately enough."""

from datetime import timedelta
from typing import cast
from urllib.parse import urlencode

from flask import Flask, Response, g, redirect, request

from identity.context import current
from identity.models.finders import find_active_facts
from identity.operations.sessions import Session
from identity.routes.browser import read_browser
from identity.standards import acr
from shared.access import Access
from shared.problems import NotAuthenticated
from shared.web import gettext_noop, show_person
from shared.web.person import is_own_path

SIGN_OUT = "/account/sign-out"


class SignInNeeded(NotAuthenticated):
    """Nobody is signed in, or not strongly or not lately enough: the browser is sent to sign in and comes back."""

    def __init__(self, location: str) -> None:
        super().__init__(gettext_noop("Sign in to go on."))
        self.location = location


class AccountHolder(Access):
    """A person who signed in here; `level` is the strength, `fresh` how lately."""

    pages = True

    def __init__(self, *, level: int = 1, fresh: timedelta | None = None) -> None:
        self.level = level
        self.fresh = fresh

    def describe(self) -> str:
        """Return the rule as documents show it."""
        lately = f" within {int(self.fresh.total_seconds() // 60)} minutes" if self.fresh else ""
        return "signed-in person" + (f" at level {self.level}" if self.level > 1 else "") + lately

    def check(self) -> None:
        """Leave the session in `g.account`, or send the browser to sign in."""
        identity = current()
        session = read_browser(identity).session
        if session is None or not acr.satisfies(session.acr, acr.LEVELS[self.level - 1]):
            raise SignInNeeded(start_url(_here(), level=self.level, fresh=self.fresh))
        if self.fresh is not None and identity.clock.now() - session.auth_time > self.fresh:
            raise SignInNeeded(start_url(_here(), level=self.level, fresh=self.fresh))
        g.account = session
        with identity.reading() as tx:
            facts = find_active_facts(tx.connection, identity.cipher, session.person_id)
        if facts is not None:
            show_person(facts.full_name, sign_out_url=SIGN_OUT)


def account() -> Session:
    """Return the session of the present request."""
    return cast(Session, g.account)


def start_url(path: str, *, level: int = 1, fresh: timedelta | None = None) -> str:
    """Return the address at which signing in for a page begins."""
    query = {"next": path}
    if level > 1:
        query["level"] = str(level)
    if fresh is not None:
        query["max_age"] = str(int(fresh.total_seconds()))
    return "/login/start?" + urlencode(query)


def _here() -> str:
    path = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else "/account"
    return path if is_own_path(path) else "/account"


def send_to_sign_in(app: Flask) -> None:
    """Have refusals of these rules lead to the sign-in page."""

    def go(needed: SignInNeeded) -> Response:
        return cast(Response, redirect(needed.location, 303))

    app.register_error_handler(SignInNeeded, go)
