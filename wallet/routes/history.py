"""One history, registers elsewhere, and all of one's data.  Spec: CH-14; wallet contract §10.3, §10.5."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from shared.routes import Routes
from shared.web import language, page
from wallet.context import current
from wallet.operations.history import Kind, export_all, read_history
from wallet.operations.usages import usages_elsewhere
from wallet.routes.people import Herself, Holder, presence

bp = Routes("history", __name__, access=Holder())


@bp.get("/history")
def show() -> ResponseReturnValue:
    """Show all dealings in one list, or those of one kind."""
    asked = request.args.get("kind", "")
    kind = Kind(asked) if asked in set(Kind) else None
    found = read_history(current(), presence(), lang=language(), kind=kind)
    return page("wallet/history.html", history=found, kinds=list(Kind), chosen=kind)


@bp.get("/elsewhere", access=Herself())
def elsewhere() -> ResponseReturnValue:
    """Show what registers that keep their own log say; one that does not answer is not one without accesses."""
    return page("wallet/elsewhere.html", registers=usages_elsewhere(current(), presence().run))


@bp.get("/my-data")
def export() -> ResponseReturnValue:
    """Give all that is held about the person."""
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return jsonify(export_all(current(), presence(), lang=language())), 200, headers
