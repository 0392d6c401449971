"""The start page of the payment service: what it is, for who comes without a link."""

from flask import Response, jsonify, redirect
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from shared import web
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.routes import Routes

bp = Routes("start", __name__, access=PUBLIC_PAGE)


@bp.get("/")
def show() -> Response:
    """Say that payments begin at a service."""
    return web.page("pay/start.html")


@bp.get("/healthcheck", access=PUBLIC)
def check_health() -> Response:
    """Tell programs of the published API whether its parts answer.  Spec: pay-api.md §1."""
    healthy = current().db_answers()
    response = jsonify({"ping": {"healthy": True}, "database": {"healthy": healthy}})
    response.status_code = 200 if healthy else 503
    return response


@bp.get("/security.txt")
def lead_to_security() -> BaseResponse:
    """Lead to how faults of security are told.  Spec: pay-api.md §1."""
    return redirect(current().settings.security_url, 302)
