"""Templates: read, preview, save.  Spec: notify-api §6."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from notify.context import Notify
from notify.errors import MessageRefused, NotificationNotFound
from notify.events import Event
from notify.models.catalogue import KnownTemplate, find_template_version
from notify.models.catalogue import list_templates as find_templates
from notify.models.template import Template, TemplateVersion
from notify.operations.authentication import Holder
from notify.operations.checks import check_values
from notify.operations.rendering import Content, banner_of, compose, email_html
from notify.standards.statuses import Channel

VERSION_MAX = 2**31 - 1


@dataclass(frozen=True)
class Preview:
    """A filled template that is not sent; `html` for emails only."""

    template: KnownTemplate
    content: Content
    html: str | None


@dataclass(frozen=True, kw_only=True)
class TemplateText:
    """The words of a template as somebody wrote them."""

    channel: Channel
    name: str
    body: str
    subject: str | None = None
    postage: str | None = None
    contact_block: str | None = None
    has_unsubscribe_link: bool = False


def words_of(template: KnownTemplate) -> TemplateText:
    """Give the words of a version."""
    return TemplateText(
        channel=Channel(template.channel),
        name=template.name,
        body=template.body,
        subject=template.subject,
        postage=template.postage,
        contact_block=template.contact_block,
        has_unsubscribe_link=template.has_unsubscribe_link,
    )


def get_template(notify: Notify, holder: Holder, template_id: uuid.UUID, version: int | None = None) -> KnownTemplate:
    """Give one version of a service's own template, archived or not.  Raises: NotificationNotFound."""
    with notify.reading() as tx:
        found = None if version and version > VERSION_MAX else find_template_version(tx.connection, holder.service.id, template_id, version)
    if found is None:
        raise NotificationNotFound
    return found


def list_templates(notify: Notify, holder: Holder, channel: str | None) -> list[KnownTemplate]:
    """Give the present versions of a service's live templates by name."""
    with notify.reading() as tx:
        return find_templates(tx.connection, holder.service.id, channel)


def has_template(notify: Notify, template_id: uuid.UUID) -> bool:
    """Tell whether a template of this id was ever saved."""
    with notify.reading() as tx:
        return tx.connection.execute(select(Template.id).where(Template.id == template_id)).one_or_none() is not None


def preview(notify: Notify, holder: Holder, template_id: uuid.UUID, values: Mapping[str, object]) -> Preview:
    """Fill a template without sending.  Raises: NotificationNotFound, MessageRefused."""
    template = get_template(notify, holder, template_id)
    values = holder.service.rules.written(values)
    check_values(template, values)
    content = compose(template, values)
    return Preview(
        template,
        content,
        email_html(content, banner_of(holder.service, notify.settings.public_url)) if template.channel == Channel.EMAIL else None,
    )


def save_template(notify: Notify, service_id: uuid.UUID, template_id: uuid.UUID, words: TemplateText, *, actor: str) -> int:
    """Keep a template's words, as a new version where they changed; return the version that stands.

    Raises: MessageRefused for the channel of another version.
    """
    now = notify.clock.now()
    facts = {
        "name": words.name,
        "subject": words.subject,
        "body": words.body,
        "postage": words.postage,
        "contact_block": words.contact_block,
        "has_unsubscribe_link": words.has_unsubscribe_link,
    }
    with notify.transaction() as tx:
        row = tx.connection.execute(select(Template.__table__).where(Template.id == template_id).with_for_update()).one_or_none()
        if row is None:
            version = 1
            made = {
                "id": template_id,
                "service_id": service_id,
                "channel": words.channel,
                "version": 1,
                "archived": False,
                "created_at": now,
            }
            tx.connection.execute(insert(Template), made)
        else:
            if row.channel != words.channel or row.service_id != service_id:
                raise MessageRefused("A template keeps its channel and its service")
            present = tx.connection.execute(
                select(TemplateVersion.__table__).where(TemplateVersion.template_id == template_id, TemplateVersion.version == row.version)
            ).one()
            if all(getattr(present, name) == value for name, value in facts.items()):
                return int(row.version)
            version = row.version + 1
            tx.connection.execute(update(Template).where(Template.id == template_id).values(version=version, updated_at=now))
        written = {"template_id": template_id, "version": version, "created_by": actor, "created_at": now, **facts}
        tx.connection.execute(insert(TemplateVersion), written)
        tx.record(Event.TEMPLATE_SAVED, actor=actor, object_id=str(template_id), data={"version": version, "channel": words.channel.value})
    return version
