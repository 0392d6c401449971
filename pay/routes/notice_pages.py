"""Notices for people: find one by its number, see what is owed now, go on to pay.  Spec: pay-design.md §8."""

from flask import redirect, request
from werkzeug.wrappers import Response

from pay.context import current
from pay.errors import NoticeBusy, NoticeNotFound
from pay.operations import notice_visits, notices
from pay.routes.pages import enter
from pay.standards.notice_number import read_number
from shared import web
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import gettext

bp = Routes("notice_pages", __name__, access=PUBLIC_PAGE)


@bp.get("/notice")
def ask_number() -> Response:
    """Ask for the number that is printed on the notice."""
    return web.page("pay/notice_find.html", number="", error_list=[])


@bp.post("/notice")
def send_number() -> Response:
    """Lead to the notice, or say what is wrong with the number."""
    typed = request.form.get("number", "")[:60]
    number = read_number(typed)
    if number is None:
        fault = gettext("Check the number. It has 18 digits.") if typed.strip() else gettext("Type the number of the notice.")
        return web.page("pay/notice_find.html", 422, number=typed, error_list=web.errors_of([("number", fault)]))
    try:
        notices.get_slip(current(), number)
    except NoticeNotFound:
        errors = web.errors_of([("number", gettext("We know no notice with this number. Check it digit by digit."))])
        return web.page("pay/notice_find.html", 404, number=typed, error_list=errors)
    return redirect(f"/notice/{number}", 303)


@bp.get("/notice/<number>")
def show(number: str) -> Response:
    """Show what is owed now; nothing says who owes it."""
    pay = current()
    slip = notices.get_slip(pay, read_number(number))
    payable = notice_visits.is_payable(pay, slip)
    amount = notice_visits.current_amount(pay, slip) if payable else slip.payment.amount_minor
    locked = slip.notice.is_locked(pay.clock.now())
    return web.page("pay/notice.html", slip=slip, payable=payable, amount=amount, locked=locked)


@bp.post("/notice/<number>/pay")
def go_on(number: str) -> Response:
    """Open the payer pages for the notice."""
    try:
        return enter(current(), notice_visits.open_online(current(), read_number(number)))
    except NoticeBusy:
        return redirect(f"/notice/{read_number(number)}", 303)
