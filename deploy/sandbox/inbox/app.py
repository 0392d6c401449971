"""The inbox: every mail, text, letter, mailbox message, push and webhook that left the suite, to be read by people and programs."""

from __future__ import annotations

import httpx
from flask import Flask, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from deploy.sandbox.inbox.api import build_api, get_message
from deploy.sandbox.inbox.gateway import Gateway, ReceiptPoster
from deploy.sandbox.inbox.messages import Channel, Messages
from deploy.sandbox.plan import Plan
from deploy.sandbox.site import make_site
from shared.access import PUBLIC, PUBLIC_PAGE
from shared.app import register
from shared.clock import Clock
from shared.routes import Routes
from shared.web import allow, name_service, page
from shared.web.words import gettext_noop

PACKAGE = "deploy.sandbox.inbox"
PAGE_MESSAGES = 100
CHANNEL_NAMES = {
    Channel.EMAIL: gettext_noop("E-mail"),
    Channel.SMS: gettext_noop("Text message"),
    Channel.LETTER: gettext_noop("Letter"),
    Channel.MAILBOX: gettext_noop("Mailbox"),
    Channel.PUSH: gettext_noop("Push notice"),
    Channel.WEBHOOK: gettext_noop("Webhook"),
}
# What a stranger wrote is shown in a frame that may run nothing, load nothing and go nowhere.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


def create_app(plan: Plan, messages: Messages, *, http: httpx.Client, clock: Clock) -> Flask:
    """The inbox over one store."""
    app = make_site("inbox", PACKAGE, plan=plan, public_url=plan.urls.inbox, clock=clock)
    name_service(app, gettext_noop("Sandbox inbox"))
    gateway = Gateway(ReceiptPoster(http), clock.now)
    register(app, [build_api(messages, gateway), _pages(messages)])
    return app


def _pages(messages: Messages) -> Routes:
    routes = Routes("pages", __name__, access=PUBLIC_PAGE)

    @routes.get("/")
    def home() -> Response:
        asked = request.args.get("channel", "")
        channel = Channel(asked) if asked in set(Channel) else None
        to = request.args.get("to", "").strip()
        found = messages.find(channel=channel, to=to, limit=PAGE_MESSAGES)
        return page("inbox/list.html", messages=found, channel=channel, to=to, names=CHANNEL_NAMES, limit=PAGE_MESSAGES)

    @routes.get("/messages/<message_id>")
    def show(message_id: str) -> Response:
        allow("frame-src", "'self'")
        return page("inbox/message.html", message=get_message(messages, message_id), names=CHANNEL_NAMES)

    @routes.post("/clear")
    def clear() -> AnyResponse:
        messages.clear()
        return redirect(url_for("pages.home"), 303)

    @routes.get("/messages/<message_id>/html", access=PUBLIC)
    def show_html(message_id: str) -> Response:
        response = Response(get_message(messages, message_id).html, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = MAIL_POLICY
        return response

    return routes
