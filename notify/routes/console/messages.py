"""What was sent: list, search, one message, the report.  A search goes by POST, so that no recipient stands in an address."""

import uuid
from datetime import datetime
from uuid import UUID

from flask import Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import NotificationNotFound, Refusal
from notify.models.team import Right
from notify.operations.cancelling import cancel, may_be_cancelled
from notify.operations.message_proof import prove_message
from notify.operations.sent import PAGE_SIZE, Line, Wanted, letter_of, list_sent, report, show_sent
from notify.operations.teams import acting_for
from notify.routes.access import base_url
from notify.routes.console.access import Team, member
from notify.routes.console.pages import Problems, show_page
from notify.schemas.console_words import reason_said, said
from notify.schemas.notifications import show_proof
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_messages", __name__, url_prefix="/services/<uuid:service_id>/messages", access=Team(Right.VIEW))
SHOWN_STATUSES = ("created", "sending", "delivered", "failed", "cancelled")


@bp.route("", methods=["GET", "POST"])
def list_all(service_id: UUID) -> ResponseReturnValue:
    """List messages, newest first."""
    wanted = _wanted()
    problems: list[tuple[str, str]] = []
    lines: list[Line] = []
    try:
        lines = list_sent(current(), member(), service_id, wanted)
    except Refusal as refused:
        problems = [("recipient", said(refused.messages[0]))]
    last = lines[-1].message if len(lines) == PAGE_SIZE else None
    return show_page(
        "messages",
        problems,
        lines=lines,
        wanted=wanted,
        after=f"{last.created_at.isoformat()} {last.id}" if last else "",
        statuses=SHOWN_STATUSES,
    )


@bp.post("/report")
def take_report(service_id: UUID) -> ResponseReturnValue:
    """Give the messages as a CSV file."""
    pieces = report(current(), member(), service_id, _wanted())
    headers = {"Content-Disposition": f'attachment; filename="messages-{service_id}.csv"'}
    return Response(pieces, content_type="text/csv; charset=utf-8", headers=headers)


@bp.get("/<uuid:notification_id>")
def show(service_id: UUID, notification_id: UUID) -> ResponseReturnValue:
    """Show one message and what became of it."""
    return _message(service_id, notification_id)


@bp.post("/<uuid:notification_id>/cancel", access=Team(Right.SEND))
def take_back(service_id: UUID, notification_id: UUID) -> ResponseReturnValue:
    """Take back a message that has not left: a scheduled one, or a letter before its cut-off."""
    try:
        cancel(current(), acting_for(current(), member(), service_id), notification_id)
    except NotificationNotFound:
        raise NotFound(gettext("There is no such message, or it is past the time for which it is kept.")) from None
    except Refusal as refused:
        return _message(service_id, notification_id, [("cancel", said(refused.messages[0]))])
    return redirect(url_for("console_messages.show", service_id=service_id, notification_id=notification_id), 303)


def _message(service_id: UUID, notification_id: UUID, problems: Problems = ()) -> ResponseReturnValue:
    sent = show_sent(current(), member(), service_id, notification_id)
    can_cancel = may_be_cancelled(current(), sent.message)
    return show_page("message", problems, sent=sent, can_cancel=can_cancel, reason=reason_said(sent.message.reason))


@bp.get("/<uuid:notification_id>/proof.json")
def take_proof(service_id: UUID, notification_id: UUID) -> ResponseReturnValue:
    """Give the proof of a message for a court or an authority; that it was given is in the log."""
    try:
        found = prove_message(current(), acting_for(current(), member(), service_id), notification_id, actor=member().actor)
    except NotificationNotFound:
        raise NotFound(gettext("There is no such message, or it is past the time for which it is kept.")) from None
    answer = jsonify(show_proof(found, base_url()))
    answer.headers["Content-Disposition"] = f'attachment; filename="proof-{notification_id}.json"'
    return answer


@bp.get("/<uuid:notification_id>/letter.pdf")
def show_letter(service_id: UUID, notification_id: UUID) -> ResponseReturnValue:
    """Give the pages of a letter."""
    pdf = letter_of(current(), member(), service_id, notification_id)
    return Response(pdf, content_type="application/pdf")


def _wanted() -> Wanted:
    """Read the filters: channel, status and job may stand in the address, a recipient comes by form alone."""
    channel, status = request.values.get("channel", ""), request.values.get("status", "")
    return Wanted(
        channel=channel if channel in set(Channel) else "",
        status=status if status in SHOWN_STATUSES else "",
        recipient=request.form.get("recipient", "").strip(),
        reference=request.form.get("reference", "").strip()[:1000],
        job=_job(request.values.get("job", "")),
        before=_before(request.form.get("after", "")),
    )


def _job(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _before(text: str) -> tuple[datetime, uuid.UUID] | None:
    moment, _, last_id = text.partition(" ")
    try:
        at = datetime.fromisoformat(moment)
        return (at, uuid.UUID(last_id)) if at.tzinfo else None
    except ValueError:
        return None
