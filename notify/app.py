"""notify's web application: the one place where its parts are put together."""

import os

from flask import Flask

from notify.cli import commands
from notify.context import Notify
from notify.operations.performance import PRODUCTS
from notify.routes import all_routes
from notify.schemas.envelope import document_error, envelope, result_error
from notify.settings import Settings
from shared.app import base_app, register
from shared.clock import Clock, SystemClock
from shared.ids import Ids, SystemIds
from shared.settings import load
from shared.web import gettext_noop, name_service, performance

FORMATS = {
    "/v2/": envelope,
    "/service/": envelope,
    "/services/": document_error,
    "/notifications/": result_error,
    "/unsubscribe/": result_error,
}


def create_context(settings: Settings | None = None, *, clock: Clock | None = None, ids: Ids | None = None) -> Notify:
    """Make the context of one process; settings come from the environment where none are given."""
    settings = settings or load(Settings, "notify", os.environ)
    return Notify(settings=settings, service="notify", clock=clock or SystemClock(), ids=ids or SystemIds())


def create_app(settings: Settings | None = None, *, clock: Clock | None = None, ids: Ids | None = None) -> Flask:
    """Make the application; settings come from the environment where none are given."""
    app = base_app(create_context(settings, clock=clock, ids=ids), import_name="notify", formats=FORMATS)
    name_service(app, gettext_noop("Messages"))
    register(app, all_routes())
    app.cli.add_command(commands)
    performance.install(app, PRODUCTS)
    return app
