"""Providers, for who runs the suite."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.models.team import Right
from notify.operations.providers import list_providers, set_weight
from notify.operations.receipt_secrets import OVERLAP, end_earlier, give_secret, list_tellers
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from shared.routes import Routes

bp = Routes("console_providers", __name__, url_prefix="/providers", access=Team(Right.OPERATE))


@bp.get("")
def show() -> ResponseReturnValue:
    """Show what each provider did lately."""
    return show_page("providers", providers=list_providers(current()))


@bp.route("/secrets", methods=["GET", "POST"])
def secrets() -> ResponseReturnValue:
    """Show how each provider proves what it says of messages; give one a new secret and show it once, or end the one before."""
    form, made = request.form, ""
    if "end" in form:
        end_earlier(current(), form.get("channel", ""), form.get("provider", ""), actor=member().actor)
        return redirect(url_for("console_providers.secrets"), 303)
    if request.method == "POST":
        made = give_secret(current(), form.get("channel", ""), form.get("provider", ""), actor=member().actor)
    tellers, given = list_tellers(current()), (form.get("channel", ""), form.get("provider", ""))
    return show_page("provider_secrets", tellers=tellers, given=given, made=made, overlap_days=OVERLAP.days)


@bp.post("/<channel>/<name>", access=Team(Right.OPERATE))
def change(channel: str, name: str) -> ResponseReturnValue:
    """Give a provider another share of the messages."""
    weight = request.form.get("weight", "")
    set_weight(current(), member(), channel, name, int(weight) if weight.isdecimal() and len(weight) <= 6 else -1)
    return redirect(url_for("console_providers.show"), 303)
