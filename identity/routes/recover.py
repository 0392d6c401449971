"""Recover an account: RUN and robot check, a code, a new password; or stop somebody else's try (§3.7)."""

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import guards, recovery
from identity.operations.refusals import PasswordRefused, RecoveryRefused
from identity.providers.base import TooBusy
from identity.routes.browser import drop_session_cookie
from identity.standards import robot_check
from shared.access import PUBLIC_PAGE
from shared.problems import Unavailable
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from shared.web import allow, errors_of, gettext, gettext_noop, page

routes = Routes("recover", __name__, access=PUBLIC_PAGE, url_prefix="/recover")
CHECK = "recover"


@routes.get("")
def show_start() -> Response:
    """Ask for the RUN."""
    return _show_start([], "")


def _show_start(errors: list[tuple[str, str]], typed: str) -> Response:
    allow("script-src", "'self'")
    ticket = guards.give_ticket(current(), CHECK)
    values = {"ticket": ticket, "bits": robot_check.WORK_BITS, "run": typed, "error_list": errors_of(errors)}
    return page("identity/recover/start.html", 400 if errors else 200, **values)


@routes.post("")
def start() -> Response:
    """Take the RUN; what follows is the same whether somebody has it or not."""
    typed = request.form.get("run", "")[:64]
    try:
        run = parse_run(typed)
    except InvalidRun:
        return _show_start([("run", gettext("Check the RUN and the digit after the hyphen."))], typed)
    if not guards.passes(current(), CHECK, request.form.get("ticket", ""), request.form.get("work", "")):
        return _show_start([("run", gettext("Wait 15 seconds on this page and press the button again. It keeps robots out."))], typed)
    recovery_id = recovery.begin(current(), run)
    return make_response(redirect(url_for("recover.show_step", recovery_id=recovery_id), 303))


@routes.get("/<recovery_id>")
def show_step(recovery_id: str) -> Response:
    """Ask for a code, say how long to wait, or ask for the new password."""
    return _show_step(recovery_id, [])


def _show_step(recovery_id: str, errors: list[tuple[str, str]]) -> Response:
    try:
        found = recovery.look(current(), recovery_id)
    except RecoveryRefused:
        return make_response(redirect(url_for("recover.show_start"), 303))
    allow("script-src", "'self'")
    template = "identity/recover/password.html" if found.is_ready else "identity/recover/code.html"
    return page(template, 400 if errors else 200, recovery_id=recovery_id, found=found, error_list=errors_of(errors))


@routes.post("/<recovery_id>/code")
def send_code(recovery_id: str) -> Response:
    """Take a code."""
    try:
        recovery.prove(current(), recovery_id, request.form.get("code", "")[:40])
    except RecoveryRefused as refused:
        return _show_step(recovery_id, [("code", gettext(refused.detail))])
    return make_response(redirect(url_for("recover.show_step", recovery_id=recovery_id), 303))


@routes.post("/<recovery_id>/password")
def send_password(recovery_id: str) -> Response:
    """Take the new password."""
    try:
        recovery.finish(current(), recovery_id, request.form.get("password", ""))
    except (PasswordRefused, RecoveryRefused) as refused:
        return _show_step(recovery_id, [("password", gettext(refused.detail))])
    except TooBusy:
        raise Unavailable(gettext_noop("Many people are signing in just now. Try again in a moment."), retry_after_seconds=2) from None
    response = page("identity/recover/done.html")
    drop_session_cookie(current(), response)
    return response


@routes.get("/stop/<token>")
def show_stop(token: str) -> Response:
    """Ask whether to stop a recovery."""
    return page("identity/recover/stop.html", token=token)


@routes.post("/stop/<token>")
def stop(token: str) -> Response:
    """Stop it."""
    return page("identity/recover/stopped.html", stopped=recovery.cancel(current(), token))
