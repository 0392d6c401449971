"""What a service may send, how long it is kept, where people can ask about files they were sent, and who hears of problems."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import Refusal
from notify.models.service import PERMISSIONS
from notify.models.team import Right
from notify.operations.notice_addresses import addresses_of, set_addresses
from notify.operations.service_settings import RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, set_permissions, set_retention
from notify.operations.services import set_contact_link
from notify.routes.console.access import Team, member
from notify.routes.console.pages import show_page
from notify.schemas.console_words import said
from notify.standards.statuses import Channel
from shared.routes import Routes
from shared.web import gettext

bp = Routes("console_sending_rules", __name__, url_prefix="/services/<uuid:service_id>", access=Team(Right.MANAGE))


@bp.route("/settings/channels", methods=["GET", "POST"])
def channels(service_id: UUID) -> ResponseReturnValue:
    """Show and change what the service may send."""
    known = current().catalogue.find_service(service_id)
    chosen = set(known.permissions) if known else set()
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        chosen = set(request.form.getlist("permissions"))
        try:
            set_permissions(current(), member(), service_id, chosen)
            return redirect(url_for("console_settings.show", service_id=service_id), 303)
        except Refusal as refused:
            problems = [("permissions", said(refused.messages[0]))]
    return show_page("channels", problems, chosen=chosen, permissions=PERMISSIONS)


@bp.route("/settings/files", methods=["GET", "POST"])
def files(service_id: UUID) -> ResponseReturnValue:
    """Show and change where people can ask about a file; without it no files go by e-mail."""
    known = current().catalogue.find_service(service_id)
    contact = (known.contact_link if known else None) or ""
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        contact = request.form.get("contact", "").strip()
        try:
            set_contact_link(current(), service_id, contact, actor=member().actor)
            return redirect(url_for("console_settings.show", service_id=service_id), 303)
        except Refusal as refused:
            problems = [("contact", said(refused.messages[0]))]
    return show_page("files", problems, contact=contact)


@bp.route("/settings/notices", methods=["GET", "POST"])
def notices(service_id: UUID) -> ResponseReturnValue:
    """Show and change whom of the team problems are told to."""
    text = "\n".join(addresses_of(current(), service_id))
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        text = request.form.get("addresses", "")
        try:
            set_addresses(current(), member(), service_id, [line.strip() for line in text.splitlines() if line.strip()])
            return redirect(url_for("console_settings.show", service_id=service_id), 303)
        except Refusal as refused:
            problems = [("addresses", said(refused.messages[0]))]
    known = current().catalogue.find_service(service_id)
    return show_page("notices", problems, text=text, reply_to=known.default_sender(Channel.EMAIL) if known else None)


@bp.route("/settings/retention", methods=["GET", "POST"])
def retention(service_id: UUID) -> ResponseReturnValue:
    """Show and change for how long messages of each channel are kept."""
    known = current().catalogue.find_service(service_id)
    typed = {channel.value: str(known.days_of(channel)) if known else "" for channel in Channel}
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        typed = {channel.value: request.form.get(f"days-{channel}", "").strip() for channel in Channel}
        problems = [
            (f"days-{channel}", gettext("Write a number of days from 3 to 90.")) for channel, text in typed.items() if not _is_kept(text)
        ]
        if not problems:
            set_retention(current(), member(), service_id, {channel: int(text) for channel, text in typed.items()})
            return redirect(url_for("console_settings.show", service_id=service_id), 303)
    return show_page("retention", problems, days=typed)


def _is_kept(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4 and RETENTION_DAYS_MIN <= int(text) <= RETENTION_DAYS_MAX


@bp.get("/service-settings/send-files-by-email")
def files_of_the_contract(service_id: UUID) -> ResponseReturnValue:
    """Lead on from the address that the API's refusal names."""
    return redirect(url_for("console_sending_rules.files", service_id=service_id), 303)
