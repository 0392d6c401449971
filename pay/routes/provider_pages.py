"""To a provider's page and back, and what providers tell us.  Spec: pay-design.md §7.1, §7.2, pay-api.md §24.19."""

from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from pay.context import current
from pay.errors import NotificationRefused, PayerSessionEnded
from pay.operations import notifications, pages, provider_pages
from pay.providers.webpay import Return, WebpayGateway, read_return
from pay.routes.access import PayerOfPayment, ProviderNews, ReturningPayer
from pay.schemas.bodies import read_body
from pay.standards.identifiers import PaymentId
from shared import web
from shared.routes import Routes

bp = Routes("provider_pages", __name__, access=PayerOfPayment())


@bp.post("/card_details/<payment_id>/leave")
def leave(payment_id: str) -> BaseResponse:
    """Open an attempt at the provider and show the way there."""
    pay = current()
    begun = provider_pages.leave(pay, PaymentId(payment_id))
    seen = pages.visit(pay, PaymentId(payment_id))
    if begun is None:
        return redirect(f"/card_details/{payment_id}?away=1", 303)
    web.allow("form-action", provider_pages.origin_of(begun))
    label = provider_pages.page_gateway(pay, seen.payment.gateway).label
    return web.page("pay/leave.html", payment=seen.payment, account=seen.account, begun=begun, provider=label)


@bp.route("/providers/<gateway>/return/<reference>", methods=["GET", "POST"], access=ReturningPayer())
def come_back(gateway: str, reference: str) -> BaseResponse:
    """The payer comes back, in any of the provider's ways; twice is as once."""
    pay = current()
    try:
        attempt = provider_pages.find_return(pay, gateway, reference)
    except PayerSessionEnded as problem:
        return web.page("shared/problem.html", status=problem.status, problem=problem)
    given = {**request.args.to_dict(), **request.form.to_dict()}
    how, token = read_return(given) if gateway == WebpayGateway.name else (_read_other(given), "")
    provider_pages.come_back(pay, attempt, how, token)
    return redirect(f"/card_details/{attempt.payment_id}", 303)


def _read_other(given: dict[str, str]) -> Return:
    """Other providers send the payer to one of two addresses of ours."""
    return Return.ABORTED if given.get("cancelled") else Return.COMMIT


@bp.post("/v1/api/notifications/<gateway>", access=ProviderNews())
def take_notification(gateway: str) -> Response:
    """A provider says that something happened; what is not signed proves nothing and is asked for."""
    body: dict[str, Any] = dict(request.form) if request.form else read_body(request.get_data(), code="P0197")
    signature = request.headers.get("Stripe-Signature", "")
    if not notifications.take(current(), gateway, request.get_data(cache=True), body, signature):
        raise NotificationRefused
    return Response(status=200)
