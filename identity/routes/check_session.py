"""The frame in which a service's page watches whether the sign-on lasts (LO-11).  Added only where session management is on."""

from flask import Response, make_response, render_template

from identity.context import current
from identity.routes.oauth import endpoint_rules
from identity.standards import discovery
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import allow

routes = Routes("check_session", __name__, access=PUBLIC_PAGE)


@routes.get(endpoint_rules(discovery.CHECK_SESSION)[0])
@routes.get(endpoint_rules(discovery.CHECK_SESSION)[1])
def show_frame() -> Response:
    """Answer `unchanged`, `changed` or `error` to messages of the page around it.  Spec: OpenID Connect Session Management 1.0 §3.2."""
    allow("script-src", "'self'")
    allow("frame-ancestors", "https:" if current().settings.secure else "http:")
    response = make_response(render_template("identity/check_session.html"))
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
