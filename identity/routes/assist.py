"""The console of agents and helpers: begin help, approve a colleague's, join, close (§4.2)."""

from typing import cast

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.models.assisted import Proof
from identity.models.organisation import Role
from identity.operations import assistance, assistance_views
from identity.operations.assistance import Ask
from identity.operations.refusals import AssistanceRefused
from identity.providers.civil_registry import RegistryAway
from identity.routes.staff_access import RoleHolder, offices, staff_id
from identity.standards import assistance as rules
from identity.standards import one_time_codes
from shared.problems import TooManyRequests
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import errors_of, gettext, gettext_noop, page

routes = Routes("assist", __name__, access=RoleHolder(Role.AGENT, Role.HELPER), url_prefix="/assist")
FIELDS = ("run", "client_id", "org_id", "office", "reason", "channel", "proof", "code", "document_number")
CHANNELS = {"counter": gettext_noop("At the counter"), "telephone": gettext_noop("On the telephone"), "helper": gettext_noop("As a helper")}
PROOFS = {
    Proof.DEVICE: gettext_noop("They say yes on their own device, with a number that you read out"),
    Proof.CODE: gettext_noop("They read you a code from their account"),
    Proof.PHONE_CODE: gettext_noop("They read you the telephone code that they made before"),
    Proof.CARD: gettext_noop("Here: identity card, face and signature"),
}


@routes.get("")
def show_assist() -> Response:
    """The form, what is under way, and what waits for a second pair of eyes."""
    return _show([], {}, ())


def _show(errors: list[tuple[str, str]], values: dict[str, str], actions: tuple[str, ...]) -> Response:
    identity = current()
    shown = {
        "values": values,
        "chosen": actions,
        "offices": assistance.list_offices(identity, offices()),
        "clients": assistance.list_clients(identity, offices()),
        "mine": assistance_views.of_agent(identity, staff_id()),
        "waiting": assistance_views.waiting_in(identity, offices(), staff_id()),
    }
    words = {"words": rules.WORDS, "channels": CHANNELS, "proofs": PROOFS}
    return page("identity/assist/console.html", 400 if errors else 200, error_list=errors_of(errors), **shown, **words)


@routes.post("")
def begin() -> Response:
    """Begin to help."""
    values = {name: request.form.get(name, "").strip()[:200] for name in FIELDS}
    actions = tuple(action for action in rules.ACTIONS if action in request.form.getlist("actions"))
    try:
        begun = assistance.begin(current(), _read(values, actions), agent_id=staff_id())
    except InvalidRun:
        return _show([("run", gettext("Check the RUN and the digit after the hyphen."))], values, actions)
    except ValueError as fault:
        return _show([(str(fault), gettext("Fill this in, in the form of the example."))], values, actions)
    except AssistanceRefused as refused:
        return _show([("run", gettext(refused.detail))], values, actions)
    except TooManyRequests:
        return _show([("run", gettext("A request to this person is still open. Wait until it is answered."))], values, actions)
    except RegistryAway:
        words = gettext("The civil registry does not answer just now. Signing in works; try this again later.")
        return _show([("document_number", words)], values, actions)
    receipt = one_time_codes.grouped(begun.receipt_code)
    return page("identity/assist/begun.html", begun=begun, join_code=one_time_codes.grouped(begun.join_code), receipt=receipt)


def _read(values: dict[str, str], actions: tuple[str, ...]) -> Ask:
    """Raises: InvalidRun, ValueError with the name of the field."""
    run = parse_run(values["run"][:64])
    for name, known in (("org_id", offices()), ("channel", CHANNELS), ("proof", PROOFS)):
        if values[name] not in cast(list[str], known):
            raise ValueError(name)
    if not values["office"]:
        raise ValueError("office")
    rest = {name: values[name] for name in ("client_id", "org_id", "reason", "channel", "code", "document_number")}
    signed, proof = request.form.get("signed") == "yes", Proof(values["proof"])
    return Ask(run=run, office=values["office"][:80], actions=actions, proof=proof, signed=signed, **rest)


@routes.post("/<assisted_id>/approve")
def approve(assisted_id: str) -> Response:
    """Let a colleague's repeated help go on."""
    try:
        match = assistance.approve(current(), assisted_id, agent_id=staff_id(), org_ids=offices())
    except AssistanceRefused as refused:
        return _show([("waiting", gettext(refused.detail))], {}, ())
    return page("identity/assist/approved.html", match=match)


@routes.post("/join")
def join() -> Response:
    """Join a colleague's session with its code."""
    try:
        assistance.join(current(), request.form.get("join_code", ""), agent_id=staff_id())
    except AssistanceRefused as refused:
        return _show([("join_code", gettext(refused.detail))], {}, ())
    return make_response(redirect(url_for("assist.show_assist"), 303))


@routes.post("/<assisted_id>/close")
def close(assisted_id: str) -> Response:
    """End a session."""
    assistance.close(current(), assisted_id, agent_id=staff_id())
    return make_response(redirect(url_for("assist.show_assist"), 303))
