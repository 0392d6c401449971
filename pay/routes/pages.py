"""The payer pages: no JavaScript, nothing from another origin, card numbers for one call only.  Spec: pay-api.md §16."""

from typing import Any
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import Pay, current
from pay.errors import CardPageNotAllowed, OperationInProgress, PaymentLinkUsed
from pay.operations import authorisations, captures, endings, pages, zero_amounts
from pay.operations.notice_issuing import offers_cash, offers_transfer
from pay.operations.pages import Visit
from pay.providers.base import PageGateway
from pay.routes.access import PayerOfPayment, PaymentLink, cookie_name, payer_visit
from pay.routes.countries import country_options
from pay.schemas.card_form import ID_OF, CardForm, read_card_form
from pay.standards.identifiers import PaymentId
from pay.standards.payment_object import Address, Payment
from pay.standards.payment_states import CAPTURABLE, SUCCESS, PaymentState
from shared import web
from shared.access import PUBLIC_PAGE
from shared.routes import Routes
from shared.states import WrongState
from shared.web import gettext

bp = Routes("pages", __name__, access=PayerOfPayment())
COOKIE_SECONDS = 90 * 60
S = PaymentState


def enter(pay: Pay, token: str) -> BaseResponse:
    """Use up the token and lead to the card page in the payment's language."""
    opened = pages.open_pages(pay, token)
    response = redirect(f"/card_details/{opened.payment_id}?lang={'es' if opened.language == 'es' else 'en'}", 303)
    response.set_cookie(
        cookie_name(opened.payment_id),
        opened.secret,
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=pay.settings.secure,
        path="/",
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@bp.get("/secure/<token>", access=PUBLIC_PAGE)
def open_link(token: str) -> BaseResponse:
    """Open the payer pages with a single-use link."""
    return enter(current(), token)


@bp.post("/secure", access=PaymentLink())
def open_form() -> BaseResponse:
    """Open them with the same token from a form on the service's site."""
    try:
        return enter(current(), request.form.get("chargeTokenId", ""))
    except PaymentLinkUsed as problem:
        return web.page("shared/problem.html", status=problem.status, problem=problem)


@bp.get("/card_details/<payment_id>")
def show_card_page(payment_id: str) -> BaseResponse:
    """Ask for the card."""
    pay = current()
    seen = pages.start(pay, payer_visit(payment_id))
    if seen.payment.is_open and seen.payment.state is not S.AUTHORISATION_READY and seen.payment.expires_at <= pay.clock.now():
        endings.expire(pay, seen.payment.id)
        seen = pages.visit(pay, seen.payment.id)
    if seen.payment.state is S.ENTERING_CARD_DETAILS and zero_amounts.asks_nothing(seen.payment):
        _allow_return(seen)
        return web.page("pay/nothing.html", payment=seen.payment, account=seen.account)
    if seen.payment.state is S.ENTERING_CARD_DETAILS and not seen.payment.may_be_paid_by("card"):
        return redirect(f"/card_details/{payment_id}/methods", 303)
    gateway = pay.gateways[seen.payment.gateway]
    if seen.payment.state in {S.ENTERING_CARD_DETAILS, S.AUTHORISATION_3DS_REQUIRED} and isinstance(gateway, PageGateway):
        told: dict[str, Any] = {"provider": gateway.label, "is_away": "away" in request.args, "offers_others": _offers_others(pay, seen)}
        return web.page("pay/provider.html", payment=seen.payment, account=seen.account, **told)
    if seen.payment.state is S.ENTERING_CARD_DETAILS:
        return _card_page(pay, seen, _prefilled(seen))
    return lead_on(seen.payment)


@bp.post("/card_details/<payment_id>")
def send_card(payment_id: str) -> BaseResponse:
    """Check what was typed and have the amount reserved."""
    pay = current()
    seen = payer_visit(payment_id)
    if seen.payment.state is not S.ENTERING_CARD_DETAILS or not seen.payment.may_be_paid_by("card"):
        return lead_on(seen.payment)
    form = read_card_form(request.form, seen.account, pay.clock.now().date(), known=seen.payment.payer)
    if form.card is None:
        return _card_page(pay, seen, form)
    try:
        payment = authorisations.authorise(pay, seen.payment.id, form.card, form.payer)
    except (WrongState, OperationInProgress):  # sent twice: the first one counts, and its state says where to go
        payment = pages.visit(pay, seen.payment.id).payment
    return lead_on(payment)


@bp.post("/card_details/<payment_id>/nothing")
def pay_nothing(payment_id: str) -> BaseResponse:
    """Go on where there is nothing to pay; a second press changes nothing."""
    zero_amounts.complete(current(), PaymentId(payment_id))
    return lead_on(pages.visit(current(), PaymentId(payment_id)).payment)


@bp.get("/card_details/<payment_id>/auth_waiting")
def wait(payment_id: str) -> BaseResponse:
    """Wait for the answer of the bank; the page loads itself again each second."""
    seen = payer_visit(payment_id)
    if seen.payment.state not in {S.AUTHORISATION_READY, S.AUTHORISATION_3DS_READY}:
        return lead_on(seen.payment)
    response = web.page("pay/waiting.html", payment=seen.payment, account=seen.account)
    response.headers["Refresh"] = "1"
    return response


@bp.get("/card_details/<payment_id>/confirm")
def show_confirm_page(payment_id: str) -> BaseResponse:
    """Show what will be paid, before it is."""
    seen = payer_visit(payment_id)
    if seen.payment.state is not S.AUTHORISATION_SUCCESS:
        return lead_on(seen.payment)
    _allow_return(seen)
    return web.page("pay/confirm.html", payment=seen.payment, account=seen.account)


@bp.post("/card_details/<payment_id>/confirm")
def confirm(payment_id: str) -> BaseResponse:
    """Pay; a second press changes nothing."""
    return lead_on(captures.confirm(current(), PaymentId(payment_id)))


@bp.post("/card_details/<payment_id>/cancel")
def cancel(payment_id: str) -> BaseResponse:
    """Cancel, and show the way back."""
    return lead_on(endings.cancel_by_payer(current(), PaymentId(payment_id)))


@bp.get("/card_details/<payment_id>/status")
def show_end(payment_id: str) -> BaseResponse:
    """Say how the payment ended and show the way back."""
    seen = payer_visit(payment_id)
    if seen.payment.public_state.code is None:
        return lead_on(seen.payment)
    return web.page("pay/ended.html", payment=seen.payment, account=seen.account)


@bp.get("/card_details/<payment_id>/paid")
def show_paid(payment_id: str) -> BaseResponse:
    """Say that it is paid, and how to prove it: the end of a payment that began at no other site."""
    seen = payer_visit(payment_id)
    if seen.payment.public_state not in {SUCCESS, CAPTURABLE}:
        return lead_on(seen.payment)
    return web.page("pay/paid.html", payment=seen.payment, account=seen.account)


@bp.get("/return/<payment_id>")
def go_back(payment_id: str) -> BaseResponse:
    """Send the payer back to the service; nothing is appended to the address."""
    seen = payer_visit(payment_id)
    payment = seen.payment
    if payment.return_url is None or not (payment.public_state.finished or payment.public_state is CAPTURABLE):
        return lead_on(seen.payment)
    return redirect(payment.return_url, 302)


def lead_on(payment: Payment) -> BaseResponse:
    """Lead to the page that belongs to the payment's state."""
    base = f"/card_details/{payment.id}"
    if payment.public_state in {SUCCESS, CAPTURABLE}:
        return redirect(f"/return/{payment.id}" if payment.return_url else base + "/paid", 303)
    steps = {
        S.ENTERING_CARD_DETAILS: base,
        S.AUTHORISATION_3DS_REQUIRED: base,
        S.AUTHORISATION_READY: base + "/auth_waiting",
        S.AUTHORISATION_3DS_READY: base + "/auth_waiting",
        S.AUTHORISATION_SUCCESS: base + "/confirm",
    }
    return redirect(steps.get(payment.state, base + "/status"), 303)


def _allow_return(seen: Visit) -> None:
    """Let the form lead to the service's own site: browsers hold redirects after a form to the page's policy too."""
    parts = urlsplit(seen.payment.return_url or "")
    if parts.netloc:
        web.allow("form-action", f"{parts.scheme}://{parts.netloc}")


def _prefilled(seen: Visit) -> CardForm:
    payer = seen.payment.payer
    address = payer.billing_address or Address()
    country = address.country or {"CLP": "CL", "GBP": "GB"}.get(seen.account.currency, "")
    kept = {"cardholderName": payer.cardholder_name, "email": payer.email, "addressCountry": country}
    lines = {"addressLine1": address.line1, "addressLine2": address.line2, "addressCity": address.city, "addressPostcode": address.postcode}
    return CardForm(kept | lines, {})


def _offers_others(pay: Pay, seen: Visit) -> bool:
    if seen.payment.methods:
        return seen.payment.methods != ("card",)
    return offers_cash(pay, seen.account) or offers_transfer(pay, seen.account)


def _card_page(pay: Pay, seen: Visit, form: CardForm) -> Response:
    """Show the form.  Raises: CardPageNotAllowed where card numbers are not typed here."""
    if not pay.gateways[seen.payment.gateway].takes_card_numbers_here or seen.account.is_live:
        raise CardPageNotAllowed(web.gettext_noop("Go back to the service and choose to pay again."))
    errors = {name: gettext(fault) for name, fault in form.errors.items()}
    values = {
        "payment": seen.payment,
        "account": seen.account,
        "values": form.kept,
        "errors": errors,
        "error_list": [{"href": "#" + ID_OF[name], "text": fault} for name, fault in errors.items()],
        "country_options": country_options(web.language(), form.kept.get("addressCountry", "")[:2]),
        "offers_others": _offers_others(pay, seen),
    }
    return make_response(web.page("pay/card.html", 200, **values))
