"""Shared devices: a browser that many people use says so once, and then keeps nothing of anybody (CH-5, §3.9)."""

from flask import Response, make_response, redirect, request

from identity.context import current
from identity.routes.browser import DEVICE_SECONDS, KIOSK, cookie_name, drop_session_cookie, read_cookie, set_cookie
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import page

routes = Routes("kiosk", __name__, access=PUBLIC_PAGE, url_prefix="/kiosk")


@routes.get("")
def show_kiosk() -> Response:
    """Say how this device is used, and let it be changed."""
    return page("identity/kiosk.html", is_shared=read_cookie(current(), KIOSK) is not None)


@routes.post("")
def set_kiosk() -> Response:
    """Make this a shared device, or one person's again."""
    identity = current()
    response = make_response(redirect("/kiosk", 303))
    if request.form.get("shared") == "yes":
        set_cookie(identity, response, KIOSK, "1", max_age=DEVICE_SECONDS)
    else:
        response.delete_cookie(cookie_name(identity, KIOSK), secure=identity.settings.secure, httponly=True, samesite="Lax", path="/")
    drop_session_cookie(identity, response)
    return response
