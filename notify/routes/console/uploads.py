"""Files of recipients: upload, match, look at wrong rows, send now or later, watch, stop."""

from contextlib import suppress
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import BulkNotPossible, NotificationNotFound, Refusal
from notify.models.catalogue import KnownTemplate
from notify.models.team import Right
from notify.operations import uploads
from notify.operations.bulk import cancel_bulk, get_bulk, list_bulks, list_errors, resume_bulk
from notify.operations.contact_lists import fitting_lists
from notify.operations.drafts import look_at
from notify.operations.service_settings import choosable_senders
from notify.operations.template_shelf import take_template
from notify.operations.uploads import Uploaded
from notify.routes.console.access import UPLOAD_BYTES_MAX, Team, member
from notify.routes.console.pages import show_page
from notify.schemas.console import moment_of, sender_of
from notify.schemas.console_words import said, said_of_errors, said_of_rows
from notify.standards.csv_rows import InvalidSheet, read_csv
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import allow, gettext

bp = Routes("console_uploads", __name__, url_prefix="/services/<uuid:service_id>", access=Team(Right.SEND))
_FILE = Team(Right.SEND, bytes_max=UPLOAD_BYTES_MAX)
_VIEW = Team(Right.VIEW)
WRONG_SHOWN, ROW_DIGITS_MAX = 100, 10


@bp.get("/uploads", access=_VIEW)
def list_all(service_id: UUID) -> ResponseReturnValue:
    """List the jobs of a service, newest first; `?older_than=` a job goes on."""
    try:
        older_than = UUID(request.args["older_than"]) if "older_than" in request.args else None
    except ValueError:
        raise NotFound(gettext("There is no such job.")) from None
    found = list_bulks(current(), service_id, older_than)
    if older_than and not found.jobs:
        raise NotFound(gettext("There is no such job."))
    return show_page("jobs", jobs=found.jobs, more=found.more, is_first=older_than is None)


@bp.route("/templates/<uuid:template_id>/upload", methods=["GET", "POST"], access=_FILE)
def upload(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Take a file."""
    template = take_template(current(), service_id, template_id).template
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        file = request.files.get("file")
        try:
            sheet = read_csv(file.read() if file else b"")
        except InvalidSheet as fault:
            problems = [("file", said(str(fault)))]
        else:
            name = (file.filename if file else "") or template.name
            made = uploads.keep_upload(current(), member(), template, name, sheet)
            return redirect(url_for("console_uploads.match", service_id=service_id, upload_id=made), 303)
    return show_page("upload", problems, draft=template, names=uploads.needed(template), lists=fitting_lists(current(), template))


@bp.route("/uploads/<uuid:upload_id>", methods=["GET", "POST"])
def match(service_id: UUID, upload_id: UUID) -> ResponseReturnValue:
    """Match columns, show what is wrong row by row, and send what is right."""
    known = uploads.get_upload(current(), service_id, upload_id)
    template = take_template(current(), service_id, known.template_id).template
    names = uploads.answerable(template)
    chosen = _chosen(known, names) if request.method == "POST" else uploads.guess(known.columns, names)
    if request.method == "GET" or "change" in request.form:
        return _matching(known, template, chosen)
    problems: list[tuple[str, str]] = []
    if "send" in request.form:
        try:
            when = moment_of(request.form, current().clock.now(), uploads.SCHEDULE_MAX)
            made = uploads.send_upload(current(), member(), template, known, chosen, scheduled_for=when, sender_id=sender_of(request.form))
            return redirect(url_for("console_uploads.show_job", service_id=service_id, job_id=made), 303)
        except ValueError:
            problems = [("when", gettext("Choose a moment within the next 7 days."))]
        except Refusal as refused:
            problems = [("when", said(refused.messages[0]))]
    return _checking(known, template, chosen, problems)


@bp.get("/jobs/<uuid:job_id>", access=_VIEW)
def show_job(service_id: UUID, job_id: UUID) -> ResponseReturnValue:
    """Show how far a job is, and rows that made no message; `?after=` a row number goes on with those."""
    after = request.args.get("after", "0")
    try:
        number = int(after) if after.isascii() and after.isdigit() and len(after) < ROW_DIGITS_MAX else 0
        job, errors = get_bulk(current(), service_id, job_id), list_errors(current(), service_id, job_id, number, size=WRONG_SHOWN + 1)
    except Refusal:
        raise NotFound(gettext("There is no such job.")) from None
    more = len(errors) > WRONG_SHOWN
    wrong = said_of_errors(errors[:WRONG_SHOWN])
    return show_page("job", job=job, wrong=wrong, more=more, done=job.messages + job.failed + job.reminders)


@bp.post("/jobs/<uuid:job_id>")
def change_job(service_id: UUID, job_id: UUID) -> ResponseReturnValue:
    """Stop a job, or let it go on; where it was faster its page says how it stands."""
    change = resume_bulk if "resume" in request.form else cancel_bulk
    try:
        with suppress(BulkNotPossible):
            change(current(), service_id, job_id, actor=member().actor)
    except NotificationNotFound:
        raise NotFound(gettext("There is no such job.")) from None
    return redirect(url_for("console_uploads.show_job", service_id=service_id, job_id=job_id), 303)


def _matching(known: Uploaded, template: KnownTemplate, chosen: dict[str, int]) -> ResponseReturnValue:
    return show_page("upload_match", known=known, draft=template, names=uploads.answerable(template), chosen=chosen)


def _checking(known: Uploaded, template: KnownTemplate, chosen: dict[str, int], problems: list[tuple[str, str]]) -> ResponseReturnValue:
    checked = uploads.check_rows(current(), member(), template, known, chosen)
    look = None
    if checked.right:
        look = look_at(current(), template, uploads.sample(template, known, chosen, checked.right[0]))
        if look.pages:
            allow("img-src", "data:")
    return show_page(
        "upload_check",
        problems,
        known=known,
        draft=template,
        names=uploads.answerable(template),
        chosen=chosen,
        checked=checked,
        wrong=said_of_rows(checked.wrong),
        look=look,
        senders=choosable_senders(current(), template.service_id, template.channel),
        typed=request.form,
    )


def _chosen(known: Uploaded, names: list[str]) -> dict[str, int]:
    """Read which column stands for what; fields `column-<number of the name>`."""
    found = {}
    for number, name in enumerate(names):
        at = request.form.get(f"column-{number}", "")
        if at.isdecimal() and len(at) < 4 and int(at) < len(known.columns):
            found[name] = int(at)
    return found
