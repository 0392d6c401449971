"""The console of operators: counters and partners that take money for us.  Spec: pay-design.md §6, §8."""

from typing import Any
from uuid import UUID

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import FileUnreadable
from pay.models.partner import Partner
from pay.operations import partner_desk
from pay.routes.staff import AtTheDesk, second_factor, staff
from pay.schemas.console import PartnerForm, read_partner
from shared import web
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_partners", __name__, url_prefix="/console/partners", access=AtTheDesk())
FILE_MAX, FORM_ROUND_IT = 5_000_000, 100_000


@bp.get("")
def list_partners() -> Response:
    """List the partners by name."""
    return web.page("pay/console/partners.html", partners=partner_desk.list_partners(current(), staff()), currency=_currency())


@bp.get("/new")
def ask_partner() -> Response:
    """Ask what a new partner is called and how much it takes at once."""
    second_factor()
    partner_desk.require_operator(staff())
    return _form_page(None, PartnerForm())


@bp.post("/new")
def add_partner() -> BaseResponse:
    """Add a partner."""
    second_factor()
    partner_desk.require_operator(staff())
    form = read_partner(request.form, _currency())
    if form.faults:
        return _form_page(None, form, 422)
    return redirect(f"/console/partners/{partner_desk.add_from_desk(current(), staff(), form.name, form.max_amount_minor)}", 303)


@bp.get("/<partner_id>")
def show_partner(partner_id: str) -> Response:
    """Show a partner, its keys, and what it took last."""
    return _page(_partner(partner_id))


@bp.get("/<partner_id>/change")
def ask_change(partner_id: str) -> Response:
    """Ask what is to change."""
    partner = _partner(partner_id)
    return _form_page(partner, PartnerForm(partner.name, partner.max_amount_minor, str(partner.max_amount_minor or "")))


@bp.post("/<partner_id>/change")
def change_partner(partner_id: str) -> BaseResponse:
    """Change a partner's name and limit."""
    partner = _partner(partner_id)
    form = read_partner(request.form, _currency())
    if form.faults:
        return _form_page(partner, form, 422)
    partner_desk.change_partner(current(), staff(), partner, form.name, form.max_amount_minor)
    return redirect(f"/console/partners/{partner.id}", 303)


@bp.post("/<partner_id>/switch")
def switch_partner(partner_id: str) -> BaseResponse:
    """Stop a partner, or let it take money again."""
    partner, wanted = _partner(partner_id), request.form.get("on")
    if wanted not in {"yes", "no"}:
        raise NotFound
    partner_desk.switch_partner(current(), staff(), partner, is_on=wanted == "yes")
    return redirect(f"/console/partners/{partner.id}", 303)


@bp.post("/<partner_id>/keys")
def make_key(partner_id: str) -> Response:
    """Make a key and show it once."""
    partner = _partner(partner_id)
    return _page(partner, 201, key=partner_desk.make_partner_key(current(), staff(), partner))


@bp.post("/<partner_id>/keys/<uuid:key_id>/revoke")
def revoke_key(partner_id: str, key_id: UUID) -> BaseResponse:
    """End a key."""
    partner = _partner(partner_id)
    partner_desk.end_partner_key(current(), staff(), partner, key_id)
    return redirect(f"/console/partners/{partner.id}", 303)


@bp.get("/<partner_id>/daily-file")
def ask_file(partner_id: str) -> Response:
    """Ask for the file of a day."""
    return web.page("pay/console/partner_file.html", partner=_partner(partner_id), result=None, error_list=[])


@bp.post("/<partner_id>/daily-file", access=AtTheDesk(bytes_max=FILE_MAX + FORM_ROUND_IT))
def send_file(partner_id: str) -> Response:
    """Book the lines of a file; the same one again changes nothing."""
    partner = _partner(partner_id)
    file = request.files.get("file")
    raw = file.read(FILE_MAX + 1) if file else b""
    fault = gettext("Choose the file of the partner.") if not raw else gettext("The file is too large.") if len(raw) > FILE_MAX else ""
    result = None
    if not fault:
        try:
            result = partner_desk.read_file_from_desk(current(), staff(), partner, raw)
        except FileUnreadable as problem:
            fault = gettext("The file cannot be read: %(fault)s.", fault=str(problem).rstrip("."))
    errors = web.errors_of([("file", fault)] if fault else [])
    return web.page("pay/console/partner_file.html", 422 if fault else 200, partner=partner, result=result, error_list=errors)


def _partner(partner_id: str) -> Partner:
    second_factor()
    return partner_desk.get_partner(current(), staff(), partner_id)


def _currency() -> str:
    return current().settings.counter_currency


def _page(partner: Partner, status: int = 200, *, key: str | None = None) -> Response:
    values: dict[str, Any] = {
        "keys": partner_desk.list_partner_keys(current(), partner),
        "receipts": partner_desk.last_receipts(current(), partner),
        "key": key,
        "currency": _currency(),
    }
    return web.page("pay/console/partner.html", status, partner=partner, **values)


def _form_page(partner: Partner | None, form: PartnerForm, status: int = 200) -> Response:
    return web.page("pay/console/partner_form.html", status, partner=partner, form=form, error_list=web.errors_of(form.faults))
