"""A web site of the sandbox that is no service of the suite: the same layout, headers and refusals, and no database."""

from __future__ import annotations

import base64

from flask import Flask

from deploy.sandbox.plan import Plan
from shared.app import base_app
from shared.clock import Clock
from shared.context import Context
from shared.settings import Secret, ServiceSettings

BODY_BYTES_MAX = 20 * 1024 * 1024


class Site(Context):
    """The context of a site: no database, so its forms are marked by what stands in its settings."""

    @property
    def form_key(self) -> bytes:
        """What the marks of forms are made with."""
        return self.keyring.oldest


def make_site(name: str, package: str, *, plan: Plan, public_url: str, clock: Clock) -> Flask:
    """A Flask app with the shared layout; `package` holds its templates and translations.

    Nothing in it may look at the shared session or the database: a site keeps what it needs by itself.
    """
    settings = ServiceSettings(
        database_url=Secret(""),
        redis_url=Secret(""),
        public_url=public_url,
        environment="sandbox",
        issuer=plan.issuer,
        encryption_keys=Secret(f"{name}-1:{base64.b64encode(plan.key(f'encryption:{name}')).decode()}"),
        audit_seed=Secret(base64.b64encode(plan.key(f"audit:{name}")).decode()),
        client_id=name,
        client_key=Secret("{}"),
        help_url=f"{plan.urls.front}/",
    )
    app = base_app(Site(settings=settings, service=package, clock=clock), import_name=package)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = BODY_BYTES_MAX
    return app
