"""The pages of requests that come from elsewhere: a screen's code, and what an agent asks (§2.19, CB-9)."""

from uuid import UUID

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.errors import AccessDenied
from identity.models.remote_request import RemoteKind
from identity.operations import approvals, ciba, consent, device_flow, remote_requests
from identity.operations.remote_requests import NotChecked, Shown
from identity.routes.account_access import AccountHolder, SignInNeeded, account, start_url
from identity.routes.browser import INTERACTION, read_cookie, set_cookie
from identity.standards import acr
from shared.access import PUBLIC_PAGE
from shared.problems import TooManyRequests
from shared.routes import Routes
from shared.web import gettext, page

routes = Routes("device", __name__, access=AccountHolder())
CODE_LENGTH_MAX = 40


@routes.get("/device", access=PUBLIC_PAGE)
def show_form() -> Response:
    """Ask for the code that a screen shows; one that came in the address is filled in, and still has to be compared."""
    return page("identity/device.html", user_code=request.args.get("user_code", "")[:CODE_LENGTH_MAX], errors={})


@routes.post("/device", access=PUBLIC_PAGE)
def send_code() -> Response:
    """Take the code and go on to the question."""
    identity, typed = current(), request.form.get("user_code", "")[:CODE_LENGTH_MAX]
    browser = read_cookie(identity, INTERACTION) or identity.ids.token(32)
    try:
        found = device_flow.find_by_user_code(identity, typed, browser=browser, address=request.remote_addr or "")
    except TooManyRequests as error:
        wrong = {"user_code": gettext("That was wrong several times. Wait an hour, then ask the screen for a new code.")}
        response = page("identity/device.html", 429, user_code=typed, errors=wrong)
        response.headers.update(error.headers)
        return response
    if found is None:
        wrong = {"user_code": gettext("The screen shows another code, or its time is over. Compare it letter by letter.")}
        response = page("identity/device.html", 400, user_code=typed, errors=wrong)
    else:
        response = make_response(redirect(url_for("device.show_request", request_id=found), 303))
    set_cookie(identity, response, INTERACTION, browser)
    return response


@routes.get("/account/requests")
def list_requests() -> Response:
    """What waits for the person's answer."""
    identity, held = current(), account()
    with identity.reading() as tx:
        waiting = [
            remote_requests.show(identity, tx, request_id, person_id=held.person_id)
            for request_id in ciba.waiting_for(identity, held.person_id)
        ]
    return page("identity/account/requests.html", waiting=waiting, approvals=approvals.waiting_for(identity, held.person_id))


@routes.get("/account/requests/<uuid:request_id>")
def show_request(request_id: UUID) -> Response:
    """Ask whether a device or a service may have what it wants, each datum with its value."""
    try:
        return _page(_shown(request_id))
    except NotChecked:
        return _refuse_unchecked(request_id)


@routes.post("/account/requests/<uuid:request_id>")
def send_answer(request_id: UUID) -> Response:
    """Take the answer; "no" and "this is not me" are one press each."""
    identity, held = current(), account()
    try:
        shown, decision = _shown(request_id), request.form.get("decision", "")
    except NotChecked:
        return _refuse_unchecked(request_id)
    if decision == "grant":
        match_code = request.form.get("match_code", "")[:8]
        if shown.needs_match and not match_code.strip():
            return _page(shown, {"match_code": gettext("Enter the number that the person on the telephone reads to you.")})
        try:
            is_right = remote_requests.approve(identity, request_id, held, match_code=match_code)
        except AccessDenied:
            return page("identity/account/request_done.html", client=shown.client, outcome="trial")
        if not is_right:
            return page("identity/account/request_done.html", client=shown.client, outcome="mismatch")
    else:
        remote_requests.deny(identity, request_id, held, not_me=decision == "not_me")
    outcome = decision if decision in {"grant", "not_me"} else "refuse"
    return page("identity/account/request_done.html", client=shown.client, outcome=outcome)


def _shown(request_id: UUID) -> Shown:
    """Return the request, once its person is signed in as strongly as it asks.

    Raises: RemoteRequestNotFound, SignInNeeded, NotChecked.
    """
    identity, held = current(), account()
    with identity.reading() as tx:
        shown = remote_requests.show(identity, tx, request_id, person_id=held.person_id)
    wanted = remote_requests.wanted_level(identity, shown, held)
    if wanted is not None and not acr.satisfies(held.acr, wanted):
        here = url_for("device.show_request", request_id=request_id)
        raise SignInNeeded(start_url(here, level=acr.LEVELS.index(wanted) + 1))
    return shown


def _refuse_unchecked(request_id: UUID) -> Response:
    """Refuse for the person, who cannot be what the service asks for (§2.26), and say so."""
    identity, held = current(), account()
    with identity.reading() as tx:
        shown = remote_requests.show(identity, tx, request_id, person_id=held.person_id)
    remote_requests.deny(identity, request_id, held)
    return page("identity/account/request_done.html", client=shown.client, outcome="unchecked")


def _page(shown: Shown, errors: dict[str, str] | None = None) -> Response:
    identity, held = current(), account()
    data = consent.data_to_release(identity, shown.client, shown.request, held)
    here = device_flow.network_index(identity, request.remote_addr or "")
    far = shown.kind is RemoteKind.DEVICE and shown.network_index is not None and here != bytes(shown.network_index)
    status = 400 if errors else 200
    office = remote_requests.office_of(identity, shown)
    return page(
        "identity/account/request.html", status, shown=shown, office=office, client=shown.client, data=data, far=far, errors=errors or {}
    )
