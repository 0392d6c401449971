"""The test persons of a team: see, make, make anew; for services on trial only (§3.11)."""

from flask import Response, make_response, redirect, url_for

from identity.context import current
from identity.operations import trial_persons
from identity.routes.account_access import AccountHolder, account
from identity.standards.trial_cases import CASES
from shared.routes import Routes
from shared.web import page

routes = Routes("team_persons", __name__, access=AccountHolder(level=2), url_prefix="/team/services")


def _back(service_id: str) -> Response:
    return make_response(redirect(url_for("team_persons.show_persons", service_id=service_id), 303))


@routes.get("/<service_id>/persons")
def show_persons(service_id: str) -> Response:
    """All of them, with what they sign in with: they are nobody."""
    view, persons = trial_persons.list_persons(current(), account().person_id, service_id)
    return page("identity/register/persons.html", view=view, persons=persons, missing=len(CASES) - len(persons))


@routes.post("/<service_id>/persons")
def make_persons(service_id: str) -> Response:
    """Make those that are missing."""
    trial_persons.make_persons(current(), account().person_id, service_id)
    return _back(service_id)


@routes.post("/<service_id>/persons/<case>/reset")
def reset_person(service_id: str, case: str) -> Response:
    """Make one as they were."""
    trial_persons.reset_person(current(), account().person_id, service_id, case)
    return _back(service_id)
