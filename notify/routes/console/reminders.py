"""Reminders ahead of a date, without code: set one, see what waits, take it back.  Spec: requirements NO-14."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageNotValid, NotificationNotFound, Refusal
from notify.models.team import Right
from notify.operations.by_hand import RECIPIENT, pressed
from notify.operations.drafts import asked_for
from notify.operations.reminders import cancel_set, list_reminders, set_reminders
from notify.operations.services import rules_of
from notify.operations.teams import acting_for
from notify.operations.template_shelf import list_shelf, take_template
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from notify.schemas.console import press_of, values_of
from notify.schemas.console_words import said
from notify.schemas.people import read_reminder
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_reminders", __name__, url_prefix="/services/<uuid:service_id>", access=Team(Right.VIEW))
_FIELDS = {Channel.EMAIL: "email_address", Channel.SMS: "phone_number", Channel.MAILBOX: "recipient"}


@bp.get("/reminders")
def show(service_id: UUID) -> ResponseReturnValue:
    """List the reminders that wait."""
    names = {shelved.template.id: shelved.template.name for shelved in list_shelf(current(), service_id)}
    try:
        after = UUID(request.args["after"]) if "after" in request.args else None
        found = list_reminders(current(), service_id, after)
    except (ValueError, NotificationNotFound):
        raise NotFound(gettext("There is no such reminder.")) from None
    return show_page("reminders", reminders=found.reminders, after=found.next_after, names=names)


@bp.post("/reminders/<uuid:set_id>/cancel", access=Team(Right.SEND))
def cancel(service_id: UUID, set_id: UUID) -> ResponseReturnValue:
    """Take reminders back."""
    cancel_set(current(), service_id, set_id, actor=member().actor, channel="console")
    return redirect(url_for("console_reminders.show", service_id=service_id), 303)


@bp.route("/templates/<uuid:template_id>/remind", methods=["GET", "POST"], access=Team(Right.SEND))
def remind(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Ask whom to remind of what date, and keep it."""
    template = take_template(current(), service_id, template_id).template
    recipient, values = request.form.get(RECIPIENT, "").strip(), values_of(request.form)
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        asked: dict[str, object] = {
            "template_id": str(template_id),
            "date": request.form.get("date", "").strip(),
            "days_before": _numbers(request.form.get("days_before", "")),
            "personalisation": dict(values),
        }
        if field := _FIELDS.get(Channel(template.channel)):
            asked[field] = recipient
        try:
            wanted = read_reminder(asked, current().zone, current().clock.now(), rules_of(current(), service_id).number_region)
            once = pressed(service_id, "/remind", press_of(request.form))
            set_reminders(current(), acting_for(current(), member(), service_id), wanted, once)
            return redirect(url_for("console_reminders.show", service_id=service_id), 303)
        except Refusal as refused:
            problems = [_problem(message, bare=isinstance(refused, MessageNotValid)) for message in refused.messages]
    return show_page("remind", problems, draft=template, names=asked_for(template), recipient=recipient, values=values, typed=request.form)


def _numbers(text: str) -> list[int]:
    parts = text.replace(",", " ").split()
    return [int(part) if part.isascii() and part.isdigit() and len(part) < 5 else -1 for part in parts]


def _problem(message: str, *, bare: bool) -> tuple[str, str]:
    """Give the field that a refusal is about, and the words of the page."""
    name, _, rest = message.partition(" ")
    if bare and name == "date":
        return "date", gettext("Choose a date from which there is still time to remind.")
    if bare and name == "days_before":
        return "days_before", gettext("Write up to 12 numbers of days, for example 30, 7, 1.")
    if bare and name in _FIELDS.values():
        return RECIPIENT, said(rest)
    return RECIPIENT, said(message)
