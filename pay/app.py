"""Where the parts of pay are put together."""

import os

from flask import Flask

from pay import context as pay_context
from pay import routes
from pay.cli import commands
from pay.context import Pay
from pay.operations.performance import PRODUCTS
from pay.routes.refusals import v1_format
from pay.settings import PaySettings
from pay.standards.money import money
from shared import web
from shared.app import base_app, register
from shared.clock import Clock, SystemClock
from shared.ids import Ids, SystemIds
from shared.settings import load
from shared.web import performance


def create_context(settings: PaySettings | None = None, *, clock: Clock | None = None, ids: Ids | None = None) -> Pay:
    """Return the context of one process; settings come from the environment where none are given."""
    settings = settings or load(PaySettings, "pay", os.environ)
    return pay_context.create_context(settings, clock=clock or SystemClock(), ids=ids or SystemIds())


def create_app(settings: PaySettings | None = None, *, context: Pay | None = None) -> Flask:
    """Return the web application of pay."""
    context = context or create_context(settings)
    app = base_app(context, import_name="pay", formats={"/v1/": v1_format})
    app.url_map.strict_slashes = False  # a trailing slash is tolerated: pay-api.md §1
    app.jinja_env.filters["money"] = money
    web.name_service(app, web.gettext_noop("Payments"))
    app.cli.add_command(commands)
    register(app, routes.all_routes())
    performance.install(app, PRODUCTS)
    return app
