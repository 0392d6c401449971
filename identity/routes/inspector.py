"""The request inspector and the switch for faults: pages of the sandbox alone."""

from http import HTTPStatus

from flask import Flask, Response, g, make_response, redirect, request, url_for

from identity.context import current
from identity.errors import InvalidClient
from identity.operations import faults, inspector
from identity.operations.faults import Fault
from identity.operations.inspector import Inspected
from identity.routes.oauth import ISSUER_PATH
from identity.standards import jose
from identity.standards.rfc6749 import Parameters, parse_basic
from shared.access import PUBLIC_PAGE
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import page

routes = Routes("inspector", __name__, access=PUBLIC_PAGE, url_prefix="/inspector")
CLIENT_LENGTH_MAX = 80


def _only_in_sandbox() -> None:
    if not current().settings.is_sandbox:
        raise NotFound


@routes.get("")
def show() -> Response:
    """Show what was refused to one client, and which fault is switched on for it."""
    _only_in_sandbox()
    identity, client_id = current(), request.args.get("client_id", "").strip()[:CLIENT_LENGTH_MAX]
    known = identity.clients.find(client_id) if client_id.isascii() and "\x00" not in client_id else None
    refusals = inspector.list_refusals(identity, client_id) if client_id and "\x00" not in client_id else []
    return page("identity/inspector.html", client_id=client_id, client=known, refusals=refusals, faults=list(Fault))


@routes.post("/fault")
def set_fault() -> Response:
    """Switch a fault on or off for a client."""
    _only_in_sandbox()
    client_id, fault = request.form.get("client_id", "")[:CLIENT_LENGTH_MAX], request.form.get("fault", "")
    faults.set_fault(current(), client_id.replace("\x00", ""), Fault(fault) if fault in set(Fault) else None)
    return make_response(redirect(url_for("inspector.show", client_id=client_id), 303))


def watch(app: Flask) -> None:
    """Have refusals of the endpoints noted, in the sandbox."""

    def note(response: Response) -> Response:
        problem = g.get("refusal")
        if problem is not None and problem.status < HTTPStatus.INTERNAL_SERVER_ERROR and request.path.startswith(ISSUER_PATH):
            parameters: Parameters = g.get("parameters") or Parameters()
            client_id = _client_of(parameters)
            if client_id:
                values = {**parameters.one, **{name: " ".join(many) for name, many in parameters.many.items()}}
                seen = Inspected(request.method, request.path, values, g.get("request_id", ""))
                inspector.note_refusal(current(), client_id, seen, problem)
        return response

    if current_is_sandbox(app):
        app.after_request(note)


def current_is_sandbox(app: Flask) -> bool:
    """Answer whether an app runs in the sandbox."""
    return bool(app.extensions["andamio"].context.settings.is_sandbox)


def _client_of(parameters: Parameters) -> str:
    """Return the client that a request names, whether or not it proved to be it."""
    if named := parameters.get("client_id"):
        return named.replace("\x00", "")
    try:
        return parse_basic(request.headers.get("Authorization", ""))[0]
    except InvalidClient:
        pass
    try:
        found = jose.read_claim(parameters.get("client_assertion") or parameters.get("request") or "", "iss")
    except jose.InvalidToken:
        return ""
    return found.replace("\x00", "") if isinstance(found, str) else ""
