"""The pages that the footer of every page leads to.  A service may replace one by its own `templates/<service>/about/<topic>.html`."""

from datetime import timedelta

from flask import Response, current_app, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from shared.access import PUBLIC, PUBLIC_PAGE
from shared.clock import rfc3339
from shared.context import Context
from shared.routes import Routes
from shared.web.words import dial

SECURITY_FOR = timedelta(days=180)
TOPICS = ("accessibility", "privacy", "status", "open-data")


def make_routes(context: Context) -> Routes:
    """Return the routes `/about/…` of one app."""
    routes = Routes("about", __name__, url_prefix="/about", access=PUBLIC_PAGE)

    def show(topic: str) -> ResponseReturnValue:
        template = current_app.jinja_env.select_template([f"{context.service}/about/{topic}.html", f"shared/about/{topic}.html"])
        is_up = _is_up(context) if topic == "status" else None
        has_figures = "performance" in current_app.blueprints
        return Response(render_template(template, topic=topic, is_up=is_up, has_figures=has_figures), mimetype="text/html")

    @routes.get("/security.txt", access=PUBLIC)
    def security() -> ResponseReturnValue:
        """Say where weaknesses are told.  Spec: RFC 9116."""
        settings = context.settings
        expires = context.clock.now() + SECURITY_FOR
        lines = {
            "Contact": settings.security_contact or f"tel:{dial(settings.help_phone)}",
            "Expires": rfc3339(expires),
            "Preferred-Languages": "es, en",
            "Canonical": f"{settings.public_url}/.well-known/security.txt",
        }
        return Response("".join(f"{name}: {value}\n" for name, value in lines.items()), content_type="text/plain; charset=utf-8")

    for topic in TOPICS:
        routes.add_url_rule(f"/{topic}", topic.replace("-", "_"), show, defaults={"topic": topic})
    return routes


def _is_up(context: Context) -> bool:
    try:
        return context.db.is_ready()
    except SQLAlchemyError:
        return False
