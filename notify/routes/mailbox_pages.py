"""The mailbox and the wish of how to be written to, as pages for the person.  Spec: requirements NO-13, NO-15."""

import uuid

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from notify.context import current
from notify.operations.mailbox import NO_MESSAGE, get_file, get_item, list_mailbox, mark_read
from notify.operations.preferences import Preference, find_preference, forget_preference, keep_preference
from notify.routes.mailbox import file_answer
from notify.schemas.console_words import said
from notify.standards.email_markdown import to_html
from notify.standards.statuses import Channel
from shared.auth import Caller
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes
from shared.web import errors_of, gettext, page
from shared.web.signed_in import Citizen

mailbox_pages = Routes("mailbox_pages", __name__, url_prefix="/mailbox", access=Citizen())
PAGE_SIZE = 50
CHOICES = (Channel.MAILBOX, Channel.EMAIL, Channel.SMS, Channel.LETTER)


@mailbox_pages.get("")
def show_all() -> ResponseReturnValue:
    """List the person's messages, newest first, a page at a time."""
    try:
        older_than = uuid.UUID(request.args["older_than"]) if "older_than" in request.args else None
    except ValueError:
        raise NotFound(NO_MESSAGE) from None
    found = list_mailbox(current(), _reader(), older_than, size=PAGE_SIZE)
    return page("notify/mailbox/list.html", items=found.items, after=found.next_older_than, is_first=older_than is None)


@mailbox_pages.get("/<uuid:message_id>")
def show(message_id: uuid.UUID) -> ResponseReturnValue:
    """Show a message that was opened; one that was not asks to be opened first, since the moment of opening counts."""
    item = get_item(current(), _reader(), message_id)
    words = Markup(to_html(item.body)) if item.read_at else ""  # noqa: S704 - the renderer escapes all that it takes from the source
    return page("notify/mailbox/message.html", item=item, words=words)


@mailbox_pages.post("/<uuid:message_id>/open")
def open_one(message_id: uuid.UUID) -> ResponseReturnValue:
    """Open a message: the first time is noted."""
    mark_read(current(), _reader(), message_id)
    return redirect(url_for("mailbox_pages.show", message_id=message_id), 303)


@mailbox_pages.get("/<uuid:message_id>/files/<int:position>")
def show_file(message_id: uuid.UUID, position: int) -> ResponseReturnValue:
    """Give a file of a message that was opened."""
    return file_answer(get_file(current(), _reader(), message_id, position))


@mailbox_pages.route("/preferences", methods=["GET", "POST"])
def preferences() -> ResponseReturnValue:
    """Ask how the person wants to be written to."""
    wish = find_preference(current(), _reader())
    typed = {
        "channel": wish.channels[0] if wish else Channel.MAILBOX,
        "email": wish.email if wish else "",
        "phone": wish.phone if wish else "",
    }
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        if "forget" in request.form:
            forget_preference(current(), _reader())
            return redirect(url_for("mailbox_pages.show_all"), 303)
        typed = {name: request.form.get(name, "").strip() for name in typed}
        problems = _keep(typed)
        if not problems:
            return redirect(url_for("mailbox_pages.preferences", kept=1), 303)
    errors = errors_of(problems)
    status = 422 if errors else 200
    return page("notify/mailbox/preferences.html", status, error_list=errors, typed=typed, known=wish, kept="kept" in request.args)


def _keep(typed: dict[str, str]) -> list[tuple[str, str]]:
    """Keep a wish; give what is to be put right."""
    if typed["channel"] not in CHOICES:
        return [("channel", gettext("Choose how we write to you."))]
    channel = Channel(typed["channel"])
    try:
        keep_preference(current(), _reader(), Preference((channel,), typed["email"], typed["phone"]))
    except InvalidRequest as refused:
        about_phone = (channel is Channel.SMS and not typed["phone"]) or "@" in typed["email"]
        return [("phone" if about_phone else "email", said(refused.detail))]
    return []


def _reader() -> Caller:
    """Give the person as the mailbox knows people: by subject, and by RUN where identity says it."""
    claims = {"run": g.person.run} if g.person.run else {}
    return Caller(current().settings.login_client_id, g.person.sub, frozenset(), claims)
