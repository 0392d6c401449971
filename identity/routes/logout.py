"""End the session: the endpoint of OpenID Connect, ClaveÚnica's address, and our pages (§2.22, CU-34)."""

from flask import Response, make_response, redirect, request, url_for

from identity.context import Identity, current
from identity.operations import logout
from identity.operations.logout import Wish
from identity.operations.sessions import Session
from identity.routes.answers import form_action_source
from identity.routes.browser import drop_session_cookie, read_browser
from identity.routes.frames import frames_page
from identity.routes.oauth import endpoint_rules, make_routes, read_form, read_query
from identity.standards import discovery
from identity.standards.rfc6749 import add_to_query
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import allow, page, renew_csrf

endpoint_routes = make_routes("end_session", __name__)
routes = Routes("logout", __name__, access=PUBLIC_PAGE)


@endpoint_routes.route(endpoint_rules(discovery.END_SESSION)[0], methods=discovery.END_SESSION.methods)
@endpoint_routes.route(endpoint_rules(discovery.END_SESSION)[1], methods=discovery.END_SESSION.methods)
def end_session() -> Response:
    """End the session at a client's wish (LO-1…LO-6)."""
    identity = current()
    if request.method == "POST":  # another site's POST brings no cookies: come back by GET, as at authorize
        kept = logout.keep(identity, logout.read_wish(identity, read_form()))
        return make_response(redirect(url_for("logout.show_logout", wish_id=kept), 303))
    return _fulfil(identity, logout.read_wish(identity, read_query()))


@routes.get("/api/v1/accounts/app/logout")
@routes.get("/api/v1/accounts/app/logout/")
def clave_unica_logout() -> Response:
    """End the session as ClaveÚnica's clients ask for it (CU-34)."""
    identity = current()
    parameters = read_query()
    parameters.refuse_repeated()
    return _fulfil(identity, logout.read_clave_unica_wish(identity, parameters.get("redirect"), request.headers.get("Referer")))


def _fulfil(identity: Identity, wish: Wish) -> Response:
    session = read_browser(identity).session
    if logout.must_ask(identity, wish, session):
        return make_response(redirect(url_for("logout.show_logout", wish_id=logout.keep(identity, wish)), 303))
    return _finish(identity, wish, session)


def _finish(identity: Identity, wish: Wish, session: Session | None) -> Response:
    frames = logout.sign_out(identity, session)
    renew_csrf()
    back = wish.redirect_uri and (add_to_query(wish.redirect_uri, {"state": wish.state}) if wish.state else wish.redirect_uri)
    if frames or back is None:
        response = frames_page(frames, client=logout.client_of(identity, wish), back=back, session_id=str(session.id) if session else "")
    else:
        response = make_response(redirect(back, 303))
    drop_session_cookie(identity, response)
    return response


@routes.get("/logout/<wish_id>")
def show_logout(wish_id: str) -> Response:
    """Ask whether to sign out, where there is no proof who wants it (LO-5)."""
    identity = current()
    wish, session = logout.find_kept(identity, wish_id), read_browser(identity).session
    if not logout.must_ask(identity, wish, session):
        return _finish(identity, wish, session)
    if wish.redirect_uri is not None:
        allow("form-action", form_action_source(wish.redirect_uri))
    return page("identity/logout.html", wish_id=wish_id, client=logout.client_of(identity, wish))


@routes.post("/logout/<wish_id>")
def send_logout(wish_id: str) -> Response:
    """Take the answer; staying signed in leads nowhere else."""
    identity = current()
    wish, session = logout.find_kept(identity, wish_id), read_browser(identity).session
    if request.form.get("decision") != "leave":
        return page("identity/still_signed_in.html", client=logout.client_of(identity, wish))
    return _finish(identity, wish, session)
