"""Brands: a team asks for one, who runs the suite decides."""

import base64
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import Refusal
from notify.models.team import Right
from notify.operations.brands import BrandCard, ask_for_brand, brands_of, decide, end_brand, list_brands
from notify.routes.console.access import Team, member
from notify.routes.console.pages import Problems, show_page
from notify.schemas.console_words import said
from shared.routes import Routes
from shared.web import allow

bp = Routes("console_brands", __name__, access=Team(Right.MANAGE))
FILE_BYTES_MAX = 1024 * 1024
_BRAND = "/services/<uuid:service_id>/settings/brand"


@bp.get(_BRAND)
def show(service_id: UUID) -> ResponseReturnValue:
    """Show the brand in force and the one that waits, and ask for another."""
    return _show(service_id)


@bp.post(_BRAND, access=Team(Right.MANAGE, bytes_max=FILE_BYTES_MAX))
def ask(service_id: UUID) -> ResponseReturnValue:
    """Ask for a brand."""
    file, form = request.files.get("logo"), request.form
    try:
        content = file.read() if file else b""
        ask_for_brand(current(), member(), service_id, name=form.get("name", ""), wanted_colour=form.get("colour", ""), logo=content)
    except Refusal as refused:
        words = refused.messages[0]
        field = "logo" if "logo" in words else "colour" if "colour" in words else "name"
        return _show(service_id, [(field, said(words))])
    return redirect(url_for("console_brands.show", service_id=service_id), 303)


@bp.post(_BRAND + "/<uuid:brand_id>/end")
def end(service_id: UUID, brand_id: UUID) -> ResponseReturnValue:
    """Take the service's brand away."""
    end_brand(current(), member(), brand_id, service_id)
    return redirect(url_for("console_brands.show", service_id=service_id), 303)


@bp.get("/brands", access=Team(Right.OPERATE))
def show_all() -> ResponseReturnValue:
    """List brands that wait, and those that are in force."""
    allow("img-src", "data:")
    found = list_brands(current())
    return show_page("brands", brands=found, pictures={one.id: _picture(one) for one in found})


@bp.post("/brands/<uuid:brand_id>", access=Team(Right.OPERATE))
def change(brand_id: UUID) -> ResponseReturnValue:
    """Approve a brand, for its service or for all of its organisation, or refuse it, or end one in use."""
    act = request.form.get("act")
    if act == "end":
        end_brand(current(), member(), brand_id)
        return redirect(url_for("console_brands.show_all"), 303)
    decide(current(), member(), brand_id, approve=act in {"approve", "approve-all"}, whole_organisation=act == "approve-all")
    return redirect(url_for("console_brands.show_all"), 303)


def _show(service_id: UUID, problems: Problems = ()) -> ResponseReturnValue:
    allow("img-src", "data:")
    now, asked = brands_of(current(), service_id)
    pictures = {one.id: _picture(one) for one in (now, asked) if one}
    return show_page("brand", problems, now=now, asked=asked, pictures=pictures, typed=request.form)


def _picture(brand: BrandCard) -> str:
    return f"data:image/png;base64,{base64.b64encode(brand.logo).decode()}" if brand.logo else ""
