"""Send one message without code: fill in, look at it, send."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import Refusal
from notify.models.catalogue import KnownTemplate
from notify.models.team import Right
from notify.operations.by_hand import RECIPIENT, SCHEDULE_MAX, faults, send_by_hand
from notify.operations.drafts import asked_for, look_at
from notify.operations.service_settings import choosable_senders
from notify.operations.services import rules_of
from notify.operations.template_shelf import take_template
from notify.routes.console.access import Team, member, service
from notify.routes.console.pages import Problems, show_page
from notify.schemas.console import moment_of, press_of, sender_of, values_of
from notify.schemas.console_words import said
from notify.standards.statuses import Channel
from shared.routes import Routes
from shared.web import allow, gettext

bp = Routes("console_sending", __name__, url_prefix="/services/<uuid:service_id>/templates/<uuid:template_id>", access=Team(Right.SEND))


@bp.route("/send", methods=["GET", "POST"])
def fill(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Ask to whom and what is to be filled in; then show the message with the button that sends it."""
    template = take_template(current(), service_id, template_id).template
    recipient, values = request.form.get(RECIPIENT, "").strip(), values_of(request.form)
    names = asked_for(template)
    wrong = faults(template, recipient, values, rules_of(current(), service_id)) if request.method == "POST" else []
    problems = [
        (_field(template.channel, name, names), said(fault) if name == RECIPIENT else f"{name}: {said(fault)}") for name, fault in wrong
    ]
    if request.method == "POST" and not problems:
        if "send" in request.form:
            return _send(template, recipient, values)
        if "change" not in request.form:
            return _check(template, recipient, values)
    return _form(template_id, recipient, values, problems)


def _check(template: KnownTemplate, recipient: str, values: dict[str, object], problems: Problems = ()) -> ResponseReturnValue:
    look = look_at(current(), template, values)
    if look.pages:
        allow("img-src", "data:")
    senders = choosable_senders(current(), template.service_id, template.channel)
    return show_page(
        "send_check", problems, draft=template, look=look, recipient=recipient, values=values, senders=senders, typed=request.form
    )


def _send(template: KnownTemplate, recipient: str, values: dict[str, object]) -> ResponseReturnValue:
    try:
        when = moment_of(request.form, current().clock.now(), SCHEDULE_MAX) if template.channel != Channel.LETTER else None
    except ValueError:
        return _check(template, recipient, values, [("when", gettext("Choose a moment within the next 24 hours."))])
    chosen, press = sender_of(request.form), press_of(request.form)
    try:
        accepted = send_by_hand(current(), member(), template, recipient, values, sender_id=chosen, scheduled_for=when, press=press)
    except Refusal as refused:
        return _form(template.id, recipient, values, [(RECIPIENT, said(message)) for message in refused.messages])
    return redirect(url_for("console_messages.show", service_id=template.service_id, notification_id=accepted.id), 303)


def _form(template_id: UUID, recipient: str, values: dict[str, object], problems: list[tuple[str, str]]) -> ResponseReturnValue:
    template = take_template(current(), service().id, template_id).template
    return show_page(
        "send",
        problems,
        draft=template,
        names=asked_for(template),
        recipient=recipient,
        values=values,
    )


def _field(channel: str, name: str, names: list[str]) -> str:
    """Give the id of the field that a fault is about."""
    if name == RECIPIENT:
        return "value-1" if channel == Channel.LETTER else RECIPIENT
    return f"value-{names.index(name) + 1}" if name in names else RECIPIENT
