"""The console: what card holders dispute at their bank, and what the office answers.  Spec: pay-api.md §11, pay-design.md §3."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.models.account import Account
from pay.operations import desk, dispute_desk, dispute_papers, disputes, refund_desk
from pay.operations.disputes import DisputeQuery
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.evidence import WORDS_MAX, read_evidence
from pay.standards.evidence_files import BYTES_MAX, FILES_MAX
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import NotFound
from shared.routes import Routes

bp = Routes("console_disputes", __name__, url_prefix="/console/accounts/<account_id>/disputes", access=AtTheDesk())
FORM_ROUND_IT = 100_000


@bp.get("")
def list_disputes(account_id: str) -> Response:
    """List what card holders dispute at their bank: first what has a last day."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    _, found = disputes.search_disputes(pay, desk.acting_for(who, account), DisputeQuery(None, None, None, None, None, 1, 500))
    return web.page("pay/console/disputes.html", account=account, listed=dispute_desk.work_list(pay, found), now=pay.clock.now())


@bp.get("/<dispute_id>")
def show_dispute(account_id: str, dispute_id: str) -> Response:
    """Show a dispute, until when it may be answered, and what was answered."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    dispute, answers = dispute_desk.require_dispute(pay, account, dispute_id)
    has_money = Power.MONEY in who.powers_in(account.organisation_id)
    shown = answers if has_money else []
    values: dict[str, Any] = {
        "answers": answers,
        "has_money": has_money,
        "work": dispute_desk.work_on(pay, dispute, answers),
        "by_hand": dispute_desk.is_by_hand(pay, dispute.gateway),
        "words": {answer.id: dispute_papers.words_of(pay, account, answer) for answer in shown},
        "files": {answer.id: [file.name for file in dispute_papers.files_of(pay, account, answer)] for answer in shown},
        "actor": who.actor,
    }
    return web.page("pay/console/dispute.html", account=account, dispute=dispute, **values)


@bp.get("/<dispute_id>/accept")
def ask_accept(account_id: str, dispute_id: str) -> Response:
    """Ask whether the card holder is right."""
    account = money_account(account_id)
    dispute, _ = dispute_desk.require_dispute(current(), account, dispute_id)
    limit = refund_desk.get_limit(current(), account)
    return web.page("pay/console/dispute_accept.html", account=account, dispute=dispute, limit=limit)


@bp.post("/<dispute_id>/accept")
def accept(account_id: str, dispute_id: str) -> BaseResponse:
    """Accept the dispute, or propose it to a second person."""
    account = money_account(account_id)
    dispute_desk.answer_dispute(current(), staff(), account, dispute_id, "")
    return to_dispute(account, dispute_id)


@bp.get("/<dispute_id>/evidence")
def ask_evidence(account_id: str, dispute_id: str) -> Response:
    """Ask what the office says against it."""
    return _evidence_page(money_account(account_id), dispute_id)


def _evidence_page(account: Account, dispute_id: str, status: int = 200, **values: Any) -> Response:
    dispute, _ = dispute_desk.require_dispute(current(), account, dispute_id)
    known: dict[str, Any] = {"words": "", "error_list": [], "words_max": WORDS_MAX, "files_max": FILES_MAX}
    known["by_hand"] = dispute_desk.is_by_hand(current(), dispute.gateway)
    return web.page("pay/console/dispute_evidence.html", status, account=account, dispute=dispute, **known | values)


@bp.post("/<dispute_id>/evidence", access=AtTheDesk(bytes_max=BYTES_MAX + FORM_ROUND_IT))
def send_evidence(account_id: str, dispute_id: str) -> BaseResponse:
    """Keep what the office says, and send it to the bank where that can be done from here."""
    account = money_account(account_id)
    given = read_evidence(request.form, request.files.getlist("files"))
    found = "" if given.faults else dispute_papers.scan_fault(current(), given.files)
    faults = [*given.faults, *([("files", found)] if found else [])]
    if faults:
        return _evidence_page(account, dispute_id, 422, words=given.words, error_list=web.errors_of(faults))
    dispute_desk.answer_dispute(current(), staff(), account, dispute_id, given.words, files=given.files)
    return to_dispute(account, dispute_id)


@bp.post("/<dispute_id>/answers/<answer_id>")
def decide(account_id: str, dispute_id: str, answer_id: str) -> BaseResponse:
    """Approve or reject what somebody else proposed."""
    account = money_account(account_id)
    _, answers = dispute_desk.require_dispute(current(), account, dispute_id)
    decision = request.form.get("decision")
    if decision not in {"approve", "reject"} or answer_id not in {answer.id for answer in answers}:
        raise NotFound
    dispute_desk.decide_answer(current(), staff(), account, answer_id, approve=decision == "approve")
    return to_dispute(account, dispute_id)


def to_dispute(account: Account, dispute_id: str) -> BaseResponse:
    """Go back to the page of a dispute."""
    return redirect(f"/console/accounts/{account.id}/disputes/{dispute_id}", 303)


def money_account(account_id: str) -> Account:
    """Return an account of somebody who may move money, and has just shown two factors.  Raises: NotFound, Forbidden."""
    second_factor()
    return desk.require_account(current(), staff(), account_id, Power.MONEY)
