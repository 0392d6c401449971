"""Access rules for people who signed in by OpenID Connect."""

from flask import g

from shared.access import Access
from shared.web.person import require_level

STAFF_LEVEL = 2


class Citizen(Access):
    """A person who signed in by OpenID Connect; others are sent to sign in."""

    name = "signed-in person"
    pages = True
    level = 0
    """Level of sign-in that the pages ask for; staff see what belongs to others, so theirs ask for `STAFF_LEVEL`."""

    def check(self) -> None:
        """Leave the Person in `g.person`, or send the browser to sign in."""
        g.person = require_level(self.level)

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return super().describe() + (", with a second factor" if self.level >= STAFF_LEVEL else "")
