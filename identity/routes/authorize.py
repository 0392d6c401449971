"""The authorization endpoint (§2.4)."""

from flask import Response, make_response, redirect, request, url_for

from identity.context import Identity, current
from identity.errors import OAuthError
from identity.operations import interactions, sessions
from identity.operations.authorization_requests import AuthorizationRequest, ReturnAddress, read_request, read_return_address
from identity.operations.authorize import Need, issue_code, next_need, refuse_if_silent
from identity.routes.answers import send_code, send_error
from identity.routes.browser import INTERACTION, read_browser, set_cookie
from identity.routes.oauth import endpoint_rules, make_routes, read_form, read_query
from identity.standards import discovery

routes = make_routes("authorize", __name__)


@routes.route(endpoint_rules(discovery.AUTHORIZE)[0], methods=discovery.AUTHORIZE.methods)
@routes.route(endpoint_rules(discovery.AUTHORIZE)[1], methods=discovery.AUTHORIZE.methods)
def authorize() -> Response:
    """Take an authorization request; GET and POST behave alike (AZ-1)."""
    identity = current()
    by_post = request.method == "POST"
    parameters = read_form() if by_post else read_query()
    address = read_return_address(identity, parameters)
    try:
        wanted = read_request(address, parameters)
        return _store(identity, address, wanted) if by_post else _go_on(identity, address, wanted)
    except OAuthError as error:
        return send_error(identity, address, error)


def _store(identity: Identity, address: ReturnAddress, wanted: AuthorizationRequest) -> Response:
    """Keep a posted request and come back by GET: a cross-site POST brings no cookies, so it cannot see the session."""
    interaction_id = interactions.begin(identity, address.client, wanted, browser=None)
    return make_response(redirect(url_for("login.show_login", interaction_id=interaction_id), 303))


def _go_on(identity: Identity, address: ReturnAddress, wanted: AuthorizationRequest) -> Response:
    """Answer at once where nothing is missing, else begin an interaction."""
    browser = read_browser(identity)
    code = None
    with identity.transaction() as tx:
        need = next_need(identity, tx.connection, address.client, wanted, browser.session, asked_at=None)
        refuse_if_silent(wanted, need)
        if need is Need.NOTHING and browser.session is not None:
            sessions.touch_session(identity, tx, browser.session)
            code = issue_code(identity, tx, address.client, wanted, browser.session)
    if code is not None:
        return send_code(identity, wanted, code)  # only now it is committed
    token = browser.interaction_token or identity.ids.token(32)
    interaction_id = interactions.begin(identity, address.client, wanted, browser=token)
    response = make_response(redirect(url_for("login.show_login", interaction_id=interaction_id), 303))
    set_cookie(identity, response, INTERACTION, token)
    return response
