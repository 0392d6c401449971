"""The console: keys, webhooks, the limit of refunds.  Spec: pay-api.md §2, §15, §23."""

from uuid import UUID

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.events import WebhookEvent
from pay.models.account import Account
from pay.operations import desk, key_desk, refund_desk, webhook_desk
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.console import read_amount
from pay.standards.staff_powers import Power
from shared import web
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_settings", __name__, url_prefix="/console/accounts/<account_id>", access=AtTheDesk())


def _account(account_id: str, power: Power) -> Account:
    second_factor()
    return desk.require_account(current(), staff(), account_id, power)


def _keys_page(account: Account, status: int = 200, **values: object) -> Response:
    known = {"keys": key_desk.list_keys(current(), account), "key": None, "error_list": []}
    return web.page("pay/console/keys.html", status, account=account, **{**known, **values})


@bp.get("/keys")
def list_keys(account_id: str) -> Response:
    """List the keys of an account."""
    return _keys_page(_account(account_id, Power.MANAGE))


@bp.post("/keys")
def make_key(account_id: str) -> Response:
    """Make a key and show it once."""
    account = _account(account_id, Power.MANAGE)
    description = request.form.get("description", "").strip()[:200]
    if not description:
        errors = web.errors_of([("description", gettext("Say what the key is for."))])
        return _keys_page(account, 422, error_list=errors)
    return _keys_page(account, 201, key=key_desk.make_account_key(current(), staff(), account, description))


@bp.post("/keys/<uuid:key_id>/revoke")
def revoke_key(account_id: str, key_id: UUID) -> BaseResponse:
    """End a key."""
    account = _account(account_id, Power.MANAGE)
    key_desk.revoke_key(current(), staff(), account, key_id)
    return redirect(f"/console/accounts/{account.id}/keys", 303)


def _webhooks_page(account: Account, status: int = 200, **values: object) -> Response:
    known = {"webhooks": webhook_desk.list_webhooks(current(), account), "events": list(WebhookEvent), "key": None, "error_list": []}
    return web.page("pay/console/webhooks.html", status, account=account, **{**known, "url": "", "chosen": list(WebhookEvent), **values})


@bp.get("/webhooks")
def list_webhooks(account_id: str) -> Response:
    """List the webhooks of an account."""
    return _webhooks_page(_account(account_id, Power.MANAGE))


@bp.post("/webhooks")
def add_webhook(account_id: str) -> Response:
    """Add a webhook and show its signing key once."""
    account = _account(account_id, Power.MANAGE)
    url, chosen = request.form.get("url", "").strip()[:2000], [event for event in WebhookEvent if event in request.form.getlist("events")]
    faults = []
    if not url.startswith(("https://", "http://")) or " " in url:
        faults.append(("url", gettext("Type an address that begins with https://.")))
    if not chosen:
        faults.append(("events", gettext("Choose at least one event.")))
    if not faults:
        try:
            key = webhook_desk.add_account_webhook(current(), staff(), account, url, tuple(chosen))
            return _webhooks_page(account, 201, key=key)
        except ValueError:
            faults.append(("url", gettext("Type an address that begins with https://.")))
    return _webhooks_page(account, 422, error_list=web.errors_of(faults), url=url, chosen=chosen)


@bp.post("/webhooks/<webhook_id>/switch")
def switch_webhook(account_id: str, webhook_id: str) -> BaseResponse:
    """Switch a webhook on or off."""
    account = _account(account_id, Power.MANAGE)
    webhook_desk.switch_webhook(current(), staff(), account, webhook_id, on=request.form.get("on") == "yes")
    return redirect(f"/console/accounts/{account.id}/webhooks", 303)


@bp.get("/webhooks/<webhook_id>")
def list_messages(account_id: str, webhook_id: str) -> Response:
    """List the last messages of a webhook with their attempts."""
    account = _account(account_id, Power.MANAGE)
    messages = webhook_desk.list_messages(current(), account, webhook_id)
    return web.page("pay/console/messages.html", account=account, webhook_id=webhook_id, messages=messages)


@bp.post("/webhooks/<webhook_id>/messages/<message_id>/replay")
def replay(account_id: str, webhook_id: str, message_id: str) -> BaseResponse:
    """Send a message again."""
    account = _account(account_id, Power.MANAGE)
    webhook_desk.replay_message(current(), staff(), account, message_id)
    return redirect(f"/console/accounts/{account.id}/webhooks/{webhook_id}", 303)


@bp.get("/limit")
def ask_limit(account_id: str) -> Response:
    """Ask how much one person may refund."""
    account = _account(account_id, Power.MONEY)
    return web.page("pay/console/limit.html", account=account, limit=str(refund_desk.get_limit(current(), account)), error_list=[])


@bp.post("/limit")
def set_limit(account_id: str) -> BaseResponse:
    """Say how much one person may refund."""
    account = _account(account_id, Power.MONEY)
    typed = request.form.get("limit", "")
    amount = read_amount(typed, account.currency)
    if amount is None:
        errors = web.errors_of([("limit", gettext("Type an amount."))])
        return web.page("pay/console/limit.html", 422, account=account, limit=typed, error_list=errors)
    refund_desk.set_limit(current(), staff(), account, amount)
    return redirect(f"/console/accounts/{account.id}", 303)
