"""Write templates: create, edit, archive, look at versions and at what changed.  Every change of words is a new version.

Ours, beside the contract; the console and the API use the same functions.  Spec: notify-api §6, §13; docs/notify/templates.md.
"""

import re
import uuid
from dataclasses import dataclass, fields, replace

from sqlalchemy import insert, select, update

from notify.context import Notify
from notify.errors import MessageNotValid, NotificationNotFound, TemplateChanged
from notify.events import Event
from notify.models.catalogue import KnownTemplate, find_template_version, find_template_versions
from notify.models.template import Template, TemplateVersion
from notify.operations.once import Once
from notify.operations.templates import VERSION_MAX, TemplateText, words_of
from notify.standards.personalisation import PLACEHOLDER
from notify.standards.sms_text import CHARACTERS_MAX, prepare
from notify.standards.statuses import Channel
from notify.standards.text_diff import Line, diff
from shared.transaction import Transaction

NAME_MAX = 255
SUBJECT_MAX = 2_000
BODY_MAX = 100_000
CONTACT_LINES_MAX = 10
POSTAGES = ("first", "second", "economy")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class TemplateChange:
    """New words for a template; None leaves a part as it is.  `version` is the one the editor saw, None not to ask."""

    name: str | None = None
    subject: str | None = None
    body: str | None = None
    postage: str | None = None
    contact_block: str | None = None
    has_unsubscribe_link: bool | None = None
    version: int | None = None


@dataclass(frozen=True)
class FieldDiff:
    """What changed in one part of a template."""

    field: str
    lines: list[Line]


def create_template(
    notify: Notify, service_id: uuid.UUID, words: TemplateText, *, actor: str, author: str = "", once: Once | None = None
) -> KnownTemplate:
    """Keep a new template as version 1; `author` is who is shown as its writer.  Raises: MessageNotValid with every fault."""
    check_words(words)
    now, template_id = notify.clock.now(), notify.ids.uuid4()
    row = {"id": template_id, "service_id": service_id, "channel": words.channel, "version": 1, "created_at": now}
    with notify.transaction() as tx:
        if once and (earlier := _claim(notify, tx, once, template_id, 1)):
            return earlier
        tx.connection.execute(insert(Template), row)
        _write_version(notify, tx, template_id, 1, words, actor=actor, author=author)
        made = find_template_version(tx.connection, service_id, template_id)
    return _kept(notify, made)


def edit_template(
    notify: Notify,
    service_id: uuid.UUID,
    template_id: uuid.UUID,
    change: TemplateChange,
    *,
    actor: str,
    author: str = "",
    once: Once | None = None,
) -> KnownTemplate:
    """Keep new words as a new version; words that are the same make none.

    Raises: NotificationNotFound, MessageNotValid, TemplateChanged when somebody else was faster or it is archived.
    """
    with notify.transaction() as tx:
        present = _locked(tx, service_id, template_id)
        if once and once.find(notify) and (earlier := _claim(notify, tx, once, template_id, present.version)):
            return earlier
        if present.archived:
            raise TemplateChanged("Template has been deleted")
        if change.version is not None and change.version != present.version:
            raise TemplateChanged(f"Template has been changed: it is at version {present.version}")
        before = words_of(present)
        given = {f.name: value for f in fields(change) if f.name != "version" and (value := getattr(change, f.name)) is not None}
        words = replace(before, **given)
        check_words(words)
        version, now = present.version + (words != before), notify.clock.now()
        if once and (earlier := _claim(notify, tx, once, template_id, version)):
            return earlier
        if words == before:
            return present
        tx.connection.execute(update(Template).where(Template.id == template_id).values(version=version, updated_at=now))
        _write_version(notify, tx, template_id, version, words, actor=actor, author=author)
        made = find_template_version(tx.connection, service_id, template_id)
    return _kept(notify, made)


def archive_template(notify: Notify, service_id: uuid.UUID, template_id: uuid.UUID, *, actor: str) -> None:
    """Take a template out of use; it stays readable.  Twice is as good as once.  Raises: NotificationNotFound."""
    with notify.transaction() as tx:
        if not _locked(tx, service_id, template_id).archived:
            tx.connection.execute(update(Template).where(Template.id == template_id).values(archived=True, updated_at=notify.clock.now()))
            tx.record(Event.TEMPLATE_ARCHIVED, actor=actor, object_id=str(template_id))
    notify.catalogue.forget()


