"""What each channel makes of a claimed message on its way out."""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import insert, select

from notify.context import Notify
from notify.events import Event
from notify.models.base import scope_of
from notify.models.mailbox_message import MailboxMessage
from notify.operations.attachments import read_attachments
from notify.operations.delivery import Work
from notify.operations.letters import get_letter_file, letter_pages
from notify.operations.mail_reports import return_token
from notify.operations.mailbox_reminders import enqueue_reminder
from notify.operations.receipt_addresses import letter_event_url, receipt_url
from notify.operations.rendering import Content, banner_of, email_html, email_plain_text
from notify.operations.sms_parts import keep_parts
from notify.operations.unsubscribing import unsubscribe_link
from notify.providers.base import HandOver, Letter, MailboxItem, ProviderUnavailable, Text
from notify.standards.mailbox_proof import content_hash
from notify.standards.mime import Mail
from notify.standards.sms_text import fragments, with_prefix
from notify.standards.statuses import Status

PAUSED_WAIT_SECONDS = 3600.0
UNSUBSCRIBE_WORDS = "Dejar de recibir estos correos / Unsubscribe from these emails"


def send_email(notify: Notify, work: Work) -> HandOver:
    """Hand an email to the mail relay; while the service is paused it waits.  Raises: ProviderError."""
    message, service = work.message, work.service
    if service.mail_paused:
        raise ProviderUnavailable("the service is paused", retry_after_seconds=PAUSED_WAIT_SECONDS)
    content = work.content
    unsubscribe_url = message.unsubscribe_url
    if work.template.has_unsubscribe_link:
        hosted = unsubscribe_link(notify, message)
        content = Content(content.subject, f"{content.body}\n\n---\n\n[{UNSUBSCRIBE_WORDS}]({hosted})")
        unsubscribe_url = unsubscribe_url or hosted
    mail = Mail(
        reference=str(message.id),
        to=message.to,
        from_name=service.name,
        from_address=f"{service.email_local_part}@{notify.settings.email_domain}",
        subject=content.subject or "",
        plain_text=email_plain_text(content),
        html=email_html(content, banner_of(service, notify.settings.public_url)),
        reply_to=message.sender,
        bounce_address=notify.settings.bounce_address,
        return_token=return_token(notify, message.id),
        sent_at=notify.clock.now(),
        unsubscribe_url=unsubscribe_url,
        attachments=read_attachments(notify, service.id, message.id) if message.attachments else (),
    )
    return notify.email.send(mail)


def sms_body(work: Work) -> str:
    """Give a text as it goes out, with the service's name in front where the service wants it."""
    return with_prefix(work.content.body, work.service.name if work.service.prefix_sms else None)


def sms_fragments(work: Work) -> int:
    """Count what a network bills."""
    return fragments(sms_body(work))


def send_sms(notify: Notify, work: Work) -> HandOver:
    """Hand a text to the network.  Raises: ProviderError."""
    message = work.message
    sender = message.sender or notify.settings.default_sms_sender
    text = Text(str(message.id), message.matched, sender, sms_body(work), receipt_url(notify, message.id))
    done = notify.sms.send(text)
    if done.parts:
        keep_parts(notify, done.provider, done.parts, message.id)
    return done


def send_letter(notify: Notify, work: Work) -> HandOver:
    """Hand a rendered letter to its printer.  Raises: ProviderError."""
    message = work.message
    file = get_letter_file(notify, message.service_id, message.id)
    content = work.content
    subject, postage = content.subject or "", message.postage or "second"
    told = letter_event_url(notify, message.id)
    return notify.printer.send(Letter(str(message.id), message.service_id, message.to, subject, file.pdf, postage, message.provider, told))


def letter_sheets(notify: Notify) -> Callable[[Work], int]:
    """Give what counts the sheets of paper of a rendered letter."""

    def sheets(work: Work) -> int:
        with notify.reading() as tx:
            pages = letter_pages(tx.connection, work.message.id)
        return -(-pages // 2)

    return sheets


def send_mailbox(notify: Notify, work: Work) -> HandOver:
    """Put a message into the person's mailbox here, then tell the reader outside, where there is one.  Raises: ProviderError."""
    message, service = work.message, work.service
    content = work.content
    files = read_attachments(notify, service.id, message.id) if message.attachments else ()
    names = [file.filename for file in files]
    sealed = json.dumps({"subject": content.subject, "body": content.body, "from": service.name, "files": names})
    row: dict[str, Any] = {  # a row of the table
        "notification_id": message.id,
        "service_id": service.id,
        "person_index": notify.catalogue.index(message.matched),
        "sealed": notify.cipher.encrypt(sealed, scope=scope_of(service.id)),
        "created_at": notify.clock.now(),
        "content_sha256": content_hash(service.name, content.subject or "", content.body, [file.content for file in files]),
    }
    with notify.transaction() as tx:
        # Another try, because the reader outside was away, places nothing and says nothing in the log.
        placed = select(MailboxMessage.notification_id).where(MailboxMessage.notification_id == message.id)
        if tx.connection.execute(placed).first() is None:
            data: dict[str, str | int | bool | list[str]] = {"content_sha256": row["content_sha256"]}
            proof = tx.record(Event.MAILBOX_PLACED, actor="notify", object_id=str(message.id), channel="job", data=data)
            row["placed_entry"] = proof.entry_id
            tx.connection.execute(insert(MailboxMessage).values(row))
            enqueue_reminder(notify, tx, message.id, row["person_index"])
    if notify.mailbox is not None:
        notify.mailbox.send(MailboxItem(str(message.id), message.to, service.name, content.subject or "", content.body))
    return HandOver("mailbox", str(message.id), Status.DELIVERED)
