"""Access rules of the wallet alone."""

from flask import g

from shared.access import Scope
from shared.problems import Forbidden


class AnyScope(Scope):
    """A machine with an access token that has one of the scopes at least."""

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return "access token with scope " + " or ".join(self.scopes)

    def check(self) -> None:
        """Leave the Caller in `g.caller`.  Raises: NotAuthenticated, Forbidden, Unavailable."""
        Scope().check()
        if not g.caller.scopes & set(self.scopes):
            challenge = f'Bearer error="insufficient_scope", scope="{" ".join(self.scopes)}"'
            raise Forbidden(f"The access token lacks each of {' '.join(self.scopes)}.", headers={"WWW-Authenticate": challenge})


BODY = AnyScope("wallet:consents", "wallet:exchange", "wallet:provide")
"""Any body that takes part: as recipient or as provider."""
