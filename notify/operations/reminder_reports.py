"""Reminders of the mailbox that came back: the person's next way is taken, and the address is not used until she says it again.

Such an e-mail carries the token of the mailbox message that it is about, which proves that a relay of ours had it.
"""

import json
from typing import Any

from sqlalchemy import Row, select, update

from notify.context import Notify
from notify.events import Event
from notify.models.mailbox_message import MailboxMessage
from notify.models.mailbox_reminder import SCOPE, MailboxReminder
from notify.operations.receipts import Applied
from notify.standards.email_address import matched_form
from notify.standards.mail_reports import Kind, MailReport
from shared.transaction import Transaction

JOB = "remind_mailbox"


def apply_to_reminder(notify: Notify, tx: Transaction, report: MailReport) -> Applied | None:
    """Apply a report about a reminder; None where it proves to be about none."""
    token, relays = report.token, [route.name for route in notify.email_routes]
    if token is None or token.relay_among(notify.return_key, relays) is None:
        return None
    table = MailboxMessage
    wanted = select(table.__table__).where(table.notification_id == report.notification_id).with_for_update()
    message = tx.connection.execute(wanted).one_or_none()
    if message is None:
        return None
    is_useless = report.kind is Kind.COMPLAINT or (report.kind is Kind.FAILED and report.is_about_the_address)
    noted = is_useless and _is_of_the_wish(notify, tx, message, report) and note_returned(notify, tx, message)
    goes_on = report.kind is Kind.FAILED and report.is_permanent and message.reminded_at is not None and message.reminded_by == "email"
    if goes_on:
        tx.connection.execute(update(table).where(table.notification_id == message.notification_id).values(reminded_at=None))
        tx.enqueue(JOB, {"notification_id": str(message.notification_id)})
    return Applied.CHANGED if noted or goes_on else Applied.REPEATED


def note_returned(notify: Notify, tx: Transaction, message: Row[Any]) -> bool:
    """Note that the address of who has a message is of no use; false where it was noted before."""
    wish = MailboxReminder
    own = (wish.person_index == message.person_index) & (wish.channel == "email") & wish.returned_at.is_(None)
    noted = bool(tx.connection.execute(update(wish).where(own).values(returned_at=notify.clock.now())).rowcount)
    if noted:
        tx.record(Event.REMINDER_RETURNED, actor="notify", object_id=str(message.notification_id), channel="receipt")
    return noted


def _is_of_the_wish(notify: Notify, tx: Transaction, message: Row[Any], report: MailReport) -> bool:
    """Tell whether a report is about the address that the person has now; one that names none, if it was said before the reminder."""
    wish = tx.connection.execute(
        select(MailboxReminder.__table__).where(MailboxReminder.person_index == message.person_index)
    ).one_or_none()
    if wish is None:
        return False
    if report.address:
        return report.address == matched_form(json.loads(notify.cipher.decrypt(wish.sealed, scope=SCOPE))["to"])
    return message.reminded_at is not None and bool(wish.changed_at <= message.reminded_at)
