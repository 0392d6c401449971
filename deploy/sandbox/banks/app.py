"""The three providers in one site of the sandbox."""

from __future__ import annotations

import httpx
from flask import Flask, redirect
from werkzeug.wrappers import Response

from deploy.sandbox.banks import khipu, stripe, webpay
from deploy.sandbox.plan import Plan
from deploy.sandbox.site import make_site
from shared.access import PUBLIC_PAGE
from shared.app import register
from shared.clock import Clock
from shared.routes import Routes
from shared.web import gettext_noop, name_service

PACKAGE = "deploy.sandbox.banks"
NOTIFY_SECONDS = 5.0


def create_app(plan: Plan, *, http: httpx.Client, clock: Clock) -> Flask:
    """The providers of the sandbox; what they know is forgotten when the sandbox stops."""
    app = make_site("banks", PACKAGE, plan=plan, public_url=plan.urls.banks, clock=clock)
    name_service(app, gettext_noop("Banks (sandbox)"))

    def notify_form(url: str, form: dict[str, str]) -> None:
        http.post(url, data=form, timeout=NOTIFY_SECONDS)

    def notify_raw(url: str, body: bytes, headers: dict[str, str]) -> None:
        http.post(url, content=body, headers=headers, timeout=NOTIFY_SECONDS)

    at_webpay = webpay.Webpay(clock.now, plan.urls.banks)
    at_khipu = khipu.Khipu(plan.urls.banks, notify_form)
    at_stripe = stripe.Stripe(plan.urls.banks, clock.now, notify_raw, f"{plan.urls.pay}/v1/api/notifications/stripe")
    register(
        app,
        [
            webpay.build_api(at_webpay),
            webpay.build_pages(at_webpay),
            khipu.build_api(at_khipu),
            khipu.build_pages(at_khipu),
            stripe.build_api(at_stripe),
            stripe.build_pages(at_stripe),
            _home(plan),
        ],
    )
    app.extensions["webpay"], app.extensions["khipu"], app.extensions["stripe"] = at_webpay, at_khipu, at_stripe
    return app


def _home(plan: Plan) -> Routes:
    routes = Routes("banks", __name__, access=PUBLIC_PAGE)

    @routes.get("/")
    def home() -> Response:
        return redirect(plan.urls.front, 303)

    return routes
