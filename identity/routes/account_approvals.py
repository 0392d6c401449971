"""The second factor on another device, on the side that is signed in: the question, and its answer (§3.4)."""

from datetime import timedelta
from uuid import UUID

from flask import Response, make_response, redirect, request, url_for

from identity.context import current
from identity.operations import approvals
from identity.operations.approvals import Shown
from identity.routes.account_access import AccountHolder, account, start_url
from identity.routes.browser import INTERACTION, drop_session_cookie, read_cookie
from shared.routes import Routes
from shared.web import errors_of, gettext, page

routes = Routes("approvals", __name__, access=AccountHolder(), url_prefix="/account/approvals")


@routes.get("/<uuid:approval_id>")
def show_approval(approval_id: UUID) -> Response:
    """Ask whether it is the person who signs in there."""
    return _ask(approvals.show(current(), approval_id, account().person_id), [])


@routes.post("/<uuid:approval_id>")
def send_answer(approval_id: UUID) -> Response:
    """Take the answer; whoever says that it is not them is shut in: signed out everywhere, and asked for a new password."""
    identity, held, decision = current(), account(), request.form.get("decision", "")
    if decision == "grant":
        shown, typed = approvals.show(identity, approval_id, held.person_id), request.form.get("match_code", "")[:8]
        if not typed.strip():
            return _ask(shown, [("match_code", gettext("Type the number that the other device shows."))])
        said_yes = approvals.answer(identity, approval_id, held, read_cookie(identity, INTERACTION), match_code=typed)
        return page("identity/account/approval_done.html", outcome="grant" if said_yes else "mismatch")
    approvals.deny(identity, approval_id, held, not_me=decision == "not_me")
    if decision != "not_me":
        return page("identity/account/approval_done.html", outcome="refuse")
    response = make_response(redirect(url_for("security.show_security"), 303))
    drop_session_cookie(identity, response)
    return response


def _ask(shown: Shown, errors: list[tuple[str, str]]) -> Response:
    identity, here = current(), url_for("approvals.show_approval", approval_id=shown.id)
    obstacle = approvals.obstacle(shown, account(), read_cookie(identity, INTERACTION))
    stronger = start_url(here, level=2, fresh=timedelta(0))
    known = {"shown": shown, "obstacle": obstacle, "stronger": stronger}
    return page("identity/account/approval.html", 400 if errors else 200, error_list=errors_of(errors), **known)
