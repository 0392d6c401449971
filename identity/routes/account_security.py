"""Ways to sign in: see, add and remove them; each change needs a sign-in of the last five minutes (WA-5)."""

import base64
import io
from uuid import UUID

import segno
from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import passkeys, second_factors, security
from identity.operations.own_client import FRESH
from identity.operations.refusals import LastFactor, PasskeyRefused, PasswordRefused, SecurityNotFound
from identity.operations.security import Factor
from identity.providers.base import TooBusy
from identity.routes.account_access import AccountHolder, account
from identity.standards import one_time_codes
from shared.problems import Unavailable
from shared.routes import Routes
from shared.web import allow, errors_of, gettext, gettext_noop, page

fresh = AccountHolder(fresh=FRESH)
routes = Routes("security", __name__, access=fresh, url_prefix="/account/security")
NAME_MAX = 80


def _back() -> Response:
    return make_response(redirect(url_for("security.show_security"), 303))


def _name(default: str) -> str:
    return " ".join(request.form.get("name", "").split())[:NAME_MAX] or default


@routes.get("", access=AccountHolder())
def show_security() -> Response:
    """All ways to sign in."""
    return page("identity/account/security.html", overview=security.overview(current(), account().person_id))


@routes.get("/passkey")
def show_passkey() -> Response:
    """Offer to make a passkey on this device."""
    return _show_passkey()


def _show_passkey(errors: list[tuple[str, str]] | None = None) -> Response:
    allow("script-src", "'self'")
    options = passkeys.options_to_add(current(), account().person_id)
    error_list = errors_of(errors or [])
    return page("identity/account/passkey.html", 400 if errors else 200, options=options, error_list=error_list)


@routes.post("/passkey")
def add_passkey() -> Response:
    """Keep a passkey that the browser made."""
    try:
        passkeys.add(current(), account().person_id, request.form.get("credential", ""), name=_name(gettext("Passkey")))
    except PasskeyRefused as refused:
        return _show_passkey([("name", gettext(refused.detail))])
    return _back()


@routes.post("/app")
def begin_app() -> Response:
    """Make the secret of an authenticator app."""
    security.begin_app(current(), account().person_id, name=_name(gettext("App for codes")))
    return make_response(redirect(url_for("security.show_app"), 303))


@routes.get("/app")
def show_app() -> Response:
    """Show the secret as picture and text, and ask for the first code."""
    return _show_app([])


def _show_app(errors: list[tuple[str, str]]) -> Response:
    begun = security.find_begun_app(current(), account().person_id)
    if begun is None:
        return _back()
    secret = begun[1]
    issuer = current().settings.operator_name
    uri = f"otpauth://totp/{issuer}?secret={secret}&issuer={issuer}"
    picture = io.BytesIO()
    segno.make(uri, error="m").save(picture, kind="svg", scale=5, border=4, xmldecl=False, svgns=True, nl=False)
    data = "data:image/svg+xml;base64," + base64.b64encode(picture.getvalue()).decode()
    allow("img-src", "data:")
    status = 400 if errors else 200
    shown = one_time_codes.grouped(secret)
    return page("identity/account/app.html", status, secret=shown, picture=data, error_list=errors_of(errors))


@routes.post("/app/confirm")
def confirm_app() -> Response:
    """Have the app count once a code of it is right."""
    if security.confirm_app(current(), account().person_id, request.form.get("code", "")[:32]):
        return _back()
    return _show_app([("code", gettext("The code is not right. Check that your device shows the right time."))])


@routes.post("/codes")
def make_codes() -> Response:
    """Make ten recovery codes and show them, this once."""
    codes = second_factors.make_recovery_codes(current(), account().person_id)
    return page("identity/account/codes.html", codes=[one_time_codes.grouped(code) for code in codes])


@routes.get("/password")
def show_password() -> Response:
    """Ask for a new password."""
    return _show_password([])


def _show_password(errors: list[tuple[str, str]]) -> Response:
    allow("script-src", "'self'")
    return page("identity/account/password.html", 400 if errors else 200, error_list=errors_of(errors))


@routes.post("/password")
def change_password() -> Response:
    """Take the new password."""
    held = account()
    try:
        security.change_password(current(), held.person_id, request.form.get("password", ""), session_id=held.id)
    except PasswordRefused as refused:
        return _show_password([("password", gettext(refused.detail))])
    except TooBusy:
        raise Unavailable(gettext_noop("Many people are signing in just now. Try again in a moment."), retry_after_seconds=2) from None
    return _back()


def _factor(factor_id: UUID) -> Factor:
    """Raises: SecurityNotFound."""
    overview = security.overview(current(), account().person_id)
    found = next((factor for factor in overview.factors if factor.id == factor_id), None)
    if found is None:
        raise SecurityNotFound
    return found


@routes.get("/remove/<uuid:factor_id>")
def show_remove(factor_id: UUID) -> Response:
    """Ask whether a way to sign in shall go."""
    return page("identity/account/remove.html", factor=_factor(factor_id), error_list=[])


@routes.post("/remove/<uuid:factor_id>")
def remove(factor_id: UUID) -> Response:
    """Take it away."""
    held = account()
    try:
        security.remove_factor(current(), held.person_id, factor_id, session_id=held.id)
    except LastFactor as refused:
        errors = errors_of([("remove", gettext(refused.detail))])
        return page("identity/account/remove.html", 409, factor=_factor(factor_id), error_list=errors)
    return _back()
