"""Put identity together.  Nothing imports this module."""

import os

from flask import Flask

from identity import context as identity_context
from identity.cli import commands
from identity.context import Identity
from identity.operations.performance import PRODUCTS
from identity.routes import (
    account,
    account_approvals,
    account_contacts,
    account_help,
    account_history,
    account_mandates,
    account_security,
    accounts,
    authorize,
    check_session,
    device,
    device_authorization,
    grants,
    home,
    inspector,
    introspection,
    kiosk,
    login,
    login_approval,
    login_password,
    logos,
    logout,
    metadata,
    operator_announcements,
    par,
    people,
    permission,
    register,
    registration,
    represent,
    revocation,
    token,
    trust,
    userinfo,
)
from identity.routes.account_access import send_to_sign_in
from identity.routes.consoles import CONSOLES
from identity.routes.oauth import ISSUER_PATH, oauth_format
from identity.settings import Settings
from shared.app import base_app
from shared.app import register as add_routes
from shared.clock import Clock, SystemClock
from shared.ids import Ids, SystemIds
from shared.settings import load
from shared.web import gettext_noop, name_service, performance


def create_context(settings: Settings | None = None, *, clock: Clock | None = None, ids: Ids | None = None) -> Identity:
    """Return the context of one process; settings come from the environment when none are given."""
    settings = settings or load(Settings, "identity", os.environ)
    return identity_context.create_context(settings, clock=clock or SystemClock(), ids=ids or SystemIds())


def create_app(settings: Settings | None = None, *, clock: Clock | None = None, context: Identity | None = None) -> Flask:
    """Return the web application; settings come from the environment when none are given."""
    identity = context or create_context(settings, clock=clock)
    app = base_app(identity, import_name="identity", formats={ISSUER_PATH + "/": oauth_format})
    name_service(app, gettext_noop("Digital identity"))
    add_routes(app, CONSOLES)
    protocol = (metadata, authorize, par, token, userinfo, introspection, revocation, registration)
    sign_in = (login, login_approval, login_password, accounts, represent, permission, logout)
    modules = (
        *protocol,
        *sign_in,
        register,
        grants,
        people,
        device_authorization,
        device,
        inspector,
        logos,
        trust,
        home,
        kiosk,
        account,
        account_approvals,
        account_contacts,
        account_help,
        account_history,
        account_mandates,
        account_security,
    )
    send_to_sign_in(app)
    add_routes(app, [*(module.routes for module in modules), logout.endpoint_routes])
    if identity.settings.session_management:
        add_routes(app, [check_session.routes])
    inspector.watch(app)
    operator_announcements.install(app)
    performance.install(app, PRODUCTS)
    app.cli.add_command(commands)
    return app
