"""The console: money that matches nothing.  Spec: pay-design.md §3, §8."""

from flask import Response, redirect
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.operations import desk, suspense
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import NotFound
from shared.routes import Routes

bp = Routes("console_money", __name__, url_prefix="/console/accounts/<account_id>", access=AtTheDesk())


@bp.get("/suspense")
def list_suspense(account_id: str) -> Response:
    """List the money that matches no payment of the account, oldest first."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id)
    may_decide = Power.MONEY in who.powers_in(account.organisation_id)
    return web.page("pay/console/suspense.html", account=account, items=suspense.list_open(pay, account.id), may_decide=may_decide)


@bp.get("/suspense/<item_id>")
def ask_decision(account_id: str, item_id: str) -> Response:
    """Ask what becomes of one sum."""
    second_factor()
    account = desk.require_account(current(), staff(), account_id, Power.MONEY)
    item = next((item for item in suspense.list_open(current(), account.id) if item.id == item_id), None)
    if item is None:
        raise NotFound
    return web.page("pay/console/suspense_item.html", account=account, item=item)


@bp.post("/suspense/<item_id>/<decision>")
def decide(account_id: str, item_id: str, decision: str) -> BaseResponse:
    """Write down that a sum went back (`refunded`), is to go back (`propose`), or is the office's (`keep`)."""
    second_factor()
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MONEY)
    if item_id not in {item.id for item in suspense.list_open(pay, account.id)}:
        raise NotFound
    if decision == "refunded":
        suspense.mark_refunded(pay, item_id, actor=who.actor, from_bank=True)
    elif decision == "propose":
        suspense.propose_refund(pay, item_id, actor=who.actor)
    elif decision == "keep":
        suspense.apply_to(pay, item_id, account.organisation_id, actor=who.actor)
    else:
        raise NotFound
    return redirect(f"/console/accounts/{account.id}/suspense", 303)
