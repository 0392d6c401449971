"""Reminders of what waits unread in a mailbox, by e-mail or text as the person wants.  Spec: requirements NO-13."""

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import escape
from typing import Any

import structlog
from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.events import Event
from notify.models.base import scope_of
from notify.models.mailbox_message import MailboxMessage
from notify.models.mailbox_reminder import SCOPE, MailboxReminder
from notify.operations.mail_reports import return_token
from notify.operations.mailbox import indexes, subject_of
from notify.operations.preferences import preference_of
from notify.operations.reminder_reports import JOB, note_returned
from notify.providers.base import ProviderRefused, ProviderUnavailable, RecipientRefused, Text
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.mime import Mail
from notify.standards.phone_number import InvalidPhoneNumber, phone_number
from notify.standards.sms_text import prepare
from shared.auth import Caller
from shared.problems import InvalidRequest
from shared.tasks import RetryLater
from shared.transaction import Transaction
from shared.web import gettext, languages, speaking

log = structlog.get_logger("andamio.notify.mailbox_reminders")
DAYS_MAX = 30
RETRY_SECONDS = 300


@dataclass(frozen=True)
class Wish:
    """How somebody wants to be reminded: by `email` or `sms`, after how many days unread, in which language.

    `returned_at` is since when e-mails to the address come back.
    """

    channel: str
    to: str = field(repr=False)
    after_days: int = 1
    language: str = "es"
    returned_at: datetime | None = None


def find_wish(notify: Notify, caller: Caller) -> Wish | None:
    """Give what a person wished, or None."""
    wanted = select(MailboxReminder.__table__).where(MailboxReminder.person_index.in_(indexes(notify, caller)))
    with notify.reading() as tx:
        rows = tx.connection.execute(wanted.order_by(MailboxReminder.changed_at.desc())).all()
    if not rows:
        return None
    # Under each of her names: mail that came back is noted with the one that the message had.
    returned = [row.returned_at for row in rows if row.changed_at == rows[0].changed_at and row.returned_at is not None]
    return replace(_open(notify, rows[0]), returned_at=min(returned, default=None))


def keep_wish(notify: Notify, caller: Caller, wish: Wish) -> None:
    """Keep how a person wants to be reminded.  Raises: InvalidRequest."""
    try:
        region = notify.local_rules.number_region
        to = email_address(wish.to) if wish.channel == "email" else phone_number(wish.to, region).e164
    except (InvalidEmailAddress, InvalidPhoneNumber) as fault:
        raise InvalidRequest(str(fault)) from None
    if wish.channel not in {"email", "sms"} or not 0 <= wish.after_days <= DAYS_MAX or wish.language not in languages():
        raise InvalidRequest(f"channel is email or sms, after_days is 0 to {DAYS_MAX}, language is one of {', '.join(languages())}.")
    changed = {
        "sealed": notify.cipher.encrypt(json.dumps({"to": to, "language": wish.language}), scope=SCOPE),
        "channel": wish.channel,
        "after_days": wish.after_days,
        "changed_at": notify.clock.now(),
        "returned_at": None,
    }
    with notify.transaction() as tx:
        for index in indexes(notify, caller):
            row = insert(MailboxReminder).values(person_index=index, **changed)
            tx.connection.execute(row.on_conflict_do_update(index_elements=["person_index"], set_=changed))
        tx.record(Event.REMINDER_SET, actor=f"client:{caller.client_id}", subject=subject_of(caller), data={"channel": wish.channel})


def forget_wish(notify: Notify, caller: Caller) -> None:
    """End reminders of a person; again is harmless."""
    with notify.transaction() as tx:
        done = tx.connection.execute(delete(MailboxReminder).where(MailboxReminder.person_index.in_(indexes(notify, caller))))
        if done.rowcount:
            tx.record(Event.REMINDER_ENDED, actor=f"client:{caller.client_id}", subject=subject_of(caller))


