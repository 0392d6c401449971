"""The console: payment links.  Spec: pay-api.md §17."""

import re

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.models.account import Account
from pay.operations import desk, payment_links
from pay.operations.payment_links import NewLink
from pay.routes.staff import AtTheDesk, staff
from pay.schemas.console import read_amount
from pay.standards.slip_codes import qr_svg
from pay.standards.staff_powers import Power
from shared import web
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_links", __name__, url_prefix="/console/accounts/<account_id>/links", access=AtTheDesk())
_PATH = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


def _page(account: Account, status: int = 200, **values: object) -> Response:
    known: dict[str, object] = {"links": payment_links.list_links(current(), account), "values": {}, "error_list": []}
    return web.page("pay/console/links.html", status, account=account, base=current().settings.public_url, **{**known, **values})


@bp.get("")
def list_links(account_id: str) -> Response:
    """List the payment links of an account."""
    return _page(desk.require_account(current(), staff(), account_id))


@bp.post("")
def make_link(account_id: str) -> BaseResponse:
    """Make a payment link."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MANAGE)
    form = {name: value.strip() for name, value in request.form.items()}
    price = read_amount(form.get("price", ""), account.currency) if form.get("price") else None
    faults = _faults(form, price, account)
    if not faults:
        new = NewLink(
            service_path=form["service_path"],
            product_path=form["product_path"],
            name=form["name"],
            description=form["name"],
            price_minor=price,
            reference_label=form.get("reference_label", ""),
            reference_hint=form.get("reference_hint", "")[:200],
            language=account.language if account.language in {"es", "en"} else "en",
        )
        if payment_links.make_link(pay, who, account, new) is not None:
            return redirect(f"/console/accounts/{account.id}/links", 303)
        faults = [("product_path", gettext("This address is taken. Choose another."))]
    return _page(account, 422, values=form, error_list=web.errors_of(faults))


@bp.post("/<link_id>/switch")
def switch_link(account_id: str, link_id: str) -> BaseResponse:
    """Switch a payment link on or off."""
    pay, who = current(), staff()
    account = desk.require_account(pay, who, account_id, Power.MANAGE)
    payment_links.switch_link(pay, who, account, link_id, on=request.form.get("on") == "yes")
    return redirect(f"/console/accounts/{account.id}/links", 303)


@bp.get("/<link_id>/qr.svg")
def show_qr(account_id: str, link_id: str) -> Response:
    """Give the QR code of a payment link, to be printed."""
    pay = current()
    account = desk.require_account(pay, staff(), account_id)
    found = next((link for link in payment_links.list_links(pay, account) if link.id == link_id), None)
    if found is None:
        raise NotFound
    picture = qr_svg(f"{pay.settings.public_url}/redirect/{found.service_path}/{found.product_path}")
    return Response(picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1), content_type="image/svg+xml")


def _faults(form: dict[str, str], price: int | None, account: Account) -> list[tuple[str, str]]:
    faults = []
    if not 1 <= len(form.get("name", "")) <= 120 or re.search("[<>|]", form.get("name", "")):
        faults.append(("name", gettext("Say what is paid, in at most 120 letters.")))
    faults += [
        (name, gettext("Use small letters, numbers and hyphens."))
        for name in ("service_path", "product_path")
        if not _PATH.fullmatch(form.get(name, ""))
    ]
    if form.get("price") and (price is None or not 1 <= price <= account.max_amount_minor):
        faults.append(("price", gettext("Type an amount, or leave it empty so that the payer types it.")))
    if len(form.get("reference_label", "")) > 60:
        faults.append(("reference_label", gettext("Use at most 60 letters.")))
    return faults
