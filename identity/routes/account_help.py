"""Help by agents, for the person: codes to let them, who helped, and objecting; also by the code of a paper receipt (AS-2, AS-5)."""

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.models.assisted import Proof
from identity.operations import assistance, assistance_views, guards
from identity.operations.own_client import FRESH
from identity.operations.refusals import AssistanceNotFound
from identity.routes.account_access import AccountHolder, account
from identity.routes.browser import read_origin
from identity.standards import assistance as rules
from identity.standards import one_time_codes
from shared.access import PUBLIC_PAGE
from shared.problems import TooManyRequests
from shared.routes import Routes
from shared.states import WrongState
from shared.web import errors_of, gettext, page

routes = Routes("help", __name__, access=AccountHolder())
KINDS = {"now": Proof.CODE, "telephone": Proof.PHONE_CODE}


@routes.get("/account/help")
def show_help() -> Response:
    """Who helped, and codes for the next time."""
    views = assistance_views.of_person(current(), account().person_id)
    return page("identity/account/help.html", views=views, words=rules.WORDS)


@routes.post("/account/help/codes/<any(now, telephone):kind>", access=AccountHolder(fresh=FRESH))
def make_code(kind: str) -> Response:
    """Make a code and show it, this once."""
    code = assistance.make_code(current(), account().person_id, KINDS[kind])
    return page("identity/account/help_code.html", code=one_time_codes.grouped(code), kind=kind)


@routes.post("/account/help/<assisted_id>/object")
def object_to(assisted_id: str) -> Response:
    """Say that the help was not wanted: it ends and is looked at."""
    assistance.object_to(current(), assisted_id, person_id=account().person_id)
    return make_response(redirect(url_for("help.show_help"), 303))


@routes.get("/receipt", access=PUBLIC_PAGE)
def show_receipt() -> Response:
    """Ask for the code of a paper receipt."""
    return page("identity/receipt.html", view=None, code="", words=rules.WORDS, error_list=[], objected=False)


@routes.post("/receipt", access=PUBLIC_PAGE)
def send_receipt() -> Response:
    """Show what the receipt is about, and take the objection."""
    identity, code = current(), request.form.get("code", "")[:32]
    if guards.is_crowded(identity, read_origin(identity)):
        raise TooManyRequests("Too many tries come from your network.", retry_after_seconds=300)
    try:
        view = assistance_views.by_receipt(identity, code)
        objected = request.form.get("decision") == "object"
        if objected:
            assistance.object_by_receipt(identity, code)
    except AssistanceNotFound:
        errors = errors_of([("code", gettext("There is no receipt with that code. Compare it letter by letter."))])
        return page("identity/receipt.html", 400, view=None, code=code, words=rules.WORDS, error_list=errors, objected=False)
    except WrongState:
        objected = True
    return page("identity/receipt.html", view=view, code=code, words=rules.WORDS, error_list=[], objected=objected)
