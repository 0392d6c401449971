"""What a team sets for its service: keys, senders, guests, callback, branding.  Spec: notify-api §12, §15, §18, §20."""

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select, update

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models.base import scope_of
from notify.models.notification import Notification
from notify.models.service import PERMISSIONS, ApiKey, GuestListEntry, Sender, Service
from notify.models.team import Member
from notify.models.template import Template
from notify.operations.received_texts import digits, numbers_of
from notify.operations.services import NewKey, add_sender, create_api_key
from notify.operations.teams import CONSOLE_KEY
from notify.standards.email_address import InvalidEmailAddress, email_address, local_part
from notify.standards.local_rules import ADDRESS_SCHEMES, NUMBER_REGIONS, LocalRules
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.web import gettext_noop

GUESTS_MAX = 5
LOCAL_PART_CHARACTERS_MAX = 64
RETENTION_DAYS_MIN, RETENTION_DAYS_MAX = 3, 90
NAME_CHARACTERS_MAX = 100
_SMS_SENDER = re.compile(r"(?!00)(?=.*[A-Za-z0-9])[A-Za-z0-9&.\-_ ]{3,11}")
_LETTER_LINES_MAX = 10


@dataclass(frozen=True)
class KeyLine:
    """A key as it is listed; its secret is not shown again."""

    id: uuid.UUID
    name: str
    kind: str
    created_by: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class SenderLine:
    """A sender as it is listed."""

    id: uuid.UUID
    channel: str
    value: str
    is_default: bool


def list_keys(notify: Notify, service_id: uuid.UUID) -> list[KeyLine]:
    """Give the keys of a service, newest first, without the one that stands for the console."""
    table = ApiKey
    wanted = select(table.id, table.name, table.kind, table.created_by, table.created_at, table.revoked_at).where(
        table.service_id == service_id, table.id != uuid.uuid5(service_id, CONSOLE_KEY)
    )
    with notify.reading() as tx:
        return [KeyLine(**row._mapping) for row in tx.connection.execute(wanted.order_by(table.created_at.desc(), table.id))]


def make_key(notify: Notify, member: Member, service_id: uuid.UUID, *, name: str, kind: str) -> NewKey:
    """Make a key.  Raises: MessageRefused for a name that a live key has, or a live key on trial."""
    if not name or len(name) > NAME_CHARACTERS_MAX:
        raise MessageRefused(gettext_noop("Give the key a name that tells what it is for."))
    if kind not in {"normal", "team", "test"}:
        raise MessageRefused(gettext_noop("Choose what the key may do."))
    if any(key.name == name and key.revoked_at is None for key in list_keys(notify, service_id)):
        raise MessageRefused(gettext_noop("Another key has this name."))
    return create_api_key(notify, service_id, name=name, kind=kind, actor=member.actor)


def revoke_key(notify: Notify, member: Member, service_id: uuid.UUID, key_id: uuid.UUID) -> None:
    """End a key; again is harmless.  Raises: NotFound."""
    own = (ApiKey.id == key_id) & (ApiKey.service_id == service_id)
    with notify.transaction() as tx:
        if tx.connection.execute(select(ApiKey.id).where(own)).one_or_none() is None:
            raise NotFound(gettext_noop("There is no such key."))
        changed = tx.connection.execute(
            update(ApiKey).where(own, ApiKey.revoked_at.is_(None)).values(revoked_at=notify.clock.now())
        ).rowcount
        if changed:
            tx.record(
                Event.API_KEY_REVOKED, actor=member.actor, object_id=str(key_id), channel="console", data={"service": str(service_id)}
            )
    notify.catalogue.forget()


def list_senders(notify: Notify, service_id: uuid.UUID) -> list[SenderLine]:
    """Give the senders of a service that are in use, by channel."""
    table = Sender
    wanted = select(table.id, table.channel, table.value, table.is_default).where(table.service_id == service_id, table.archived.is_(False))
    with notify.reading() as tx:
        return [SenderLine(**row._mapping) for row in tx.connection.execute(wanted.order_by(table.channel, table.created_at, table.id))]


