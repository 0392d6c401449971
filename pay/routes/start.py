"""The start page of the payment service: what it is, for who comes without a link."""

from flask import Response

from shared import web
from shared.access import PUBLIC_PAGE
from shared.routes import Routes

bp = Routes("start", __name__, access=PUBLIC_PAGE)


@bp.get("/")
def show() -> Response:
    """Say that payments begin at a service."""
    return web.page("pay/start.html")