def enqueue_reminder(notify: Notify, tx: Transaction, message_id: uuid.UUID, person_index: bytes) -> None:
    """Leave a reminder of a message for when it will have been unread too long, if the person wants any."""
    wanted = select(MailboxReminder.after_days).where(MailboxReminder.person_index == person_index)
    days = tx.connection.execute(wanted).scalar_one_or_none()
    if days is not None:
        tx.enqueue(JOB, {"notification_id": str(message_id)}, due_at=notify.clock.now() + timedelta(days=days))


def remind(notify: Notify, message_id: uuid.UUID) -> bool:
    """Remind a person of one message that is still unread; false when there is nothing (more) to say.  Raises: RetryLater."""
    table = MailboxMessage
    with notify.reading() as tx:
        message = tx.connection.execute(select(table.__table__).where(table.notification_id == message_id)).one_or_none()
        if message is None or message.read_at is not None or message.reminded_at is not None:
            return False
        wanted = select(MailboxReminder.__table__).where(MailboxReminder.person_index == message.person_index)
        row = tx.connection.execute(wanted).one_or_none()
        usual = preference_of(notify, tx.connection, [message.person_index])
    if row is None:
        return False
    sender = json.loads(notify.cipher.decrypt(message.sealed, scope=scope_of(message.service_id)))["from"]
    for way in _ways(message, _open(notify, row), usual.phone if usual else ""):
        try:
            _tell(notify, message_id, way, sender)
        except ProviderUnavailable as away:
            raise RetryLater(RETRY_SECONDS, str(away)) from None
        except (RecipientRefused, ProviderRefused) as refused:
            log.warning("reminder refused", message=str(message_id), by=way.channel, error=type(refused).__name__)
            if way.channel == "email" and isinstance(refused, RecipientRefused):
                with notify.transaction() as tx:
                    note_returned(notify, tx, message)
            continue
        _note_reminded(notify, message_id, way.channel)
        return True
    return False  # the message waits unread, as before


def _ways(message: Row[Any], wish: Wish, phone: str) -> list[Wish]:
    """Give how the person can be reminded, the way she wished first: after an e-mail that came back, by text where her number is known."""
    if wish.channel == "sms":
        return [wish]
    first = [] if wish.returned_at or message.reminded_by == "email" else [wish]
    return [*first, replace(wish, channel="sms", to=phone.removeprefix("+"))] if phone else first


def _note_reminded(notify: Notify, message_id: uuid.UUID, channel: str) -> None:
    table = MailboxMessage
    unsaid = (table.notification_id == message_id) & table.reminded_at.is_(None)
    with notify.transaction() as tx:
        if tx.connection.execute(update(table).where(unsaid).values(reminded_at=notify.clock.now(), reminded_by=channel)).rowcount:
            tx.record(Event.REMINDED, actor="notify", object_id=str(message_id), channel="job", data={"channel": channel})


def _tell(notify: Notify, message_id: uuid.UUID, wish: Wish, sender: str) -> None:
    """Say that something waits, and nothing of what it says; the reference is the message's own, so that a repeat is known."""
    reference = str(uuid.uuid5(message_id, "reminder"))
    where = notify.settings.mailbox_portal_url or f"{notify.settings.public_url}/mailbox"
    with speaking(wish.language):
        subject = gettext("You have a message from %(sender)s", sender=sender)
        body = gettext(
            "You have a message from %(sender)s that you have not opened. It waits in your mailbox: %(url)s", sender=sender, url=where
        )
    if wish.channel == "sms":
        notify.sms.send(Text(reference, wish.to, notify.settings.default_sms_sender, prepare(body)))
        return
    mail = Mail(
        reference=reference,
        to=wish.to,
        from_name=notify.settings.operator_name,
        from_address=f"mailbox@{notify.settings.email_domain}",
        subject=subject,
        plain_text=body,
        html=f"<p>{escape(body)}</p>",
        sent_at=notify.clock.now(),
        bounce_address=notify.settings.bounce_address,
        return_token=return_token(notify, message_id),
    )
    notify.email.send(mail)


def _open(notify: Notify, row: Row[Any]) -> Wish:
    contact = json.loads(notify.cipher.decrypt(row.sealed, scope=SCOPE))
    return Wish(row.channel, contact["to"], row.after_days, contact["language"], row.returned_at)
