"""The officer's console: check a person, give out a code, approve another's, see how a code stands (§3.6)."""

from uuid import UUID

from flask import Response, request

from identity.context import current
from identity.models.organisation import Role
from identity.operations import activation
from identity.operations.activation import Check
from identity.operations.refusals import ActivationRefused, TwoPersonsNeeded
from identity.providers.civil_registry import RegistryAway
from identity.routes.account_contacts import EMAIL
from identity.routes.staff_access import RoleHolder, offices, staff_id
from identity.standards import one_time_codes
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import errors_of, gettext, page

routes = Routes("office", __name__, access=RoleHolder(Role.OFFICER), url_prefix="/office")
FIELDS = ("run", "document_number", "org_id", "place", "delivery", "contact", "check_method")


@routes.get("")
def show_office() -> Response:
    """The form, and what waits for a second officer."""
    return _show([], {})


def _show(errors: list[tuple[str, str]], values: dict[str, str], **more: object) -> Response:
    waiting = activation.list_waiting(current(), offices())
    shown = {"values": values, "waiting": waiting, "offices": offices(), "error_list": errors_of(errors), **more}
    return page("identity/office/console.html", 400 if errors else 200, **shown)


@routes.post("")
def issue() -> Response:
    """Check a person and give out a code."""
    values = {name: request.form.get(name, "").strip()[:254] for name in FIELDS}
    try:
        check = _read(values)
        issued = activation.issue(current(), check, officer_id=staff_id())
    except InvalidRun:
        return _show([("run", gettext("Check the RUN and the digit after the hyphen."))], values)
    except ValueError as fault:
        return _show([(str(fault), gettext("Fill this in, in the form of the example."))], values)
    except (ActivationRefused, TwoPersonsNeeded) as refused:
        return _show([("document_number", gettext(refused.detail))], values)
    except RegistryAway:
        return _show(
            [("document_number", gettext("The civil registry does not answer just now. Signing in works; try this again later."))], values
        )
    return page("identity/office/issued.html", issued=issued, code=one_time_codes.grouped(issued.code) if issued.code else "")


def _read(values: dict[str, str]) -> Check:
    """Raises: InvalidRun, ValueError with the name of the field."""
    run = parse_run(values["run"][:64])
    if values["org_id"] not in offices():
        raise ValueError("org_id")
    if values["delivery"] not in {"printed", "email", "sms"}:
        raise ValueError("delivery")
    if values["check_method"] not in {"card-and-face", "video"}:
        raise ValueError("check_method")
    if values["delivery"] == "email" and not EMAIL.fullmatch(values["contact"]):
        raise ValueError("contact")
    if values["delivery"] == "sms" and not values["contact"].startswith("+"):
        raise ValueError("contact")
    if not values["place"]:
        raise ValueError("place")
    return Check(
        run,
        values["document_number"],
        face_matches=request.form.get("face") == "yes",
        check_method=values["check_method"],
        org_id=values["org_id"],
        place=values["place"][:80],
        delivery=values["delivery"],
        contact=values["contact"],
        is_relative=request.form.get("relative") == "yes",
    )


@routes.post("/codes/<uuid:code_id>/approve")
def approve(code_id: UUID) -> Response:
    """Let a waiting code of another officer go out."""
    try:
        issued = activation.approve(current(), code_id, officer_id=staff_id(), org_ids=offices())
    except TwoPersonsNeeded as refused:
        return _show([("waiting", gettext(refused.detail))], {})
    return page("identity/office/issued.html", issued=issued, code=one_time_codes.grouped(issued.code) if issued.code else "")


@routes.post("/standing")
def show_standing() -> Response:
    """Say how a person's newest code really stands."""
    typed = request.form.get("run", "")[:64]
    try:
        found = activation.standing(current(), parse_run(typed))
    except InvalidRun:
        return _show([("standing-run", gettext("Check the RUN and the digit after the hyphen."))], {})
    return _show([], {}, standing=found)
