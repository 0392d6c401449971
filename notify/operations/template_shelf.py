"""Templates as a team keeps them: in folders.  Spec: notify-api §20."""

import uuid
from dataclasses import dataclass

from sqlalchemy import select, update

from notify.context import Notify
from notify.events import Event
from notify.models.catalogue import KnownTemplate, find_template_version, list_templates
from notify.models.team import Member
from notify.models.template import Template
from shared.problems import NotFound
from shared.web import gettext_noop

FOLDER_CHARACTERS_MAX = 80


@dataclass(frozen=True)
class Shelved:
    """A template and the folder it stands in; the empty name is no folder."""

    template: KnownTemplate
    folder: str


def list_shelf(notify: Notify, service_id: uuid.UUID) -> list[Shelved]:
    """Give a service's live templates, by folder and name."""
    with notify.reading() as tx:
        named = select(Template.id, Template.folder).where(Template.service_id == service_id)
        folders = {row.id: row.folder for row in tx.connection.execute(named)}
        found = [Shelved(template, folders[template.id]) for template in list_templates(tx.connection, service_id)]
    return sorted(found, key=lambda shelved: (shelved.folder.casefold(), shelved.template.name.casefold()))


def take_template(notify: Notify, service_id: uuid.UUID, template_id: uuid.UUID, version: int | None = None) -> Shelved:
    """Give one template of a service, the present version unless named.  Raises: NotFound."""
    with notify.reading() as tx:
        template = find_template_version(tx.connection, service_id, template_id, version)
        folder = tx.connection.execute(select(Template.folder).where(Template.id == template_id)).scalar_one_or_none()
    if template is None or folder is None:
        raise NotFound(gettext_noop("There is no such template."))
    return Shelved(template, folder)


def set_urgent(notify: Notify, member: Member, service_id: uuid.UUID, template_id: uuid.UUID, *, urgent: bool) -> None:
    """Let a template's messages go ahead of others, or no longer.  Raises: NotFound."""
    own = (Template.id == template_id) & (Template.service_id == service_id)
    with notify.transaction() as tx:
        if not tx.connection.execute(update(Template).where(own).values(urgent=urgent)).rowcount:
            raise NotFound(gettext_noop("There is no such template."))
        tx.record(Event.TEMPLATE_URGENCY, actor=member.actor, object_id=str(template_id), channel="console", data={"urgent": urgent})
    notify.catalogue.forget()


def put_in_folder(notify: Notify, member: Member, service_id: uuid.UUID, template_id: uuid.UUID, folder: str) -> None:
    """Move a template to a folder; the empty name takes it out.  Raises: NotFound."""
    own = (Template.id == template_id) & (Template.service_id == service_id)
    with notify.transaction() as tx:
        if not tx.connection.execute(update(Template).where(own).values(folder=folder.strip()[:FOLDER_CHARACTERS_MAX])).rowcount:
            raise NotFound(gettext_noop("There is no such template."))
        tx.record(Event.TEMPLATE_MOVED, actor=member.actor, object_id=str(template_id), channel="console")
