"""What people write to a service: texts, and that they want no more e-mails.  Spec: notify-api §7, §8, §20."""

from uuid import UUID

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import Refusal
from notify.models.team import Right
from notify.operations.received_texts import assign_number, numbers_of, read_texts, release_number
from notify.operations.template_shelf import list_shelf
from notify.operations.unsubscribing import mark_processed, read_requests
from notify.routes.console.access import Team, member
from notify.routes.console.pages import Problems, show_page
from notify.schemas.console_words import said
from notify.standards.csv_rows import csv_line
from notify.standards.wire_time import wire_time
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_received", __name__, url_prefix="/services/<uuid:service_id>", access=Team(Right.VIEW))
_COLUMNS = ("email_address", "template", "requested_at")


@bp.get("/received")
def texts(service_id: UUID) -> ResponseReturnValue:
    """List the texts that people sent to the service, newest first."""
    return _texts(service_id)


@bp.post("/received/numbers", access=Team(Right.OPERATE))
def change_numbers(service_id: UUID) -> ResponseReturnValue:
    """Give the service a number, or take it back."""
    number = request.form.get("number", "").strip()
    try:
        if "release" in request.form:
            release_number(current(), member(), service_id, number)
        else:
            assign_number(current(), member(), service_id, number)
    except Refusal as refused:
        return _texts(service_id, [("number", said(refused.messages[0]))])
    return redirect(url_for("console_received.texts", service_id=service_id), 303)


def _texts(service_id: UUID, problems: Problems = ()) -> ResponseReturnValue:
    try:
        older_than = UUID(request.args["older_than"]) if "older_than" in request.args else None
    except ValueError:
        raise NotFound(gettext("There is no such text.")) from None
    found, more = read_texts(current(), member(), service_id, older_than)
    numbers = numbers_of(current(), service_id)
    return show_page("received", problems, texts=found, more=more, is_first=older_than is None, numbers=numbers, typed=request.form)


@bp.get("/unsubscribes")
def unsubscribes(service_id: UUID) -> ResponseReturnValue:
    """List who wants no more e-mails and was not dealt with yet, the oldest first."""
    names = {shelved.template.id: shelved.template.name for shelved in list_shelf(current(), service_id)}
    return show_page("unsubscribes", requests=read_requests(current(), member(), service_id), names=names)


@bp.post("/unsubscribes/report")
def unsubscribes_report(service_id: UUID) -> ResponseReturnValue:
    """Give that list as a table; cells that a spreadsheet would run are made text."""
    names = {shelved.template.id: shelved.template.name for shelved in list_shelf(current(), service_id)}
    found = read_requests(current(), member(), service_id)
    lines = [[each.email_address, names.get(each.template_id, ""), wire_time(each.requested_at) or ""] for each in found]
    text = "\ufeff" + "".join(csv_line(line) for line in (_COLUMNS, *lines))
    headers = {"Content-Disposition": "attachment; filename=unsubscribes.csv"}
    return Response(text, content_type="text/csv; charset=utf-8", headers=headers)


@bp.post("/unsubscribes", access=Team(Right.SEND))
def mark(service_id: UUID) -> ResponseReturnValue:
    """Note that those that were shown were dealt with."""
    try:
        ids = [UUID(text) for text in request.form.get("ids", "").split()]
    except ValueError:
        raise InvalidRequest(gettext("Load the page again: what it said about the list cannot be read.")) from None
    mark_processed(current(), service_id, ids, actor=member().actor)
    return redirect(url_for("console_received.unsubscribes", service_id=service_id), 303)
