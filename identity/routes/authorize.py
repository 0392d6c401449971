"""The authorization endpoint (§2.4)."""

from dataclasses import replace

import structlog
from flask import Response, make_response, redirect, request, url_for

from identity.context import Identity, current
from identity.errors import OAuthError, OAuthInvalidRequest, ServerError, TemporarilyUnavailable
from identity.models.client_store import KnownClient
from identity.operations import interactions, sessions, wallet_consents
from identity.operations.authorization_requests import AuthorizationRequest, find_client, read_request, read_return_address
from identity.operations.authorize import Need, issue_code, next_need, refuse_if_silent
from identity.operations.pushed_requests import URN, find_pushed, open_request_object, use_pushed
from identity.routes.answers import send_code, send_error
from identity.routes.browser import INTERACTION, SESSION, read_browser, read_cookie, set_cookie
from identity.routes.oauth import endpoint_rules, make_routes, read_form, read_query
from identity.schemas import oauth
from identity.standards import discovery
from identity.standards.rfc6749 import Parameters
from shared.context import is_engine_away
from shared.openapi import describes
from shared.problems import Problem

log = structlog.get_logger("identity.authorize")
routes = make_routes("authorize", __name__)


@routes.route(endpoint_rules(discovery.AUTHORIZE)[0], methods=discovery.AUTHORIZE.methods)
@routes.route(endpoint_rules(discovery.AUTHORIZE)[1], methods=discovery.AUTHORIZE.methods)
@describes(query=oauth.AUTHORIZATION, answers={200: None, 303: None, 400: None})
def authorize() -> Response:
    """Take an authorization request; GET and POST behave alike (AZ-1)."""
    identity = current()
    by_post = request.method == "POST"
    parameters = read_form() if by_post else read_query()
    client = find_client(identity, parameters)
    request_uri = parameters.get("request_uri")
    if request_uri is not None and request_uri.startswith(URN):
        return _take(identity, client, find_pushed(identity, client, request_uri), by_post=by_post)
    return _read(identity, client, parameters, by_post=by_post)


def _read(identity: Identity, client: KnownClient, parameters: Parameters, *, by_post: bool) -> Response:
    """Read a request that came through the browser; what is wrong is told to the client once its address is known."""
    try:
        opened = open_request_object(identity, client, parameters)
    except OAuthError as error:
        return send_error(identity, read_return_address(client, parameters), error)
    address = read_return_address(client, opened)
    try:
        if client.must_push:
            raise OAuthInvalidRequest("this client pushes its requests")
        wanted = read_request(identity, address, opened)
        wallet_consents.refuse_unpushed(wanted)
    except OAuthError as error:
        return send_error(identity, address, error)
    return _take(identity, client, replace(wanted, signed=opened is not parameters), by_post=by_post)


def _take(identity: Identity, client: KnownClient, wanted: AuthorizationRequest, *, by_post: bool) -> Response:
    try:
        return _store(identity, client, wanted) if by_post else _go_on(identity, client, wanted)
    except OAuthError as error:
        return send_error(identity, wanted, error)
    except Exception as fault:  # whatever it was, the client is told, and the person is not left on a page of ours (AZ-22)
        if isinstance(fault, Problem):
            raise
        away = is_engine_away(fault)
        log.exception("authorization failed", exception_type=type(fault).__name__)
        return send_error(
            identity, wanted, TemporarilyUnavailable("try again in a moment") if away else ServerError("the fault was recorded")
        )


def _store(identity: Identity, client: KnownClient, wanted: AuthorizationRequest) -> Response:
    """Keep a posted request and come back by GET: a cross-site POST brings no cookies, so it cannot see the session."""
    interaction_id = interactions.begin(identity, client, wanted, browser=None)
    return make_response(redirect(url_for("login.show_login", interaction_id=interaction_id), 303))


def _go_on(identity: Identity, client: KnownClient, wanted: AuthorizationRequest) -> Response:
    """Answer at once where nothing is missing, else begin an interaction."""
    browser = read_browser(identity)
    code = None
    with identity.transaction() as tx:
        need = next_need(identity, tx.connection, client, wanted, browser.session, asked_at=None)
        refuse_if_silent(wanted, need)
        if need is Need.NOTHING and browser.session is not None:
            sessions.touch_session(identity, tx, browser.session)
            use_pushed(identity, tx, wanted)
            code = issue_code(identity, tx, client, wanted, browser.session)
    if code is not None:
        return send_code(identity, wanted, code, read_cookie(identity, SESSION))  # only now it is committed
    token = browser.interaction_token or identity.ids.token(32)
    interaction_id = interactions.begin(identity, client, wanted, browser=token)
    response = make_response(redirect(url_for("login.show_login", interaction_id=interaction_id), 303))
    set_cookie(identity, response, INTERACTION, token)
    return response
