"""The account's start page, sessions, and the services that a person gave data to (§3.8, §3.9)."""

from uuid import UUID

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import approvals, connected, logout, security
from identity.operations.own_client import ARRIVED
from identity.routes.account_access import AccountHolder, account
from identity.routes.browser import drop_session_cookie, read_browser
from identity.routes.frames import frames_page
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import page, renew_csrf
from shared.web.person import is_own_path

routes = Routes("account", __name__, access=AccountHolder(), url_prefix="/account")


@routes.get("")
def show_home() -> Response:
    """What can be done here."""
    identity, person_id = current(), account().person_id
    waiting = approvals.waiting_for(identity, person_id)
    return page("identity/account/home.html", overview=security.overview(identity, person_id), approvals=waiting)


@routes.get(ARRIVED.removeprefix("/account"), access=PUBLIC_PAGE)
def arrive() -> Response:
    """Come back from our own sign-in; the code is not needed, the session is there."""
    path = request.args.get("state", "")
    if request.args.get("error") == "unmet_authentication_requirements":
        return page("identity/account/too_weak.html", 403)
    if "error" in request.args:
        return make_response(redirect("/", 303))
    return make_response(redirect(path if is_own_path(path) else "/account", 303))


@routes.post("/sign-out", access=PUBLIC_PAGE)
def sign_out() -> Response:
    """End the session of this browser."""
    identity = current()
    frames = logout.sign_out(identity, read_browser(identity).session)
    renew_csrf()
    response = frames_page(frames) if frames else make_response(redirect("/", 303))
    drop_session_cookie(identity, response)
    return response


@routes.get("/sessions")
def show_sessions() -> Response:
    """Where the person is signed in."""
    held = account()
    return page("identity/account/sessions.html", sessions=security.list_sessions(current(), held.person_id, held.id))


@routes.post("/sessions/close")
def close_all() -> Response:
    """End all sessions but this one."""
    held = account()
    security.close_elsewhere(current(), held.person_id, only_id=None, present=held.id)
    return make_response(redirect(url_for("account.show_sessions"), 303))


@routes.post("/sessions/<uuid:session_id>/close")
def close_one(session_id: UUID) -> Response:
    """End one session; it is asked for again there at the next page."""
    held = account()
    security.close_elsewhere(current(), held.person_id, only_id=session_id, present=held.id)
    return make_response(redirect(url_for("account.show_sessions"), 303))


@routes.get("/services")
def show_services() -> Response:
    """Which services got data, and which may still ask for them."""
    return page("identity/account/services.html", services=connected.list_connected(current(), account().person_id))


@routes.post("/services/<client_id>/withdraw")
def withdraw(client_id: str) -> Response:
    """Take a service's permission away; its tokens die."""
    connected.withdraw(current(), account().person_id, client_id)
    return make_response(redirect(url_for("account.show_services"), 303))
