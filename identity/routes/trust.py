"""What our levels mean: the page that `vtm` of an ID token names (§2.26).  Spec: RFC 8485 §3.3."""

from flask import Response

from identity.operations.issuing import TRUST_PAGE
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import page

routes = Routes("trust", __name__, access=PUBLIC_PAGE)


@routes.get(TRUST_PAGE)
def show_levels() -> Response:
    """How people were checked, and how they sign in, a letter and a number each."""
    return page("identity/trust.html")
