"""The console: what products cost, and exemptions that wait for a decision.  Spec: requirements PA-10, PA-11."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.models.account import Account
from pay.operations import desk, fees
from pay.operations.amounts import today
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.fees import FORM_EXEMPTIONS, REASON_MAX, read_rule_form
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes
from shared.web import gettext_noop as noop

bp = Routes("console_fees", __name__, url_prefix="/console/accounts/<account_id>/fees", access=AtTheDesk())


def _page(account: Account, status: int = 200, **values: Any) -> Response:  # what the template shows
    pay, who = current(), staff()
    powers = who.powers_in(account.organisation_id)
    rules = fees.rules_of(pay, account)
    newest: dict[str, int] = {}
    for rule in reversed(rules):
        if rule.valid_from <= today(pay):
            newest[rule.product] = max(rule.version, newest.get(rule.product, 0))
    waiting = fees.list_requests(pay, account) if Power.MONEY in powers else []
    known: dict[str, Any] = {"values": {}, "error_list": [], "exemptions": range(1, FORM_EXEMPTIONS + 1)}
    return web.page(
        "pay/console/fees.html", status, account=account, powers=powers, rules=rules, newest=newest, waiting=waiting, **{**known, **values}
    )


@bp.get("")
def show(account_id: str) -> Response:
    """Show what products cost, and what waits to be decided."""
    return _page(desk.require_account(current(), staff(), account_id))


@bp.post("")
def add(account_id: str) -> BaseResponse:
    """Write a new version of what a product costs."""
    second_factor()
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MONEY)
    rule, faults = read_rule_form(request.form, account.currency, today(pay))
    if rule is None:
        return _page(account, 422, values=request.form, error_list=web.errors_of(faults))
    fees.add_rule(pay, account, rule, actor=who.actor)
    return redirect(f"/console/accounts/{account.id}/fees", 303)


@bp.post("/exemptions/<request_id>")
def decide(account_id: str, request_id: str) -> BaseResponse:
    """Grant or refuse an exemption, with the reason."""
    second_factor()
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MONEY)
    decision, reason = request.form.get("decision"), request.form.get("reason", "").strip()[:REASON_MAX]
    if decision not in {"grant", "refuse"}:
        raise NotFound
    if not reason:
        raise InvalidRequest(noop("Say why you decide so. The person may ask."))
    fees.decide(pay, who, account, request_id, grant=decision == "grant", reason=reason)
    return redirect(f"/console/accounts/{account.id}/fees", 303)
