"""Templates without code: shelf, draft with live preview, versions, folders."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import TemplateChanged
from notify.models.team import Right
from notify.operations.drafts import Look, draft_of, look_at
from notify.operations.examples import EXAMPLES
from notify.operations.template_edits import (
    TemplateChange,
    archive_template,
    create_template,
    diff_versions,
    edit_template,
    list_versions,
)
from notify.operations.template_shelf import list_shelf, put_in_folder, set_urgent, take_template
from notify.operations.templates import TemplateText, words_of
from notify.routes.console.access import Team, member, service
from notify.routes.console.pages import show_page
from notify.schemas.console import TemplateForm, read_template_form, values_of
from notify.standards.statuses import Channel
from shared.routes import Routes
from shared.web import allow, gettext

bp = Routes("console_templates", __name__, url_prefix="/services/<uuid:service_id>/templates", access=Team(Right.VIEW))
_EDIT = Team(Right.EDIT)


@bp.get("")
def shelf(service_id: UUID) -> ResponseReturnValue:
    """List the templates by folder."""
    channel, folder = request.args.get("channel", ""), request.args.get("folder", "")
    shelved = list_shelf(current(), service_id)
    shown = [one for one in shelved if channel in {"", one.template.channel} and folder in {"", one.folder}]
    folders = sorted({one.folder for one in shelved if one.folder}, key=str.casefold)
    return show_page("templates", shelved=shown, folders=folders, channel=channel, folder=folder)


@bp.get("/new", access=_EDIT)
def choose(service_id: UUID) -> ResponseReturnValue:  # noqa: ARG001 - the access rule read it
    """Choose what to begin with: an empty template of a channel, or an example."""
    return show_page("template_new", examples=EXAMPLES, channels=tuple(Channel))


@bp.get("/draft", access=_EDIT)
def begin(service_id: UUID) -> ResponseReturnValue:  # noqa: ARG001 - the access rule read it
    """Show the form of a template that is not there yet."""
    example = EXAMPLES.get(request.args.get("example", ""))
    channel = request.args.get("channel", "")
    words = example or TemplateText(channel=Channel(channel if channel in set(Channel) else "email"), name="", body="")
    return _form(TemplateForm(words, ""), None, UUID(int=0))


@bp.post("/draft", access=_EDIT)
def create(service_id: UUID) -> ResponseReturnValue:
    """Look at the draft again, or keep it as a template."""
    form, problems = read_template_form(request.form)
    if problems or "save" not in request.form:
        return _form(form, None, UUID(int=0), problems=problems)
    made = create_template(current(), service_id, form.words, actor=member().actor, author=member().name)
    return _kept(service_id, made.id, form)


@bp.get("/<uuid:template_id>")
def show(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Show a template as it will be read."""
    shelved = take_template(current(), service_id, template_id)
    return show_page(
        "template",
        shelved=shelved,
        look=_look(look_at(current(), shelved.template, {})),
    )


@bp.get("/<uuid:template_id>/edit", access=_EDIT)
def edit(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Show the form of a template."""
    shelved = take_template(current(), service_id, template_id)
    form = TemplateForm(words_of(shelved.template), shelved.folder, shelved.template.version)
    return _form(form, template_id, template_id)


@bp.post("/<uuid:template_id>/edit", access=_EDIT)
def change(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Look at the draft again, or keep it as a new version."""
    present = take_template(current(), service_id, template_id).template
    form, problems = read_template_form(request.form, channel=present.channel)
    if problems or "save" not in request.form:
        return _form(form, template_id, template_id, problems=problems)
    words = form.words
    change = TemplateChange(
        name=words.name,
        subject=words.subject,
        body=words.body,
        postage=words.postage,
        contact_block=words.contact_block,
        has_unsubscribe_link=words.has_unsubscribe_link,
        version=form.version,
    )
    try:
        edit_template(current(), service_id, template_id, change, actor=member().actor, author=member().name)
    except TemplateChanged:
        return _form(
            form, template_id, template_id, problems=[("body", gettext("Somebody changed it meanwhile. Copy your words, and begin again."))]
        )
    return _kept(service_id, template_id, form)


@bp.get("/<uuid:template_id>/versions")
def versions(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """List what a template said before."""
    found = list_versions(current(), service_id, template_id)
    return show_page("versions", versions=found)


@bp.get("/<uuid:template_id>/versions/<int:version>")
def show_version(service_id: UUID, template_id: UUID, version: int) -> ResponseReturnValue:
    """Show one version."""
    shelved = take_template(current(), service_id, template_id, version)
    changes = diff_versions(current(), service_id, template_id, version - 1, version) if version > 1 else []
    looked = _look(look_at(current(), shelved.template, {}))
    return show_page("version", shelved=shelved, changes=changes, look=looked)


@bp.post("/<uuid:template_id>/urgent", access=Team(Right.MANAGE))
def change_urgency(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Let its messages go ahead of others, or no longer."""
    set_urgent(current(), member(), service_id, template_id, urgent=request.form.get("urgent") == "1")
    return redirect(url_for("console_templates.show", service_id=service_id, template_id=template_id), 303)


@bp.route("/<uuid:template_id>/archive", methods=["GET", "POST"], access=_EDIT)
def archive(service_id: UUID, template_id: UUID) -> ResponseReturnValue:
    """Ask, then take a template out of use."""
    shelved = take_template(current(), service_id, template_id)
    if request.method == "POST":
        archive_template(current(), service_id, template_id, actor=member().actor)
        return redirect(url_for("console_templates.shelf", service_id=service_id), 303)
    return show_page("template_archive", shelved=shelved)


def _kept(service_id: UUID, template_id: UUID, form: TemplateForm) -> ResponseReturnValue:
    put_in_folder(current(), member(), service_id, template_id, form.folder)
    return redirect(url_for("console_templates.show", service_id=service_id, template_id=template_id), 303)


def _form(
    form: TemplateForm, template_id: UUID | None, draft_id: UUID, *, problems: list[tuple[str, str]] | None = None
) -> ResponseReturnValue:
    draft = draft_of(service().id, draft_id, form.words, current().clock.now())
    looked = _look(look_at(current(), draft, values_of(request.form))) if form.words.body.strip() else None
    return show_page(
        "template_form",
        problems or [],
        form=form,
        words=form.words,
        look=looked,
        template_id=template_id,
        values=values_of(request.form),
    )


def _look(look: Look) -> Look:
    """Let this page alone show the pictures of a letter that it carries."""
    if look.pages:
        allow("img-src", "data:")
    return look
