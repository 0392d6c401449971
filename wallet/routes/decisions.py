"""Pages on which a person decides: `/c/<code>` from the body that asks, `/requests/<id>`.  Spec: wallet contract §4.1, §5.4."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import allow, gettext_noop, language, page
from shared.web.person import login_url, require_level
from wallet.context import current
from wallet.errors import SnapshotChanged
from wallet.operations.decisions import Answer, Choice, LevelTooLow, LoginTooOld, RequestPage, decide, open_view, show_request
from wallet.routes.people import Holder, presence
from wallet.standards.returning import origin_of

bp = Routes("decisions", __name__, access=Holder())


@bp.get("/c/<code>")
def open_link(code: str) -> ResponseReturnValue:
    """Open the link of a request, once; it holds nothing personal."""
    found = open_view(current(), presence(), code)
    return redirect(url_for("decisions.show", request_id=found), 303)


@bp.get("/requests/<uuid:request_id>")
def show(request_id: UUID) -> ResponseReturnValue:
    """Show the next matter to decide, or what was decided."""
    wallet = current()
    found = show_request(wallet, presence(), request_id, lang=language())
    if found.next_open:
        require_level(0, max_age_seconds=wallet.settings.fresh_login_seconds)
    return _page(found)


@bp.post("/requests/<uuid:request_id>")
def answer(request_id: UUID) -> ResponseReturnValue:
    """Take the answer; when nothing is left to decide, send the person back to the body."""
    wallet, form = current(), request.form
    if form.get("decision") not in set(Choice):
        raise InvalidRequest(gettext_noop("Choose one of the buttons."))
    given = Answer(Choice(form["decision"]), form.get("item", ""), form.get("shown", ""), frozenset(form.getlist("optional")))
    here = url_for("decisions.show", request_id=request_id)
    try:
        back = decide(wallet, presence(), request_id, given, lang=language())
    except LoginTooOld:
        return redirect(login_url(here, max_age_seconds=wallet.settings.fresh_login_seconds), 303)
    except LevelTooLow as error:
        return redirect(login_url(here, level=error.level, max_age_seconds=wallet.settings.fresh_login_seconds), 303)
    except SnapshotChanged:
        return _page(show_request(wallet, presence(), request_id, lang=language()), has_changed=True)
    return redirect(back or here, 303)


def _page(found: RequestPage, *, has_changed: bool = False) -> ResponseReturnValue:
    allow("form-action", origin_of(found.redirect_uri))  # the answer leads on to the body's own address
    if found.next_open is None:
        return page("wallet/waiting.html" if found.waiting else "wallet/decided.html", request_page=found)
    return page("wallet/decide.html", 409 if has_changed else 200, request_page=found, item=found.next_open, has_changed=has_changed)
