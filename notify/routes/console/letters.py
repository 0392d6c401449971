"""Letters as files: send one that is a PDF already, and see all pages of a template.  Spec: notify-api §4.4, §20."""

import base64
import hashlib
from uuid import UUID

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import Refusal
from notify.models.team import Right
from notify.operations.by_hand import pressed
from notify.operations.drafts import pages_of
from notify.operations.precompiled import BYTES_MAX, accept_precompiled, take_precompiled_limit
from notify.operations.requests import PrecompiledBody
from notify.operations.teams import acting_for
from notify.operations.template_edits import POSTAGES
from notify.operations.template_shelf import take_template
from notify.routes.console.access import Team, member
from notify.routes.console.pages import Problems, show_page
from notify.schemas.console import press_of
from notify.schemas.console_words import said
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_letters", __name__, url_prefix="/services/<uuid:service_id>", access=Team(Right.VIEW))
_FILE = Team(Right.SEND, bytes_max=BYTES_MAX + 64 * 1024)
REFERENCE_CHARACTERS_MAX = 1000


@bp.get("/letters/new", access=_FILE)
def ask(service_id: UUID) -> ResponseReturnValue:  # noqa: ARG001 - the access rule read it
    """Ask for the file."""
    return _form()


@bp.post("/letters/new", access=_FILE)
def send(service_id: UUID) -> ResponseReturnValue:
    """Take a letter that is a PDF already; it is looked into before it is printed."""
    file, postage = request.files.get("file"), request.form.get("postage", "")
    pdf = file.read() if file else b""
    name = (file.filename if file else "") or ""
    reference = request.form.get("reference", "").strip() or name
    if b"%PDF-" not in pdf[:1024]:
        return _form([("file", gettext("Choose a file that is a PDF."))])
    if postage not in POSTAGES:
        return _form([("postage", gettext("Choose how fast it should go."))])
    if len(reference) > REFERENCE_CHARACTERS_MAX or "\x00" in reference:
        return _form([("reference", gettext("Write a shorter reference."))])
    notify = current()
    try:
        holder = acting_for(notify, member(), service_id)
        take_precompiled_limit(notify, holder)
        press = press_of(request.form.to_dict() | {"file": hashlib.sha256(pdf).hexdigest()})
        body = PrecompiledBody(reference, base64.b64encode(pdf).decode(), postage)
        made = accept_precompiled(notify, holder, body, pressed(service_id, "/letters", press))
    except Refusal as refused:
        return _form([("file", said(refused.messages[0]))])
    return redirect(url_for("console_messages.show", service_id=service_id, notification_id=made), 303)


@bp.get("/templates/<uuid:template_id>/letter.pdf")
def show_pages(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Give all pages of a template, its places as they are written."""
    template = take_template(current(), service_id, template_id).template
    if template.channel != Channel.LETTER:
        raise NotFound(gettext("There is no such template."))
    return Response(pages_of(current(), template).pdf, content_type="application/pdf")


def _form(problems: Problems = ()) -> ResponseReturnValue:
    return show_page("letter_new", problems, typed=request.form, postages=POSTAGES)
