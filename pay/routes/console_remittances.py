"""The console: paying bodies, the Treasury and partners what they are owed; operators only.  Spec: pay-design.md §3, §7.3, §8."""

from datetime import date, timedelta

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import NothingToRemit
from pay.models.remittance import Remittance
from pay.operations import remittances
from pay.operations.amounts import today
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.console import is_day
from pay.standards.remittance_files import COLUMNS, DAYS, SEPARATORS, RemittanceFormat
from shared import web
from shared.problems import Forbidden, NotFound
from shared.routes import Routes
from shared.web import gettext
from shared.web import gettext_noop as noop

bp = Routes("console_remittances", __name__, url_prefix="/console/remittances", access=AtTheDesk())


def _operator() -> None:
    second_factor()
    if not staff().is_operator:
        raise Forbidden(noop("Only an operator pays what offices are owed."))


def _page(status: int = 200, *, faults: list[tuple[str, str]] | None = None) -> Response:
    pay = current()
    values = {
        "creditors": remittances.list_creditors(pay),
        "names": remittances.creditor_names(pay),
        "made": remittances.list_remittances(pay),
        "day": request.form.get("day") or (today(pay) - timedelta(days=1)).isoformat(),
        "columns": tuple(COLUMNS),
        "day_forms": tuple(DAYS),
        "values": request.form,
        "error_list": web.errors_of(faults or []),
    }
    return web.page("pay/console/remittances.html", status, **values)


@bp.get("")
def show() -> Response:
    """Show who is owed how much, and what was paid."""
    _operator()
    return _page()


@bp.post("")
def make() -> BaseResponse:
    """Pay what was booked until the end of a day; the same day again changes nothing."""
    _operator()
    code, _, currency = request.form.get("creditor", "").rpartition("|")
    day = request.form.get("day", "").strip()
    if not is_day(day):
        return _page(422, faults=[("day", gettext("Type the day like this: 2026-11-30."))])
    try:
        made = remittances.remit(current(), code, currency, date.fromisoformat(day), actor=staff().actor)
    except NothingToRemit as problem:
        return _page(409, faults=[("day", gettext(str(problem.detail)))])
    return redirect(f"/console/remittances#r-{made.id}", 303)


@bp.get("/<remittance_id>.csv")
def give_file(remittance_id: str) -> Response:
    """Give the file of a remittance, in the columns its creditor wants."""
    _operator()
    made: Remittance = remittances.get_remittance(current(), remittance_id)
    answer = Response(remittances.remittance_file(current(), made), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="remittance-{made.day.isoformat()}.csv"'
    return answer


@bp.post("/format")
def set_format() -> BaseResponse:
    """Say how a creditor wants its files."""
    _operator()
    columns = tuple(name for name in request.form.get("columns", "").replace(",", " ").split() if name)
    separator = {"tab": "\t"}.get(request.form.get("separator", ""), request.form.get("separator", ""))
    if separator not in SEPARATORS:
        raise NotFound
    try:
        form = RemittanceFormat(columns, separator, request.form.get("days", ""))
    except ValueError:
        return _page(422, faults=[("columns", gettext("Type names of the list only, in the order you want."))])
    remittances.set_format(current(), request.form.get("creditor", "").rpartition("|")[0], form, actor=staff().actor)
    return redirect("/console/remittances", 303)
