"""People and companies I act for, who acts for me, and what they did.  Spec: wallet contract §6, U13."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from shared.clock import ZONE
from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import errors_of, gettext_noop, language, page
from shared.web.person import require_level
from shared.web.signed_in import Citizen
from wallet.context import current
from wallet.operations.delegate_acts import list_acts
from wallet.operations.delegation_views import list_acting, list_delegates
from wallet.operations.delegations import appoint_proxy, begin_acting, end_delegation, look_up
from wallet.operations.directory import dataset_titles
from wallet.routes.people import Herself, begin, presence
from wallet.schemas.delegations import read_terms
from wallet.standards.acting import Power

EXPRESS = (Power.GRANT, Power.REFUSE, Power.WITHDRAW, Power.RENEW)
bp = Routes("delegations", __name__, access=Herself())


@bp.get("/acting")
def index() -> ResponseReturnValue:
    """Show for whom the person may act, as the registers say now, and who acts for her."""
    wallet, person = current(), presence()
    is_there = look_up(wallet, person)
    titles = dataset_titles(wallet, language())
    mine, theirs = list_acting(wallet, person), list_delegates(wallet, person)
    may_sign_in_for = wallet.settings.represent
    return page("wallet/acting.html", mine=mine, theirs=theirs, is_there=is_there, titles=titles, may_sign_in_for=may_sign_in_for)


@bp.post("/acting")
def start() -> ResponseReturnValue:
    """Act for another from now on."""
    acting = begin_acting(current(), presence(), _id(request.form.get("delegation", "")))
    begin(acting.delegation_id)
    return redirect("/", 303)


@bp.post("/acting/stop", access=Citizen())
def stop() -> ResponseReturnValue:
    """Go on for oneself."""
    begin(None)
    return redirect(url_for("delegations.index"), 303)


@bp.get("/delegations/new")
def ask() -> ResponseReturnValue:
    """Ask who may act, how far and until when."""
    require_level(0, max_age_seconds=current().settings.fresh_login_seconds)
    return _form(MultiDict(), [])


@bp.post("/delegations")
def appoint() -> ResponseReturnValue:
    """Let another person act for this one."""
    wallet = current()
    require_level(0, max_age_seconds=wallet.settings.fresh_login_seconds)
    terms, wrong = read_terms(request.form, today=wallet.clock.now().astimezone(ZONE).date())
    if terms is None:
        return _form(request.form, wrong)
    appoint_proxy(wallet, presence(), terms)
    return redirect(url_for("delegations.index"), 303)


@bp.post("/delegations/<uuid:delegation_id>/end")
def end(delegation_id: UUID) -> ResponseReturnValue:
    """End a power that was given here, or give one up."""
    end_delegation(current(), presence(), delegation_id)
    return redirect(url_for("delegations.index"), 303)


@bp.get("/done-for-me")
def acts() -> ResponseReturnValue:
    """Show what others did for the person (D8)."""
    return page("wallet/acts.html", acts=list_acts(current(), presence()))


def _form(form: MultiDict[str, str], wrong: list[tuple[str, str]]) -> ResponseReturnValue:
    titles = dataset_titles(current(), language())
    values = {"run": form.get("run", ""), "until": form.get("until", "")}
    status = 400 if wrong else 200
    chosen = {"powers": form.getlist("power"), "datasets": form.getlist("dataset")}
    return page("wallet/appoint.html", status, form=values, chosen=chosen, titles=titles, express=EXPRESS, error_list=errors_of(wrong))


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidRequest(gettext_noop("Choose one of the buttons.")) from None
