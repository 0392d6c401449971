"""The console: helping a person to pay, by telephone or at a counter, in the person's own payment.  Spec: PA-2, CH-1, CH-2."""

import re

from flask import Response, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import NoticeBusy, NoticeNotFound
from pay.operations import assistance, desk
from pay.routes.staff import AtTheDesk, staff
from pay.schemas.console import read_amount
from pay.standards.slip_codes import qr_svg
from pay.standards.staff_powers import Power
from shared import web
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_assist", __name__, url_prefix="/console/accounts/<account_id>/assist", access=AtTheDesk())


@bp.get("")
def ask(account_id: str) -> Response:
    """Ask what the person wants to pay: a notice they have, or something new."""
    account = desk.require_account(current(), staff(), account_id, Power.ASSIST)
    return web.page("pay/console/assist.html", account=account, values={}, error_list=[], link=None)


@bp.post("")
def make_link(account_id: str) -> BaseResponse:
    """Make a link to the payer pages that the agent sends, reads out or shows; no card number comes to the agent."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.ASSIST)
    form = {name: value.strip() for name, value in request.form.items()}
    faults: list[tuple[str, str]] = []
    link = None
    if form.get("number"):
        try:
            link = assistance.link_for_notice(pay, who, account, form["number"])
        except NoticeNotFound:
            faults.append(("number", gettext("We know no notice with this number. Check it digit by digit.")))
        except NoticeBusy:
            faults.append(("number", gettext("This notice is paid or has ended, or somebody is paying it.")))
    else:
        amount = read_amount(form.get("amount", ""), account.currency)
        if amount is None or not 1 <= amount <= account.max_amount_minor:
            faults.append(("amount", gettext("Type an amount.")))
        for field in ("reference", "description"):
            if not 1 <= len(form.get(field, "")) <= 255 or re.search("[<>|]", form[field]):
                faults.append((field, gettext("Type 1 to 255 letters, without < > or |.")))
        if not faults and amount is not None:
            new = assistance.NewForPerson(amount, form["reference"], form["description"])
            link = assistance.link_for_new(pay, who, account, new)
    picture = qr_svg(link) if link else None
    values = {"values": form, "error_list": web.errors_of(faults), "link": link, "picture": picture}
    return web.page("pay/console/assist.html", 422 if faults else 200, account=account, **values)
