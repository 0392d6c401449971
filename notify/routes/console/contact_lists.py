"""Saved lists of recipients: keep one, see what there is, send with one, take it away as a file, delete it."""

from uuid import UUID

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.models.team import Right
from notify.operations import contact_lists
from notify.operations.contact_lists import KEPT_DAYS, LISTS_MAX, NAME_CHARACTERS_MAX, NewList, TooManyLists
from notify.operations.template_shelf import take_template
from notify.operations.uploads import Checked
from notify.routes.console.access import UPLOAD_BYTES_MAX, Team, member
from notify.routes.console.pages import Problems, show_page
from notify.schemas.console_words import said, said_of_rows
from notify.standards.csv_rows import InvalidSheet, Sheet, read_csv
from notify.standards.statuses import Channel
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_contact_lists", __name__, url_prefix="/services/<uuid:service_id>", access=Team(Right.SEND))
_FILE = Team(Right.SEND, bytes_max=UPLOAD_BYTES_MAX)


@bp.get("/lists")
def list_all(service_id: UUID) -> ResponseReturnValue:
    """Show the lists that a service keeps."""
    return show_page("contact_lists", lists=contact_lists.list_lists(current(), service_id))


@bp.route("/lists/new", methods=["GET", "POST"], access=_FILE)
def keep(service_id: UUID) -> ResponseReturnValue:
    """Take a file, look at every row, and keep it where all are right."""
    if request.method == "GET":
        return _form()
    problems, channel, days = _chosen()
    try:
        file = request.files.get("file")
        sheet = read_csv(file.read() if file else b"")
        checked = contact_lists.check_list(current(), service_id, channel, sheet)
    except InvalidSheet as fault:
        return _form([*problems, ("file", said(str(fault)))])
    if checked.wrong_n:
        problems.append(("file", gettext("Some rows are wrong. Put them right in your file and upload it again.")))
    if problems:
        return _form(problems, checked)
    return _keep(service_id, channel, days, sheet)


@bp.get("/lists/<uuid:list_id>")
def show(service_id: UUID, list_id: UUID) -> ResponseReturnValue:
    """Show what a list is, and nothing of whom it holds."""
    return show_page("contact_list", card=contact_lists.get_list(current(), service_id, list_id))


@bp.post("/lists/<uuid:list_id>/file")
def take(service_id: UUID, list_id: UUID) -> ResponseReturnValue:
    """Give a list as a table; who took it is in the log."""
    lines = contact_lists.list_as_csv(current(), member(), service_id, list_id)
    headers = {"Content-Disposition": f'attachment; filename="list-{list_id}.csv"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


@bp.route("/lists/<uuid:list_id>/delete", methods=["GET", "POST"])
def delete(service_id: UUID, list_id: UUID) -> ResponseReturnValue:
    """Ask, then delete a list."""
    if request.method == "POST":
        contact_lists.delete_list(current(), member(), service_id, list_id)
        return redirect(url_for("console_contact_lists.list_all", service_id=service_id), 303)
    return show_page("contact_list_delete", card=contact_lists.get_list(current(), service_id, list_id))


@bp.post("/templates/<uuid:template_id>/lists/<uuid:list_id>")
def use(service_id: UUID, template_id: UUID, list_id: UUID) -> ResponseReturnValue:
    """Go on to send with a list as with a file that was uploaded: nothing goes before every row was looked at."""
    template = take_template(current(), service_id, template_id).template
    made = contact_lists.use_list(current(), member(), template, list_id)
    return redirect(url_for("console_uploads.match", service_id=service_id, upload_id=made), 303)


def _chosen() -> tuple[list[tuple[str, str]], Channel, int]:
    """Read what was typed beside the file, and what to put right about it."""
    form, problems = request.form, []
    name, kind, days = form.get("name", "").strip(), form.get("channel", ""), form.get("days", "")
    if not name or len(name) > NAME_CHARACTERS_MAX or "\x00" in name:
        problems.append(("name", gettext("Give the list a name that your team will find it by.")))
    if kind not in set(Channel):
        problems.append(("channel", gettext("Choose how these people are written to.")))
    if days not in {str(number) for number in KEPT_DAYS}:
        problems.append(("days", gettext("Choose for how long the list is kept.")))
    channel = Channel(kind) if kind in set(Channel) else Channel.EMAIL
    return problems, channel, int(days) if days.isdecimal() and len(days) < 5 else KEPT_DAYS[0]


def _keep(service_id: UUID, channel: Channel, days: int, sheet: Sheet) -> ResponseReturnValue:
    try:
        wanted = NewList(channel, request.form["name"].strip(), days, sheet)
        made = contact_lists.keep_list(current(), member(), service_id, wanted)
    except TooManyLists:
        return _form([("file", gettext("This service keeps %(n)s lists already. Delete one first.", n=LISTS_MAX))])
    return redirect(url_for("console_contact_lists.show", service_id=service_id, list_id=made), 303)


def _form(problems: Problems = (), checked: Checked | None = None) -> ResponseReturnValue:
    wrong, wrong_n = (said_of_rows(checked.wrong), checked.wrong_n) if checked else ([], 0)
    return show_page(
        "contact_list_new", problems, typed=request.form, channels=list(Channel), kept_days=KEPT_DAYS, wrong=wrong, wrong_n=wrong_n
    )
