"""What the operator sets for a service: how much it may send, and whether it is open."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.models.team import Right
from notify.operations.service_limits import LIMIT_MAX, LIMITS, limits_of, set_limits, set_open
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_limits", __name__, url_prefix="/services/<uuid:service_id>/settings", access=Team(Right.OPERATE))


@bp.route("/limits", methods=["GET", "POST"])
def show(service_id: UUID) -> ResponseReturnValue:
    """Show and change how much the service may send."""
    typed = {name: str(number) for name, number in limits_of(current(), service_id).items()}
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        typed = {name: request.form.get(name, "").strip() for name in LIMITS}
        problems = [
            (name, gettext("Write a whole number of at most 1,000,000,000.")) for name, text in typed.items() if not _is_limit(text)
        ]
        if not problems:
            set_limits(current(), member(), service_id, {name: int(text) for name, text in typed.items()})
            return redirect(url_for("console_settings.show", service_id=service_id), 303)
    return show_page("limits", problems, typed=typed)


@bp.post("/closed")
def close(service_id: UUID) -> ResponseReturnValue:
    """Close the service, or open it again."""
    set_open(current(), member(), service_id, is_open=request.form.get("open") == "1")
    return redirect(url_for("console_settings.show", service_id=service_id), 303)


def _is_limit(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(LIMIT_MAX)) and int(text) <= LIMIT_MAX
