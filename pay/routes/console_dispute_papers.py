"""The console: disputes on paper, at providers that neither tell of them nor take answers from here.  Spec: pay-api.md §11."""

from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import DisputeNotPossible
from pay.models.account import Account
from pay.models.dispute import Dispute
from pay.models.dispute_answer import DisputeAnswer
from pay.operations import desk, dispute_desk, dispute_hand_in, dispute_papers
from pay.operations.dispute_hand_in import Letter
from pay.routes.console_disputes import money_account, to_dispute
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.evidence import LetterForm, read_letter, read_number
from pay.standards.dispute_states import REASONS
from pay.standards.payment_object import Payment
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_dispute_papers", __name__, url_prefix="/console", access=AtTheDesk())


@bp.get("/payments/<payment_id>/dispute")
def ask_letter(payment_id: str) -> Response:
    """Ask what a provider's letter says of a dispute."""
    payment, account = _payment(payment_id)
    return _letter_page(payment, account, LetterForm())


@bp.post("/payments/<payment_id>/dispute")
def write_down(payment_id: str) -> BaseResponse:
    """Open the dispute that a letter told of."""
    payment, account = _payment(payment_id)
    form = read_letter(request.form, payment.currency, dispute_hand_in.disputable_minor(current(), payment))
    if form.faults or form.due_at is None:
        return _letter_page(payment, account, form, 422)
    letter = Letter(form.number, form.amount_minor, form.reason, form.due_at)
    dispute = dispute_hand_in.write_down(current(), staff(), payment.id, letter)
    return to_dispute(account, dispute.id)


def _payment(payment_id: str) -> tuple[Payment, Account]:
    second_factor()
    payment, account = desk.require_payment_at_desk(current(), staff(), payment_id, Power.MONEY)
    if not dispute_hand_in.disputable_minor(current(), payment):
        raise DisputeNotPossible
    return payment, account


def _letter_page(payment: Payment, account: Account, form: LetterForm, status: int = 200) -> Response:
    values: dict[str, Any] = {"form": form, "reasons": REASONS, "error_list": web.errors_of(form.faults)}
    return web.page("pay/console/dispute_letter.html", status, payment=payment, account=account, **values)


ANSWER = "/accounts/<account_id>/disputes/<dispute_id>/answers/<answer_id>"


@bp.get(ANSWER + "/answer.pdf")
def show_paper(account_id: str, dispute_id: str, answer_id: str) -> Response:
    """Give an answer as the document that is handed in."""
    account = money_account(account_id)
    dispute, answer = _answer(account, dispute_id, answer_id)
    paper = Response(dispute_papers.answer_paper(current(), account, dispute, answer), content_type="application/pdf")
    paper.headers["Content-Disposition"] = f'attachment; filename="dispute-{dispute.id}.pdf"'
    return paper


@bp.get(ANSWER + "/hand-in")
def ask_handed_in(account_id: str, dispute_id: str, answer_id: str) -> Response:
    """Ask what number the provider gave when the answer was handed in."""
    account = money_account(account_id)
    return _hand_in_page(account, *_answer(account, dispute_id, answer_id))


def _hand_in_page(account: Account, dispute: Dispute, answer: DisputeAnswer, status: int = 200, **values: Any) -> Response:
    known: dict[str, Any] = {"dispute": dispute, "answer": answer, "error_list": []}
    return web.page("pay/console/dispute_hand_in.html", status, account=account, **known | values)


@bp.post(ANSWER + "/hand-in")
def hand_in(account_id: str, dispute_id: str, answer_id: str) -> BaseResponse:
    """Write down that the answer was handed in."""
    account = money_account(account_id)
    dispute, answer = _answer(account, dispute_id, answer_id)
    note = read_number(request.form, "note")
    if not note:
        faults = [("note", gettext("Type the number or the name that the provider gave you."))]
        return _hand_in_page(account, dispute, answer, 422, error_list=web.errors_of(faults))
    dispute_hand_in.hand_in(current(), staff(), account, answer.id, note)
    return to_dispute(account, dispute.id)


@bp.get("/accounts/<account_id>/disputes/<dispute_id>/result")
def ask_result(account_id: str, dispute_id: str) -> Response:
    """Ask how the bank decided."""
    return _result_page(money_account(account_id), dispute_id)


def _result_page(account: Account, dispute_id: str, status: int = 200, **values: Any) -> Response:
    dispute, _ = dispute_desk.require_dispute(current(), account, dispute_id)
    return web.page("pay/console/dispute_result.html", status, **{"account": account, "dispute": dispute, "error_list": []} | values)


@bp.post("/accounts/<account_id>/disputes/<dispute_id>/result")
def write_result(account_id: str, dispute_id: str) -> BaseResponse:
    """Write down how the bank decided."""
    account = money_account(account_id)
    result = request.form.get("result")
    if result not in {"won", "lost"}:
        errors = web.errors_of([("result", gettext("Choose how the bank decided."))])
        return _result_page(account, dispute_id, 422, error_list=errors)
    dispute_hand_in.write_result(current(), staff(), account, dispute_id, is_won=result == "won")
    return to_dispute(account, dispute_id)


def _answer(account: Account, dispute_id: str, answer_id: str) -> tuple[Dispute, DisputeAnswer]:
    dispute, answers = dispute_desk.require_dispute(current(), account, dispute_id)
    found = next((answer for answer in answers if answer.id == answer_id), None)
    if found is None:
        raise NotFound
    return dispute, found
