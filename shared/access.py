"""Access rules: who may use a route.  A route without one keeps the app from starting.

A rule's `check` returns, or raises a Problem; it leaves who calls in `flask.g`.  Rules of one service alone (API keys of
a foreign contract) are subclasses that live in that service.
"""

from typing import TYPE_CHECKING, ClassVar

from flask import current_app, g

from shared.auth import Caller, InvalidToken, KeysUnavailable
from shared.holder import check_holder, shown_token
from shared.problems import Forbidden, NotAuthenticated, Unavailable

if TYPE_CHECKING:
    from shared.context import Context


class Access:
    """A rule.  `name` is what documents show; `pages` says that people come with a browser: errors as pages, CSRF checked.

    `bearer` says what the bearer token of this rule is, for OpenAPI; empty where none is sent.
    """

    name: ClassVar[str] = ""
    pages: ClassVar[bool] = False
    bearer: ClassVar[str] = ""

    def check(self) -> None:
        """Let the present request pass, or raise a Problem."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return self.name


class Public(Access):
    """Anybody, by machine."""

    name = "public"

    def check(self) -> None:
        """Let anybody pass."""


class PublicPage(Access):
    """Anybody, with a browser; forms carry a CSRF token."""

    name = "public page"
    pages = True

    def check(self) -> None:
        """Let anybody pass."""


PUBLIC = Public()
PUBLIC_PAGE = PublicPage()


def _context() -> "Context":
    context: Context = current_app.extensions["andamio"].context
    return context


class Scope(Access):
    """A machine with an access token of the issuer that is addressed to this service and has all the scopes.

    A token that is bound to a key comes with the proof of that key (DPoP).
    """

    bearer = "Access token of identity, addressed to this service (RFC 9068)."

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return "access token with scope " + " ".join(self.scopes)

    def check(self) -> None:
        """Leave the Caller in `g.caller`.  Raises: NotAuthenticated, Forbidden, Unavailable."""
        scheme, token = shown_token()
        try:
            caller: Caller = _context().token_verifier.verify(token)
        except InvalidToken as error:
            challenge = f'Bearer error="invalid_token", error_description="{error}"'
            raise NotAuthenticated(f"The access token was refused: {error}.", headers={"WWW-Authenticate": challenge}) from None
        except KeysUnavailable:
            raise Unavailable("The keys that access tokens are checked with cannot be had just now.") from None
        check_holder(_context(), caller, scheme, token)
        missing = [scope for scope in self.scopes if scope not in caller.scopes]
        if missing:
            challenge = f'Bearer error="insufficient_scope", scope="{" ".join(self.scopes)}"'
            raise Forbidden(f"The access token lacks the scope {' '.join(missing)}.", headers={"WWW-Authenticate": challenge})
        g.caller = caller
