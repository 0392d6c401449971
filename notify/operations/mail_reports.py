"""Bounces and complaints: the message gets its outcome, the address its place on the list, the log its row.

Reports come from the receiver's side, by way of strangers.  What an e-mail carried back (standards/return_token.py) names the relay that
had it: a bounce counts only from the relay that took the message, a complaint from any that had it, and what proves nothing counts for
messages alone that the release before sent without a token.
"""

import uuid
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Row

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.models.messages import Message
from notify.models.suppression import Reason
from notify.operations.callbacks import COMPLAINT, News, enqueue_event
from notify.operations.receipts import Applied, apply_receipt
from notify.operations.reminder_reports import apply_to_reminder
from notify.operations.standing import note_trouble
from notify.operations.suppressions import suppress
from notify.standards.mail_reports import Kind, MailReport, read_mail_reports
from notify.standards.return_token import find_token, make_token
from notify.standards.statuses import Channel, Status
from notify.standards.wire_time import wire_time
from shared.transaction import Transaction

PROVIDER = "mail-report"
"""Who says what an unproven report says, and by which name the mail system that hands reports over has its secret."""
log = structlog.get_logger("andamio.notify.mail_reports")


def return_token(notify: Notify, notification_id: uuid.UUID) -> Callable[[str], str]:
    """Give, by relay, the token by which reports about one message prove that this relay had it."""
    return lambda relay: make_token(notify.return_key, notification_id, relay)


def take_mail_report(notify: Notify, raw: bytes) -> list[Applied]:
    """Apply what a message reports.  Raises: NotAReport."""
    return [_apply(notify, report) for report in read_mail_reports(raw)]


def _apply(notify: Notify, report: MailReport) -> Applied:
    with notify.transaction() as tx:
        row = messages.find_row(tx.connection, report.notification_id)
        if row is None or row.channel == Channel.MAILBOX:
            reminded = apply_to_reminder(notify, tx, report)
            if reminded is not None:
                return reminded
        if row is None:
            return Applied.UNKNOWN
        relay = _relay_of(notify, row, report)
        if relay is None:
            log.warning("report that is not the relay's that took the message", notification=str(row.id), channel=row.channel)
            tx.record(Event.RECEIPT_REFUSED, actor=f"provider:{PROVIDER}", outcome="refused", object_id=str(row.id), channel="receipt")
            return Applied.UNKNOWN
        is_new = remember(notify, tx, messages.open_row(row, notify.cipher), report, actor=f"provider:{relay}")
    if report.kind is Kind.COMPLAINT:
        return Applied.CHANGED if is_new else Applied.REPEATED
    failed = Status.PERMANENT_FAILURE if report.is_permanent else Status.TEMPORARY_FAILURE
    word = Status.DELIVERED if report.kind is Kind.DELIVERED else failed
    return apply_receipt(notify, row.id, word.value, provider=relay, channel=Channel.EMAIL if report.token else None)


def _relay_of(notify: Notify, row: Row[Any], report: MailReport) -> str | None:
    """Give the relay in whose name a report counts, None where it is forged, another's, or of what never left by mail."""
    if row.channel != Channel.EMAIL or not messages.may_have_left(row):
        return None
    if report.token is None:
        return PROVIDER if row.provider is not None and find_token(row.provider_reference or "") is None else None
    known = dict.fromkeys((*(route.name for route in notify.email_routes), *([row.provider] if row.provider else [])))
    relay = report.token.relay_among(notify.return_key, known)
    is_takers = row.provider in {None, relay}  # while nobody's yes is written down, the outcome waits and the rest is true
    return relay if is_takers or report.kind is Kind.COMPLAINT else None


def remember(notify: Notify, tx: Transaction, message: Message, report: MailReport, *, actor: str) -> bool:
    """Put the address on the list where the report says that it is of no use, or not wanted; false when that was said before."""
    reason, is_new = _reason(report), True
    of_ours = not report.address or report.address == message.matched
    if reason and (of_ours or reason is Reason.COMPLAINT):
        is_new = note_trouble(notify, tx, message.service_id, message.id, reason)
    if reason and of_ours and suppress(notify, tx, message.service_id, message.matched, reason, detail=report.status, message=message.id):
        data: dict[str, str | int | bool | list[str]] = {"reason": reason.value, "status": report.status, "message": str(message.id)}
        tx.record(Event.SUPPRESSED, actor=actor, object_id=str(message.service_id), channel="receipt", data=data)
    if report.kind is Kind.COMPLAINT and is_new:
        told = {
            "notification_id": str(message.id),
            "complaint_id": str(notify.ids.uuid7()),
            "reference": message.reference,
            "to": message.to,
            "complaint_date": wire_time(notify.clock.now()),
        }
        enqueue_event(notify, tx, News(message.service_id, COMPLAINT, message.id, told))
        tx.record(Event.COMPLAINED, actor=actor, object_id=str(message.id), channel="receipt")
    return is_new


def _reason(report: MailReport) -> Reason | None:
    if report.kind is Kind.COMPLAINT:
        return Reason.COMPLAINT
    return Reason.BOUNCE if report.kind is Kind.FAILED and report.is_about_the_address else None
