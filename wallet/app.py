"""The one place where the parts of the wallet are put together; nothing imports it."""

import os
from datetime import datetime

from flask import Flask

from shared.app import base_app, register
from shared.clock import Clock, SystemClock
from shared.settings import load
from shared.web import gettext_noop, name_service, performance
from wallet import context as wallet_context
from wallet import routes
from wallet.cli import commands
from wallet.context import Wallet
from wallet.operations.log_exports import result_text
from wallet.operations.performance import PRODUCTS
from wallet.settings import Settings


def create_context(settings: Settings | None = None, *, clock: Clock | None = None) -> Wallet:
    """Return the context of one process; settings from the environment where none are given."""
    return wallet_context.create_context(settings or load(Settings, "wallet", os.environ), clock=clock or SystemClock())


def create_app(settings: Settings | None = None, *, context: Wallet | None = None) -> Flask:
    """Return the WSGI app."""
    app = base_app(context or create_context(settings), import_name="wallet")
    name_service(app, gettext_noop("My data and permissions"))
    app.jinja_env.filters["instant"] = datetime.fromisoformat  # frozen records hold times as text
    app.jinja_env.filters["result"] = result_text  # a line of the log in words, as its printed form has them
    register(app, routes.all_routes())
    app.cli.add_command(commands)
    performance.install(app, PRODUCTS)
    return app
