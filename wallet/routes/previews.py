"""Pages of previews: look at the data before they go on.  Spec: wallet contract §8.3 X3."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import gettext_noop, language, page
from wallet.context import current
from wallet.operations.previews import decide_preview, show_preview
from wallet.routes.people import Holder, presence

bp = Routes("previews", __name__, url_prefix="/previews", access=Holder())


@bp.get("/<uuid:txn>")
def show(txn: UUID) -> ResponseReturnValue:
    """Show the data, with three ways on: send, do not send, they are wrong."""
    return page("wallet/preview.html", preview=show_preview(current(), presence(), txn, lang=language()))


@bp.post("/<uuid:txn>")
def decide(txn: UUID) -> ResponseReturnValue:
    """Take the decision."""
    decision = request.form.get("decision")
    if decision not in {"send", "keep"}:
        raise InvalidRequest(gettext_noop("Choose one of the buttons."))
    decide_preview(current(), presence(), txn, send=decision == "send")
    return redirect(url_for("previews.show", txn=txn), 303)
