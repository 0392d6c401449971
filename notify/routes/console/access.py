"""Who may use the console's pages: staff who signed in, with a right on the service that the address names."""

from typing import cast

from flask import g, request

from notify.context import current
from notify.models.team import Member, Right
from notify.operations.teams import ServiceCard, open_service
from shared.problems import Forbidden
from shared.web import gettext_noop
from shared.web.signed_in import STAFF_LEVEL, Citizen

UPLOAD_BYTES_MAX = 40 * 1024 * 1024


class Team(Citizen):
    """Staff with a right on the service of the address; `bytes_max` lets a larger form in."""

    level = STAFF_LEVEL

    def __init__(self, right: Right, *, bytes_max: int = 0) -> None:
        self.right = right
        self.bytes_max = bytes_max

    def describe(self) -> str:
        """Return the rule as documents show it."""
        return f"staff who may {self.right} on the service, with a second factor"

    def check(self) -> None:
        """Leave the Member in `g.member` and the service in `g.service`.  Raises: LoginNeeded, Forbidden, NotFound."""
        super().check()
        if self.bytes_max:
            request.max_content_length = self.bytes_max
        person = g.person
        g.member = Member(person.sub, person.name, person.roles)
        if not (g.member.is_operator or g.member.organisations):
            raise Forbidden(gettext_noop("These pages are for people who work on a service. Ask its owner to add you."))
        if self.right is Right.OPERATE and not g.member.is_operator:
            raise Forbidden(gettext_noop("These pages are for who runs the suite."))
        service_id = (request.view_args or {}).get("service_id")
        g.service = open_service(current(), g.member, service_id, self.right) if service_id else None


def member() -> Member:
    """Give who is signed in, as Team left it."""
    return cast(Member, g.member)


def service() -> ServiceCard:
    """Give the service of the address, as Team left it."""
    return cast(ServiceCard, g.service)
