"""The pages of a payment link: start, reference, amount, check, pay.  Spec: pay-api.md §17.

What was typed travels in the forms themselves, so the pages need no session and work when cookies are cleared half-way.
"""

import re

from flask import redirect, request
from werkzeug.wrappers import Response

from pay.context import current
from pay.operations import payment_links
from pay.operations.payment_links import OpenLink
from pay.routes.pages import enter
from pay.schemas.console import read_amount
from pay.standards.link_reference import holds_real_card_number, make_reference
from shared import web
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.web import gettext

bp = Routes("payment_links", __name__, access=PUBLIC_PAGE)
REFERENCE_MAX = 50


@bp.get("/redirect/<service_path>/<product_path>")
def open_path(service_path: str, product_path: str) -> Response:
    """Lead from the friendly address to the link; what the address prefills stays."""
    found = payment_links.open_path(current(), service_path, product_path)
    query = request.query_string.decode("ascii", "ignore")
    return redirect(f"/pay/{found.link.id}" + (f"?{query}" if query else ""), 302)


@bp.get("/pay/<link_id>")
def start(link_id: str) -> Response:
    """Say what can be paid here."""
    found = payment_links.open_link(current(), link_id)
    return _page("start", found, reference=_prefilled_reference(), amount=_prefilled_amount(found))


@bp.post("/pay/<link_id>/reference")
def ask_reference(link_id: str) -> Response:
    """Ask for the reference, or go on where the link makes one itself."""
    found = payment_links.open_link(current(), link_id)
    if not found.link.reference_enabled:
        return _amount_page(found, make_reference(current().ids.pick))
    return _page("reference", found, reference=request.form.get("reference", "")[:255], amount=request.form.get("amount", ""))


@bp.post("/pay/<link_id>/amount")
def ask_amount(link_id: str) -> Response:
    """Check the reference, then ask for the amount, or show it where it is fixed."""
    found = payment_links.open_link(current(), link_id)
    reference = request.form.get("reference", "").strip()
    fault = _reference_fault(reference)
    if fault:
        kept = "" if holds_real_card_number(reference) else reference[:255]
        errors = web.errors_of([("reference", fault)])
        return _page("reference", found, 422, reference=kept, amount=request.form.get("amount", ""), error_list=errors)
    return _amount_page(found, reference)


@bp.post("/pay/<link_id>/check")
def check(link_id: str) -> Response:
    """Check the amount and show what will be paid."""
    found = payment_links.open_link(current(), link_id)
    reference, typed = request.form.get("reference", "").strip(), request.form.get("amount", "")
    if _reference_fault(reference):
        return redirect(f"/pay/{found.link.id}", 303)
    amount = found.link.price_minor or read_amount(typed, found.account.currency)
    if amount is None or not 1 <= amount <= found.account.max_amount_minor:
        errors = web.errors_of([("payment-amount", _amount_fault(found))])
        return _page("amount", found, 422, reference=reference, amount=typed[:40], error_list=errors)
    return _page("check", found, reference=reference, amount=amount)


@bp.post("/pay/<link_id>/pay")
def go_on(link_id: str) -> Response:
    """Begin the payment and open its pages."""
    pay = current()
    found = payment_links.open_link(pay, link_id)
    reference, typed = request.form.get("reference", "").strip(), request.form.get("amount", "")
    amount = int(typed) if re.fullmatch("[0-9]{1,12}", typed) else 0
    in_range = found.link.price_minor or 1 <= amount <= found.account.max_amount_minor
    if _reference_fault(reference) or not in_range:
        return redirect(f"/pay/{found.link.id}", 303)
    return enter(pay, payment_links.pay_by_link(pay, found, reference=reference, amount_minor=amount))


def _amount_page(found: OpenLink, reference: str) -> Response:
    typed = request.form.get("amount", "")
    if found.link.price_minor is not None:
        return _page("check", found, reference=reference, amount=found.link.price_minor)
    return _page("amount", found, reference=reference, amount=typed[:40])


def _reference_fault(reference: str) -> str | None:
    if not reference:
        return gettext("Type the reference.")
    if holds_real_card_number(reference):
        return gettext("This looks like a card number. Type the reference, never a card number.")
    if len(reference) > REFERENCE_MAX or re.search(r"[<>|\x00-\x1f]", reference):
        return gettext("The reference has at most 50 letters and numbers.")
    return None


def _amount_fault(found: OpenLink) -> str:
    return (
        gettext("Type the amount, for example 14500.")
        if found.account.currency == "CLP"
        else gettext("Type the amount, for example 50.50.")
    )


def _prefilled_reference() -> str:
    """In the address an underscore stands for a space."""
    return request.args.get("reference", "").replace("_", " ")[:255]


def _prefilled_amount(found: OpenLink) -> str:
    typed = request.args.get("amount", "")
    if not re.fullmatch("[0-9]{1,12}", typed):
        return ""
    return typed if found.account.currency == "CLP" else f"{int(typed) // 100}.{int(typed) % 100:02d}"


def _page(step: str, found: OpenLink, status: int = 200, **values: object) -> Response:
    return web.page(f"pay/link_{step}.html", status, link=found.link, account=found.account, **{"error_list": [], **values})
