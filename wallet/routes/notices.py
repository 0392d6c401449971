"""Which messages a person wants.  Spec: wallet contract §10.3."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from shared.routes import Routes
from shared.web import page
from wallet.context import current
from wallet.operations.person_notices import KINDS_SHOWN, find_wishes, keep_wishes
from wallet.routes.people import Herself, presence

bp = Routes("notices", __name__, url_prefix="/notices", access=Herself())


@bp.get("")
def show() -> ResponseReturnValue:
    """Show which messages come."""
    return page("wallet/notices.html", kinds=KINDS_SHOWN, off=find_wishes(current(), presence()), is_kept="kept" in request.args)


@bp.post("")
def keep() -> ResponseReturnValue:
    """Turn messages on and off."""
    keep_wishes(current(), presence(), request.form.getlist("kind"))
    return redirect(url_for("notices.show", kept=1), 303)