def list_versions(notify: Notify, service_id: uuid.UUID, template_id: uuid.UUID) -> list[KnownTemplate]:
    """Give every version, newest first.  Raises: NotificationNotFound."""
    with notify.reading() as tx:
        found = find_template_versions(tx.connection, service_id, template_id)
    if not found:
        raise NotificationNotFound
    return found


def diff_versions(notify: Notify, service_id: uuid.UUID, template_id: uuid.UUID, older: int, newer: int) -> list[FieldDiff]:
    """Give what changed from one version to another, part by part; parts that are the same are left out.

    Raises: NotificationNotFound.
    """
    with notify.reading() as tx:
        both = [find_template_version(tx.connection, service_id, template_id, number) for number in (older, newer) if number <= VERSION_MAX]
    if len(both) != 2 or both[0] is None or both[1] is None:
        raise NotificationNotFound
    before, after = words_of(both[0]), words_of(both[1])
    parts = [(f.name, _text(getattr(before, f.name)), _text(getattr(after, f.name))) for f in fields(TemplateText) if f.name != "channel"]
    return [FieldDiff(name, diff(one, other)) for name, one, other in parts if one != other]


def check_words(words: TemplateText) -> None:
    """Raises: MessageNotValid with every fault of a template's words."""
    faults = [*_length("name", words.name, NAME_MAX), *_length("body", words.body, BODY_MAX)]
    if words.channel == Channel.SMS:
        faults += ["subject is not used in a text message"] if words.subject else []
        if len(prepare(PLACEHOLDER.sub("", words.body))) > CHARACTERS_MAX:
            faults.append(f"body is too long: text messages cannot be longer than {CHARACTERS_MAX} characters")
    else:
        faults += _length("subject", words.subject or "", SUBJECT_MAX)
        faults += ["subject must be one line"] if any(line in (words.subject or "").strip() for line in "\r\n") else []
    if words.channel == Channel.LETTER:
        if words.postage not in POSTAGES:
            faults.append("postage invalid. It must be either first, second or economy.")
        if len((words.contact_block or "").splitlines()) > CONTACT_LINES_MAX:
            faults.append(f"letter_contact_block has more than {CONTACT_LINES_MAX} lines")
    else:
        faults += [
            f"{name} is for letters only"
            for name, value in (("postage", words.postage), ("letter_contact_block", words.contact_block))
            if value
        ]
    if words.has_unsubscribe_link and words.channel != Channel.EMAIL:
        faults.append("has_unsubscribe_link is for emails only")
    texts = {"name": words.name, "subject": words.subject, "body": words.body, "letter_contact_block": words.contact_block}
    faults += [f"{name} must not contain control characters" for name, text in texts.items() if _CONTROL.search(text or "")]
    if faults:
        raise MessageNotValid(*faults)


def _length(name: str, text: str, most: int) -> list[str]:
    if not text.strip():
        return [f"{name} must not be empty"]
    return [f"{name} is too long: at most {most} characters"] if len(text) > most else []


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _claim(notify: Notify, tx: Transaction, once: Once, template_id: uuid.UUID, version: int) -> KnownTemplate | None:
    """Keep which version a request made; give what an earlier one with the same key made.  Raises: IdempotencyConflict."""
    earlier = once.claim(notify, tx.connection, {"id": str(template_id), "version": version})
    if earlier is None:
        return None
    return find_template_version(tx.connection, once.service_id, uuid.UUID(earlier["id"]), earlier["version"])


def _locked(tx: Transaction, service_id: uuid.UUID, template_id: uuid.UUID) -> KnownTemplate:
    own = select(Template.id).where(Template.id == template_id, Template.service_id == service_id)
    found = None
    if tx.connection.execute(own.with_for_update()).one_or_none():
        found = find_template_version(tx.connection, service_id, template_id)
    if found is None:
        raise NotificationNotFound
    return found


def _write_version(
    notify: Notify, tx: Transaction, template_id: uuid.UUID, version: int, words: TemplateText, *, actor: str, author: str
) -> None:
    parts = {f.name: getattr(words, f.name) for f in fields(words) if f.name != "channel"}
    about = {"template_id": template_id, "version": version, "created_by": (author or actor)[:200], "created_at": notify.clock.now()}
    tx.connection.execute(insert(TemplateVersion), about | parts)
    data = {"version": version, "channel": words.channel.value}
    tx.record(Event.TEMPLATE_SAVED, actor=actor, object_id=str(template_id), data=data)


def _kept(notify: Notify, made: KnownTemplate | None) -> KnownTemplate:
    notify.catalogue.forget()
    if made is None:  # written in the same transaction
        raise LookupError("a template without its version")
    return made
