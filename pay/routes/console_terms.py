"""The console: on what terms an account takes payments, whether it does, and the children of its mall.  Spec: pay-api.md §23."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.models.account import Account
from pay.operations import account_desk, desk
from pay.providers.webpay import WebpayGateway
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.account_terms import EMAIL_COLLECTION, LANGUAGES, read_children, read_terms, typed_terms
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_terms", __name__, url_prefix="/console/accounts/<account_id>", access=AtTheDesk())
REASON_MAX = 200


@bp.get("/terms")
def ask_terms(account_id: str) -> Response:
    """Ask on what terms an account takes payments."""
    account = _operators(account_id)
    return _terms_page(account)


@bp.post("/terms")
def set_terms(account_id: str) -> BaseResponse:
    """Keep the terms: they hold for new payments."""
    account = _operators(account_id)
    form = read_terms(request.form, account.currency)
    if form.terms is None:
        return _terms_page(account, 422, typed=request.form, error_list=web.errors_of(form.faults))
    account_desk.set_terms(current(), staff(), account, form.terms)
    return _to(account)


def _terms_page(account: Account, status: int = 200, **values: Any) -> Response:
    known: dict[str, Any] = {"typed": typed_terms(account), "error_list": [], "collections": EMAIL_COLLECTION, "page_languages": LANGUAGES}
    return web.page("pay/console/terms.html", status, account=account, **known | values)


@bp.get("/stop")
def ask_stop(account_id: str) -> Response:
    """Ask why an account takes no payments any more, or whether it is to take them again."""
    return web.page("pay/console/stop.html", account=_operators(account_id), error_list=[])


@bp.post("/stop")
def stop(account_id: str) -> BaseResponse:
    """Stop new payments and refunds of an account; what is under way goes on."""
    account, reason = _operators(account_id), " ".join(request.form.get("reason", "").replace("\0", "").split())[:REASON_MAX]
    if not reason:
        errors = web.errors_of([("reason", gettext("Say why, for the office."))])
        return web.page("pay/console/stop.html", 422, account=account, error_list=errors)
    account_desk.stop(current(), staff(), account, reason)
    return _to(account)


@bp.post("/resume")
def resume(account_id: str) -> BaseResponse:
    """Let an account take payments again."""
    account = _operators(account_id)
    account_desk.stop(current(), staff(), account, None)
    return _to(account)


@bp.get("/mall")
def ask_children(account_id: str) -> Response:
    """Ask for the commerce codes of the bodies in a mall."""
    return _mall_page(_mall(account_id))


@bp.post("/mall")
def set_children(account_id: str) -> BaseResponse:
    """Keep them: each body of a payment is a child of the mall."""
    account = _mall(account_id)
    children, fault = read_children(request.form)
    if fault:
        return _mall_page(account, 422, typed=request.form.get("children", ""), error_list=web.errors_of([("children", fault)]))
    account_desk.set_children(current(), staff(), account, children)
    return _to(account)


def _mall_page(account: Account, status: int = 200, **values: Any) -> Response:
    lines = "\n".join(f"{body} {code}" for body, code in account_desk.children_of(current(), account).items())
    return web.page("pay/console/mall.html", status, account=account, **{"typed": lines, "error_list": []} | values)


def _mall(account_id: str) -> Account:
    second_factor()
    account = desk.require_account(current(), staff(), account_id, Power.MANAGE)
    if account.gateway != WebpayGateway.name:
        raise NotFound
    return account


def _operators(account_id: str) -> Account:
    second_factor()
    account = desk.require_account(current(), staff(), account_id)
    account_desk.require_operator(staff())
    return account


def _to(account: Account) -> BaseResponse:
    return redirect(f"/console/accounts/{account.id}", 303)
