"""The start page."""

from flask import Response

from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import page

routes = Routes("home", __name__, access=PUBLIC_PAGE)


@routes.get("/")
def show_home() -> Response:
    """Say what this place is, and how one comes to sign in."""
    return page("identity/home.html")
