"""How to pay: the payer chooses, and may choose otherwise later; it stays the same payment.  Spec: PA-2, PA-8, CH-2, pay-api.md §25."""

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import NoticeNotPayable
from pay.operations import later_choices, pages, slips
from pay.operations.later_payments import LATER
from pay.operations.moves import PAYER
from pay.operations.notice_issuing import offers_cash, offers_transfer
from pay.operations.notice_moves import PAYABLE
from pay.operations.pages import Visit
from pay.routes.access import PayerOfPayment, payer_visit
from pay.routes.pages import lead_on
from shared import web
from shared.routes import Routes
from shared.web import gettext

bp = Routes("methods", __name__, url_prefix="/card_details/<payment_id>", access=PayerOfPayment())


@bp.get("/methods")
def ask(payment_id: str) -> BaseResponse:
    """Ask how the payer wants to pay."""
    seen = pages.start(current(), payer_visit(payment_id))
    offered = _offered(seen)
    if seen.payment.state not in PAYABLE or not offered:
        return lead_on(seen.payment)
    if len(offered) == 1 and not seen.payment.may_be_paid_by("card"):
        return redirect(f"/card_details/{seen.payment.id}/{offered[0]}", 303)
    return web.page("pay/methods.html", payment=seen.payment, account=seen.account, offered=offered, error_list=[])


@bp.post("/methods")
def choose(payment_id: str) -> BaseResponse:
    """Go on by card, or make a notice for a counter."""
    pay = current()
    seen = payer_visit(payment_id)
    method, offered = request.form.get("method"), _offered(seen)
    if method in offered:
        try:
            later_choices.choose_later(pay, seen.payment.id, actor=PAYER)
        except NoticeNotPayable:
            return lead_on(seen.payment)
        return redirect(f"/card_details/{seen.payment.id}/{method}", 303)
    if method == "card" and seen.payment.may_be_paid_by("card"):
        return redirect(f"/card_details/{seen.payment.id}", 303)
    errors = web.errors_of([("method", gettext("Choose how you want to pay."))])
    return web.page("pay/methods.html", 422, payment=seen.payment, account=seen.account, offered=offered, error_list=errors)


def _offered(seen: Visit) -> tuple[str, ...]:
    """Return the ways besides the card: those that the service chose, or all that the account has."""
    if seen.payment.methods:
        return tuple(name for name in LATER if name in seen.payment.methods)
    pay, ways = current(), {"cash": offers_cash, "transfer": offers_transfer}
    return tuple(name for name, offers in ways.items() if offers(pay, seen.account))


@bp.get("/transfer")
def show_transfer(payment_id: str) -> BaseResponse:
    """Say where to transfer to, with which number, and by when."""
    pay = current()
    seen = payer_visit(payment_id)
    if seen.payment.state not in PAYABLE or "transfer" not in _offered(seen):
        return lead_on(seen.payment)
    slip = later_choices.choose_later(pay, seen.payment.id, actor=PAYER)
    to = pay.settings.transfer_account
    return web.page("pay/transfer.html", slip=slip, payment=slip.payment, account=seen.account, to=to)


@bp.get("/cash")
def show_cash(payment_id: str) -> BaseResponse:
    """Say where to pay, by when, and that one may still change one's mind."""
    pay = current()
    seen = payer_visit(payment_id)
    if seen.payment.state not in PAYABLE or "cash" not in _offered(seen):
        return lead_on(seen.payment)
    slip = later_choices.choose_later(pay, seen.payment.id, actor=PAYER)
    return web.page("pay/cash.html", slip=slip, payment=seen.payment, account=seen.account)


@bp.get("/cash/slip.pdf")
def show_slip(payment_id: str) -> BaseResponse:
    """Give the slip to print, or to show on the telephone."""
    pay = current()
    seen = payer_visit(payment_id)
    if "cash" not in _offered(seen):
        return lead_on(seen.payment)
    slip = later_choices.choose_later(pay, seen.payment.id, actor=PAYER)
    return Response(slips.slip_file(pay, slip), content_type="application/pdf")
