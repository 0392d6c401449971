"""The console: what products cost, and exemptions that wait for a decision.  Spec: requirements PA-10, PA-11."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.models.account import Account
from pay.operations import desk, fees
from pay.operations.amounts import today
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.fee_steps import CHECK, FeeStep, read_step
from pay.schemas.fees import REASON_MAX
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes
from shared.web import gettext_noop as noop

bp = Routes("console_fees", __name__, url_prefix="/console/accounts/<account_id>/fees", access=AtTheDesk())


@bp.get("")
def show(account_id: str) -> Response:
    """Show what products cost, and what waits to be decided."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    powers = who.powers_in(account.organisation_id)
    rules = fees.rules_of(pay, account)
    newest: dict[str, int] = {}
    for rule in reversed(rules):
        if rule.valid_from <= today(pay):
            newest[rule.product] = max(rule.version, newest.get(rule.product, 0))
    waiting = fees.list_requests(pay, account) if Power.MONEY in powers else []
    values: dict[str, Any] = {"powers": powers, "rules": rules, "newest": newest, "waiting": waiting}
    return web.page("pay/console/fees.html", account=account, **values)


@bp.get("/new")
def ask(account_id: str) -> Response:
    """Ask one thing about a fee, or show all that was answered."""
    second_factor()
    account = desk.require_account(current(), staff(), account_id, Power.MONEY)
    return _step_page(account, read_step(request.args, account.currency, today(current())))


def _step_page(account: Account, step: FeeStep) -> Response:
    template = "pay/console/fee_check.html" if step.name == CHECK else "pay/console/fee_step.html"
    return web.page(template, 422 if step.faults else 200, account=account, step=step, error_list=web.errors_of(step.faults))


@bp.post("")
def add(account_id: str) -> BaseResponse:
    """Write a new version of what a product costs."""
    second_factor()
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MONEY)
    step = read_step({**request.form, "step": CHECK}, account.currency, today(pay))
    if step.rule is None:
        return _step_page(account, step)
    fees.add_rule(pay, account, step.rule, actor=who.actor)
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
