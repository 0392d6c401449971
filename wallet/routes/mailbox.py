"""The person's mailbox, which notify keeps: opening a message is noted there and can be proved.  Spec: requirements NO-13, CH-14."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from shared.problems import NotFound, Unavailable
from shared.routes import Routes
from shared.web import gettext_noop, page
from wallet.context import current
from wallet.providers.dealings import NoSuchMessage, ServiceAway
from wallet.routes.documents import as_file
from wallet.routes.people import Herself, presence

bp = Routes("mailbox", __name__, url_prefix="/mailbox", access=Herself())
PAGE_SIZE = 50


@bp.get("")
def index() -> ResponseReturnValue:
    """List the messages, newest first, a page at a time."""
    try:
        older_than = UUID(request.args["older_than"]) if "older_than" in request.args else None
        found = current().dealings.messages(presence().run, older_than=older_than, limit=PAGE_SIZE)
    except (ValueError, NoSuchMessage):
        raise NotFound(gettext_noop("You have no such message.")) from None
    except ServiceAway:
        raise _away() from None
    return page("wallet/mailbox.html", messages=found.messages, after=found.next_older_than, is_first=older_than is None)


@bp.get("/<uuid:message_id>")
def show(message_id: UUID) -> ResponseReturnValue:
    """Show a message that was opened; one that was not asks to be opened first, since the moment of opening counts."""
    try:
        found = current().dealings.message(presence().run, message_id)
    except NoSuchMessage:
        raise NotFound(gettext_noop("You have no such message.")) from None
    except ServiceAway:
        raise _away() from None
    words = Markup(found.html) if found.read_at else ""  # noqa: S704 - notify's renderer escapes all that it takes from a sender
    return page("wallet/message.html", message=found, words=words)


@bp.post("/<uuid:message_id>/open")
def open_one(message_id: UUID) -> ResponseReturnValue:
    """Open a message: the first time is noted at notify."""
    try:
        current().dealings.open_message(presence().run, message_id)
    except NoSuchMessage:
        raise NotFound(gettext_noop("You have no such message.")) from None
    except ServiceAway:
        raise _away() from None
    return redirect(url_for("mailbox.show", message_id=message_id), 303)


@bp.get("/<uuid:message_id>/files/<int:position>")
def show_file(message_id: UUID, position: int) -> ResponseReturnValue:
    """Give a file of a message that was opened, to be kept and never shown as a page of ours."""
    try:
        file = current().dealings.file(presence().run, message_id, position)
    except NoSuchMessage:
        raise NotFound(gettext_noop("There is no such file, or its message was not opened.")) from None
    except ServiceAway:
        raise _away() from None
    return as_file(file)


def _away() -> Unavailable:
    return Unavailable(gettext_noop("The mailbox does not answer now. Your messages are kept; try again in a moment."))
