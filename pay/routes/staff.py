"""Who may open the console: people with a role in an organisation that takes payments."""

from flask import g, request

from pay.standards.staff_powers import StaffMember
from shared.problems import Forbidden
from shared.web import gettext_noop as noop
from shared.web.person import require_level
from shared.web.signed_in import STAFF_LEVEL, Citizen

FRESH_SECONDS = 15 * 60


class AtTheDesk(Citizen):
    """A person who signed in and has a role in some organisation; which accounts they may touch, each operation checks.

    `bytes_max` lets a larger form in.
    """

    name = "staff of an organisation"
    level = STAFF_LEVEL

    def __init__(self, *, bytes_max: int = 0) -> None:
        self.bytes_max = bytes_max

    def check(self) -> None:
        """Leave the Person in `g.person`.  Raises: Forbidden when there is no role."""
        if self.bytes_max:
            request.max_content_length = self.bytes_max
        super().check()
        if not staff().may_come:
            raise Forbidden(noop("You have no role in an office that takes payments. Ask the owner of the service."))


def staff() -> StaffMember:
    """Return who sits at the console."""
    person = g.person
    return StaffMember(person.sub, person.name, person.roles)


def second_factor() -> None:
    """Ask for two factors within the last quarter of an hour: money and secrets need them."""
    require_level(STAFF_LEVEL, max_age_seconds=FRESH_SECONDS)
