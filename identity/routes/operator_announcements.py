"""Announcements: the operator's page, and the band that every page of identity shows (§3.12)."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Flask, Response, make_response, redirect, request, url_for

from identity.context import current
from identity.models.announcement import AnnouncementKind, Told
from identity.models.organisation import Role
from identity.operations import announcing
from identity.operations.announcing import Words
from identity.operations.refusals import AnnouncementRefused
from identity.routes.staff_access import RoleHolder, staff_id
from shared.routes import Routes
from shared.web import errors_of, gettext, page

routes = Routes("operator_announcements", __name__, access=RoleHolder(Role.OPERATOR), url_prefix="/operator/announcements")
FIELDS = ("kind", "text_es", "text_en", "begins_at", "ends_at")


def install(app: Flask) -> None:
    """Have every page show what is announced."""
    app.jinja_env.globals["announcements"] = _present


def _present() -> tuple[Told, ...]:
    return current().announcements.present()


@routes.get("")
def show_announcements() -> Response:
    """What is announced, and the form for the next."""
    return _show([], {})


def _show(errors: list[tuple[str, str]], values: dict[str, str]) -> Response:
    coming = current().announcements.coming()
    status = 400 if errors else 200
    return page("identity/register/announcements.html", status, coming=coming, values=values, error_list=errors_of(errors))


@routes.post("")
def announce() -> Response:
    """Put an announcement on every page."""
    values = {name: request.form.get(name, "").strip()[:400] for name in FIELDS}
    try:
        begins, ends = (datetime.strptime(values[name], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC) for name in ("begins_at", "ends_at"))
    except ValueError:
        return _show([("begins_at", gettext("Enter day and time like 2026-12-31T14:05."))], values)
    kind = AnnouncementKind.WORK if values["kind"] == AnnouncementKind.WORK else AnnouncementKind.NEWS
    try:
        announcing.announce(current(), staff_id(), Words(kind, values["text_es"], values["text_en"], begins, ends))
    except AnnouncementRefused as refused:
        return _show([("text_es", gettext(refused.detail))], values)
    return _back()


@routes.post("/<uuid:announcement_id>/withdraw")
def withdraw(announcement_id: UUID) -> Response:
    """Take one away before its end."""
    announcing.withdraw(current(), staff_id(), announcement_id)
    return _back()


def _back() -> Response:
    return make_response(redirect(url_for("operator_announcements.show_announcements"), 303))
