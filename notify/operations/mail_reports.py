"""Bounces and complaints: the message gets its outcome, the address its place on the list, the log its row."""

import uuid

import structlog

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.models.suppression import Reason
from notify.operations.callbacks import COMPLAINT, News, enqueue_event
from notify.operations.receipts import Applied, apply_receipt
from notify.operations.standing import note_trouble
from notify.operations.suppressions import suppress
from notify.standards.mail_reports import Kind, MailReport, read_mail_reports
from notify.standards.statuses import Channel, Status
from notify.standards.wire_time import wire_time

PROVIDER = "mail-report"
log = structlog.get_logger("andamio.notify.mail_reports")


def take_mail_report(notify: Notify, raw: bytes) -> list[Applied]:
    """Apply what a message reports.  Raises: NotAReport."""
    return [_apply(notify, report) for report in read_mail_reports(raw)]


def _apply(notify: Notify, report: MailReport) -> Applied:
    if not _remember(notify, report):
        return Applied.UNKNOWN
    if report.kind is Kind.COMPLAINT:
        return Applied.CHANGED
    failed = Status.PERMANENT_FAILURE if report.is_permanent else Status.TEMPORARY_FAILURE
    word = Status.DELIVERED if report.kind is Kind.DELIVERED else failed
    return apply_receipt(notify, report.notification_id, word.value, provider=PROVIDER)


def _remember(notify: Notify, report: MailReport) -> bool:
    """Put the address on the list where the report says that it is of no use, or not wanted; false for an unknown message.

    Reports come from the receiver's side, not from the relay that took the message: who knows the message's id has seen it, and
    what never left cannot have come back.
    """
    with notify.transaction() as tx:
        row = messages.find_row(tx.connection, report.notification_id)
        if row is None:
            return False
        if row.channel != Channel.EMAIL or not messages.may_have_left(row):
            log.warning("report of a message that no relay had", notification=str(row.id), channel=row.channel)
            tx.record(Event.RECEIPT_REFUSED, actor=f"provider:{PROVIDER}", outcome="refused", object_id=str(row.id), channel="receipt")
            return False
        message = messages.open_row(row, notify.cipher)
        reason, actor = _reason(report), f"provider:{PROVIDER}"
        of_ours = not report.address or report.address == message.matched
        if reason and (of_ours or reason is Reason.COMPLAINT):
            note_trouble(notify, tx, message.service_id, message.id, reason)
        if reason and of_ours and suppress(notify, tx, message.service_id, message.matched, reason, detail=report.status, message=row.id):
            data: dict[str, str | int | bool | list[str]] = {"reason": reason.value, "status": report.status, "message": str(row.id)}
            tx.record(Event.SUPPRESSED, actor=actor, object_id=str(message.service_id), channel="receipt", data=data)
        if report.kind is Kind.COMPLAINT:
            told = {
                "notification_id": str(message.id),
                "complaint_id": str(notify.ids.uuid7()),
                "reference": message.reference,
                "to": message.to,
                "complaint_date": wire_time(notify.clock.now()),
            }
            enqueue_event(notify, tx, News(message.service_id, COMPLAINT, message.id, told))
            tx.record(Event.COMPLAINED, actor=f"provider:{PROVIDER}", object_id=str(message.id), channel="receipt")
    return True


def _reason(report: MailReport) -> Reason | None:
    if report.kind is Kind.COMPLAINT:
        return Reason.COMPLAINT
    return Reason.BOUNCE if report.kind is Kind.FAILED and report.is_about_the_address else None


def bounce_address(notify: Notify, notification_id: uuid.UUID) -> str:
    """Give the envelope's sender of one message, to which reports about it come; empty where none is set."""
    local, at, domain = notify.settings.bounce_address.rpartition("@")
    return f"{local}+{notification_id}@{domain}" if at else ""