def choosable_senders(notify: Notify, service_id: uuid.UUID, channel: str) -> list[SenderLine]:
    """Give the senders between which a person can choose for a message, the default first; none where there is no choice."""
    own = [sender for sender in list_senders(notify, service_id) if sender.channel == channel]
    return sorted(own, key=lambda sender: not sender.is_default) if channel in {Channel.EMAIL, Channel.SMS} and len(own) > 1 else []


def new_sender(notify: Notify, member: Member, service_id: uuid.UUID, *, channel: str, value: str, is_default: bool) -> uuid.UUID:
    """Add a sender; the first of a channel is its default.  Raises: MessageRefused."""
    value = value.strip()
    if channel == "email":
        try:
            email_address(value)
        except InvalidEmailAddress as fault:
            raise MessageRefused(str(fault)) from None
    elif channel == "sms" and not _SMS_SENDER.fullmatch(value) and (value := digits(value)) not in numbers_of(notify, service_id):
        raise MessageRefused(gettext_noop("A sender of texts has 3 to 11 letters or digits and does not begin with 00."))
    elif channel == "letter" and not 1 <= len(value.splitlines()) <= _LETTER_LINES_MAX:
        raise MessageRefused(gettext_noop("The address of a sender has at most 10 lines."))
    elif channel not in {"email", "sms", "letter"}:
        raise MessageRefused(gettext_noop("Choose the channel."))
    sender_id = notify.ids.uuid4()
    first = not any(sender.channel == channel for sender in list_senders(notify, service_id))
    add_sender(notify, service_id, sender_id, channel=channel, value=value, is_default=False)
    if is_default or first:
        set_default(notify, member, service_id, sender_id)
    return sender_id


def set_default(notify: Notify, member: Member, service_id: uuid.UUID, sender_id: uuid.UUID) -> None:
    """Make a sender the one that is used where none is chosen.  Raises: NotFound."""
    with notify.transaction() as tx:
        own = (Sender.id == sender_id) & (Sender.service_id == service_id) & Sender.archived.is_(False)
        channel = tx.connection.execute(select(Sender.channel).where(own)).scalar_one_or_none()
        if channel is None:
            raise NotFound(gettext_noop("There is no such sender."))
        siblings = (Sender.service_id == service_id) & (Sender.channel == channel)
        tx.connection.execute(update(Sender).where(siblings).values(is_default=Sender.id == sender_id))
        tx.record(Event.SENDER_CHANGED, actor=member.actor, object_id=str(sender_id), channel="console", data={"default": True})
    notify.catalogue.forget()


def archive_sender(notify: Notify, member: Member, service_id: uuid.UUID, sender_id: uuid.UUID) -> None:
    """Take a sender out of use.  Raises: NotFound, MessageRefused for the default one."""
    with notify.transaction() as tx:
        own = (Sender.id == sender_id) & (Sender.service_id == service_id) & Sender.archived.is_(False)
        is_default = tx.connection.execute(select(Sender.is_default).where(own).with_for_update()).scalar_one_or_none()
        if is_default is None:
            raise NotFound(gettext_noop("There is no such sender."))
        if is_default:
            raise MessageRefused(gettext_noop("Make another sender the default first."))
        tx.connection.execute(update(Sender).where(own).values(archived=True))
        tx.record(Event.SENDER_CHANGED, actor=member.actor, object_id=str(sender_id), channel="console", data={"archived": True})
    notify.catalogue.forget()


def list_guests(notify: Notify, service_id: uuid.UUID) -> list[str]:
    """Give the guests as they were written."""
    wanted = select(GuestListEntry.recipient_sealed).where(GuestListEntry.service_id == service_id, GuestListEntry.is_team.is_(False))
    with notify.reading() as tx:
        rows = tx.connection.execute(wanted.order_by(GuestListEntry.created_at, GuestListEntry.id)).scalars().all()
    return [notify.cipher.decrypt(sealed, scope=scope_of(service_id)) for sealed in rows]


def check_guests(recipients: Sequence[str]) -> None:
    """Raises: MessageRefused for more guests than the list holds: five e-mail addresses and five of the others."""
    emails = sum("@" in recipient for recipient in recipients)
    if emails > GUESTS_MAX or len(recipients) - emails > GUESTS_MAX:
        raise MessageRefused(gettext_noop("The list holds five e-mail addresses and five numbers."))


