"""The console's forms, read: what was typed, and what to put right about it as pairs of a field's id and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from werkzeug.datastructures import MultiDict

from notify.errors import MessageNotValid
from notify.operations.template_edits import POSTAGES, check_words
from notify.operations.templates import TemplateText
from notify.standards.statuses import Channel
from shared.clock import ZONE
from shared.web import gettext
from shared.web.csrf import FIELD as CSRF_FIELD

NAME_CHARACTERS_MAX = 255
VALUE_PREFIX = "value-"


@dataclass(frozen=True)
class TemplateForm:
    """A template's words and its folder, as typed; `version` is the one that was changed."""

    words: TemplateText
    folder: str
    version: int | None = None


def read_template_form(form: Mapping[str, str], *, channel: str = "") -> tuple[TemplateForm, list[tuple[str, str]]]:
    """Read the form of a template; an existing one keeps its channel."""
    wanted = channel or form.get("channel", "")
    kind = Channel(wanted) if wanted in set(Channel) else Channel.EMAIL
    has_subject = kind is not Channel.SMS
    words = TemplateText(
        channel=kind,
        name=form.get("name", "").strip(),
        body=form.get("body", ""),
        subject=form.get("subject", "").strip() if has_subject else None,
        postage=(form.get("postage") if form.get("postage") in POSTAGES else "second") if kind is Channel.LETTER else None,
        contact_block=form.get("contact_block", "").strip() if kind is Channel.LETTER else None,
        has_unsubscribe_link=kind is Channel.EMAIL and "has_unsubscribe_link" in form,
    )
    problems = []
    if not words.name or len(words.name) > NAME_CHARACTERS_MAX:
        problems.append(("name", gettext("Give the template a name that your team will find it by.")))
    if has_subject and not words.subject:
        problems.append(("subject", gettext("Write a subject: it says what happened.")))
    if not words.body.strip():
        problems.append(("body", gettext("Write the message.")))
    if not problems:
        try:
            check_words(words)
        except MessageNotValid:
            problems.append(("body", gettext("Make the message shorter, and use letters and signs that can be printed.")))
    version = form.get("version", "")
    return TemplateForm(
        words, form.get("folder", "").strip(), int(version) if version.isdecimal() and len(version) < 10 else None
    ), problems


def moment_of(form: Mapping[str, str], now: datetime, longest: timedelta) -> datetime | None:
    """Give the moment to send at, by the clock of the pages; None for at once.  Raises: ValueError for none, or none in time."""
    text = form.get("when", "").strip()
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
    if not now < moment <= now + longest:
        raise ValueError("not within that time")
    return moment


def sender_of(form: Mapping[str, str]) -> UUID | None:
    """Give the sender that was chosen, None for the default one; what is no id is a sender that nobody has."""
    text = form.get("sender", "")
    try:
        return UUID(text) if text else None
    except ValueError:
        return UUID(int=0)


def press_of(form: Mapping[str, str]) -> UUID | None:
    """Give a name for this press of the button, None where there is none: the same page with the same words has the same name again."""
    try:
        return uuid5(UUID(form.get("press", "")), repr(sorted(item for item in form.items() if item[0] != CSRF_FIELD)))
    except ValueError:
        return None


def values_of(form: MultiDict[str, str] | Mapping[str, str]) -> dict[str, object]:
    """Give the values for placeholders: fields `value-<name>`, empty ones left out."""
    return {name.removeprefix(VALUE_PREFIX): value for name, value in form.items() if name.startswith(VALUE_PREFIX) and value != ""}
