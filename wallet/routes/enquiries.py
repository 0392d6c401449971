"""Pages of enquiries: ask why, say that it was not right, have data corrected; and the answers.  Spec: wallet contract §10.3, X4."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from shared.problems import InvalidRequest
from shared.routes import Routes
from shared.web import errors_of, gettext, gettext_noop, language, page
from wallet.context import current
from wallet.errors import EnquiryNotFound
from wallet.models.enquiry import EnquiryKind, EnquiryState
from wallet.operations.access_log import line_of
from wallet.operations.enquiries import QUESTION_CHARACTERS_MAX, get_enquiry, list_enquiries, open_enquiry, settle_enquiry
from wallet.routes.people import Holder, presence

TARGETS = {"accept": EnquiryState.ACCEPTED, "escalate": EnquiryState.ESCALATED, "close": EnquiryState.CLOSED}
bp = Routes("enquiries", __name__, access=Holder())


@bp.get("/access-log/<uuid:txn>/ask")
def ask(txn: UUID) -> ResponseReturnValue:
    """Show one access with the questions that can be asked about it."""
    return _ask_page(txn, text="", kind="")


@bp.post("/access-log/<uuid:txn>/ask")
def send(txn: UUID) -> ResponseReturnValue:
    """Send the question."""
    kind, text = request.form.get("kind", ""), request.form.get("question", "").strip()
    if kind not in set(EnquiryKind) or len(text) > QUESTION_CHARACTERS_MAX:
        return _ask_page(txn, text=text, kind=kind, is_wrong=True)
    made = open_enquiry(current(), presence(), txn, kind=EnquiryKind(kind), question=text, lang=language())
    return redirect(url_for("enquiries.show", enquiry_id=made), 303)


@bp.get("/enquiries")
def index() -> ResponseReturnValue:
    """List what the person asked."""
    return page("wallet/enquiries.html", enquiries=list_enquiries(current(), presence()))


@bp.get("/enquiries/<uuid:enquiry_id>")
def show(enquiry_id: UUID) -> ResponseReturnValue:
    """Show a question and its answer."""
    return page("wallet/enquiry.html", enquiry=get_enquiry(current(), presence(), enquiry_id))


@bp.post("/enquiries/<uuid:enquiry_id>")
def settle(enquiry_id: UUID) -> ResponseReturnValue:
    """Accept the answer, take it to the authority, or close."""
    target = TARGETS.get(request.form.get("decision", ""))
    if target is None:
        raise InvalidRequest(gettext_noop("Choose one of the buttons."))
    settle_enquiry(current(), presence(), enquiry_id, target)
    return redirect(url_for("enquiries.show", enquiry_id=enquiry_id), 303)


def _ask_page(txn: UUID, *, text: str, kind: str, is_wrong: bool = False) -> ResponseReturnValue:
    line = line_of(current(), presence(), txn, lang=language())
    if line is None:
        raise EnquiryNotFound(gettext_noop("Your log has no such access."))
    field, words = (
        ("kind-why", gettext("Choose what you want to ask.")) if kind not in set(EnquiryKind) else ("question", gettext("Write less."))
    )
    error_list = errors_of([(field, words)]) if is_wrong else []
    return page("wallet/enquiry_new.html", 400 if is_wrong else 200, line=line, text=text, kind=kind, error_list=error_list)