def rename(
    notify: Notify, member: Member, service_id: uuid.UUID, *, name: str, prefix_sms: bool, rules: LocalRules, mail_name: str | None = None
) -> None:
    """Change what people know the service by, whether texts begin with it, and how its numbers and addresses are read.

    `mail_name` is what stands before the @ of its e-mails, or a name of which that is made; None leaves it.  Raises: MessageRefused.
    """
    if rules.number_region not in NUMBER_REGIONS or rules.address_scheme not in ADDRESS_SCHEMES:
        raise MessageRefused(gettext_noop("Choose the country of numbers and addresses."))
    if not name.strip() or len(name) > 255:
        raise MessageRefused(gettext_noop("Write the name that people know the service by."))
    with notify.transaction() as tx:
        changed = {"name": name.strip(), "prefix_sms": prefix_sms, **asdict(rules)}
        if mail_name is not None:
            changed["email_local_part"] = local_part(mail_name.strip() or name)[:LOCAL_PART_CHARACTERS_MAX].rstrip(".")
        tx.connection.execute(update(Service).where(Service.id == service_id).values(changed))
        told: dict[str, str | int | bool | list[str]] = {"prefix_sms": prefix_sms, **asdict(rules)}
        tx.record(Event.SERVICE_CHANGED, actor=member.actor, object_id=str(service_id), channel="console", data=told)
    notify.catalogue.forget()


def set_permissions(notify: Notify, member: Member, service_id: uuid.UUID, wanted: Collection[str]) -> None:
    """Say what a service may send and where to.  Raises: MessageRefused for no channel, or what there is not."""
    if not set(wanted) <= set(PERMISSIONS) or not set(wanted) & set(Channel):
        raise MessageRefused(gettext_noop("Choose at least one way in which this service writes to people."))
    allowed = [permission for permission in PERMISSIONS if permission in wanted]
    with notify.transaction() as tx:
        tx.connection.execute(update(Service).where(Service.id == service_id).values(permissions=allowed))
        told: dict[str, str | int | bool | list[str]] = {"permissions": allowed}
        tx.record(Event.SERVICE_CHANGED, actor=member.actor, object_id=str(service_id), channel="console", data=told)
    notify.catalogue.forget()


def set_retention(notify: Notify, member: Member, service_id: uuid.UUID, days: Mapping[str, int]) -> None:
    """Say for how many days messages of each channel are kept.  Raises: MessageRefused that names no channel: the caller has the fields."""
    if set(days) != set(Channel) or not all(RETENTION_DAYS_MIN <= number <= RETENTION_DAYS_MAX for number in days.values()):
        raise MessageRefused(gettext_noop("Messages are kept for 3 to 90 days."))
    with notify.transaction() as tx:
        tx.connection.execute(update(Service).where(Service.id == service_id).values(retention=dict(days)))
        told: dict[str, str | int | bool | list[str]] = {f"days_{channel}": number for channel, number in days.items()}
        tx.record(Event.SERVICE_CHANGED, actor=member.actor, object_id=str(service_id), channel="console", data=told)
    notify.catalogue.forget()


def go_live(notify: Notify, member: Member, service_id: uuid.UUID, *, live: bool) -> None:
    """Take a service off trial, or put it back; the operator alone does."""
    with notify.transaction() as tx:
        tx.connection.execute(update(Service).where(Service.id == service_id).values(restricted=not live))
        tx.record(Event.SERVICE_CHANGED, actor=member.actor, object_id=str(service_id), channel="console", data={"live": live})
    notify.catalogue.forget()


def checklist(notify: Notify, service_id: uuid.UUID) -> dict[str, bool]:
    """Tell what is there of what a service needs before it goes live: a template, a reply address, a message that was tried."""
    with notify.reading() as tx:
        template = tx.connection.execute(select(Template.id).where(Template.service_id == service_id).limit(1)).first()
        message = tx.connection.execute(select(Notification.id).where(Notification.service_id == service_id).limit(1)).first()
    has_reply = any(sender.channel == "email" for sender in list_senders(notify, service_id))
    return {"template": template is not None, "sender": has_reply, "tried": message is not None}
