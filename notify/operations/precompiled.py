"""Letters that come as a file: taken at once, looked into by a job, then handed on or ended with the reason.

Spec: notify-api §4.4, §17.
"""

import base64
import binascii
import json
import uuid

from sqlalchemy import Insert, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models import messages
from notify.models.base import scope_of
from notify.models.letter_file import LetterFile, letter_name
from notify.models.notification import STATUSES, Notification
from notify.models.template import Template, TemplateVersion
from notify.operations import checks
from notify.operations.authentication import Holder
from notify.operations.intake import CHECK_LETTER, Kept, count, keep_in, take_in, work_ids
from notify.operations.letters import LetterNotRendered, end_letter, get_letter_file
from notify.operations.once import Once
from notify.operations.requests import PrecompiledBody
from notify.operations.sends import check_limits
from notify.standards.letter_check import LetterRefused, check_letter
from notify.standards.postal_address import LINE_KEYS
from notify.standards.statuses import Channel, Status
from shared.audit.entries import new_entry

PROVIDED = "Provided as PDF"
TEMPLATE_NAME = "Pre-compiled PDF"
BYTES_MAX = 5 * 1024 * 1024
VERSION = 1


def accept_precompiled(notify: Notify, holder: Holder, body: PrecompiledBody, once: Once | None = None) -> uuid.UUID:
    """Take a letter's file; the limits were looked at before it was read.  Raises: the kinds of notify.errors."""
    if once and (earlier := once.find(notify)):
        return uuid.UUID(earlier["id"])
    checks.check_channel(holder, Channel.LETTER)
    checks.check_letter(holder)
    try:
        pdf = base64.b64decode("".join(body.content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise MessageRefused("Cannot decode letter content (invalid base64 encoding)") from None
    if len(pdf) > BYTES_MAX:
        raise MessageRefused("Letter content is larger than 5MB")
    notification_id = notify.ids.uuid7()
    kept = _kept(notify, holder, notification_id, body, pdf)
    if once is None:
        take_in(notify, kept)
        return notification_id
    with notify.transaction() as tx:
        if earlier := once.claim(notify, tx.connection, {"id": str(notification_id)}):
            return uuid.UUID(earlier["id"])
        keep_in(tx, [kept])
    count(notify, [kept])
    return notification_id


def take_precompiled_limit(notify: Notify, holder: Holder, once: Once | None = None) -> None:
    """Let a letter's file pass, or pass again.  Raises: RateLimitExceeded, DailyLimitExceeded."""
    if not (once and once.find(notify)):
        check_limits(notify, holder, Channel.LETTER)


def _kept(notify: Notify, holder: Holder, notification_id: uuid.UUID, body: PrecompiledBody, pdf: bytes) -> Kept:
    service, now = holder.service, notify.clock.now()
    sealed = {"to": PROVIDED, "matched": PROVIDED.lower(), "values": {"address_line_1": PROVIDED}, "unsubscribe_url": None}
    row: dict[str, object] = {
        "id": notification_id,
        "service_id": service.id,
        "api_key_id": holder.key.id,
        "key_kind": holder.key.kind,
        "channel": Channel.LETTER.value,
        "template_id": precompiled_template(notify, service.id),
        "template_version": VERSION,
        "status": Status.PENDING_VIRUS_CHECK.value,
        "reference": body.reference[:1000],
        "sealed": notify.cipher.encrypt(json.dumps(sealed), scope=scope_of(service.id)),
        "recipient_index": notify.catalogue.index(PROVIDED.lower()),
        "postage": body.postage,
        "international": False,
        "rate_multiplier": 1,
        "created_at": now,
    }
    request_id, journey_id = work_ids()
    entry = new_entry(
        notify.clock,
        notify.ids,
        action=Event.ACCEPTED,
        outcome="done",
        actor=holder.named,
        object_id=str(notification_id),
        request_id=request_id,
        journey_id=journey_id,
        data={"channel": Channel.LETTER.value, "precompiled": True, "key": holder.key.kind},
    )
    held = notify.files.keep(
        letter_name(notification_id), notify.cipher.encrypt(base64.b64encode(pdf).decode(), scope=scope_of(service.id))
    )
    file = {
        "notification_id": notification_id,
        "pdf_sealed": held,
        "pages": 0,
        "created_at": now,
    }
    also: tuple[Insert, ...] = (insert(LetterFile).values(file),)
    counters = () if holder.key.kind == "test" else (Channel.LETTER.value,)
    return Kept(row, entry, counters, None, request_id, journey_id, also, first_job=CHECK_LETTER)


def precompiled_template_id(service_id: uuid.UUID) -> uuid.UUID:
    """Name the hidden template that a service's files go under."""
    return uuid.uuid5(service_id, "precompiled-letter")


def precompiled_template(notify: Notify, service_id: uuid.UUID) -> uuid.UUID:
    """Give the hidden template that a service's files go under; made at the first one."""
    template_id = precompiled_template_id(service_id)
    if notify.catalogue.find_template(service_id, template_id) is None:
        now = notify.clock.now()
        made = {"id": template_id, "service_id": service_id, "channel": "letter", "version": VERSION, "archived": True, "created_at": now}
        about = {"template_id": template_id, "version": VERSION, "created_by": "notify", "created_at": now}
        words = {"name": TEMPLATE_NAME, "subject": TEMPLATE_NAME, "body": "", "postage": "second", "has_unsubscribe_link": False}
        with notify.db.begin() as connection:
            connection.execute(insert_or_leave(Template).values(made).on_conflict_do_nothing())
            connection.execute(insert_or_leave(TemplateVersion).values(about | words).on_conflict_do_nothing())
        notify.catalogue.forget()
    return template_id


def check_precompiled(notify: Notify, notification_id: uuid.UUID) -> None:
    """Look into a letter's file: hand it on, or end it with the reason.  Leaves quietly when that was done.  Raises: ScannerAway."""
    with notify.reading() as tx:
        row = messages.find_row(tx.connection, notification_id)
    if row is None or row.status != Status.PENDING_VIRUS_CHECK:
        return
    try:
        pdf = get_letter_file(notify, row.service_id, notification_id).pdf
    except LetterNotRendered:  # its retention ended before its turn came
        return
    service = notify.catalogue.find_service(row.service_id)
    international = service is not None and "international_letters" in service.permissions
    scheme = service.rules.address_scheme if service else "uk"
    if not notify.scanner.is_clean(pdf):
        end_letter(notify, notification_id, Status.PENDING_VIRUS_CHECK, Status.VIRUS_SCAN_FAILED, None)
        return
    try:
        letter = check_letter(pdf, allow_international=international, scheme=scheme)
    except LetterRefused as fault:
        end_letter(notify, notification_id, Status.PENDING_VIRUS_CHECK, Status.VALIDATION_FAILED, fault.code)
        return
    address = dict(zip(LINE_KEYS, letter.address.lines, strict=False))
    sealed = {"to": ", ".join(letter.address.lines), "values": address, "unsubscribe_url": None}
    sealed["matched"] = str(sealed["to"]).lower()
    changes = {
        "status": Status.CREATED.value,
        "sealed": notify.cipher.encrypt(json.dumps(sealed), scope=scope_of(row.service_id)),
        "recipient_index": notify.catalogue.index(str(sealed["matched"])),
        "international": letter.address.international,
        "postage": letter.address.postage or row.postage,
    }
    action = STATUSES.check(Status.PENDING_VIRUS_CHECK, Status.CREATED)
    with notify.transaction() as tx:
        waiting = (Notification.id == notification_id) & (Notification.status == Status.PENDING_VIRUS_CHECK.value)
        if tx.connection.execute(update(Notification).where(waiting).values(**changes)).rowcount:
            own = LetterFile.notification_id == notification_id
            tx.connection.execute(update(LetterFile).where(own).values(pages=letter.pages))
            tx.record(action, actor="notify", object_id=str(notification_id), channel="job", data={"pages": letter.pages})
            tx.enqueue("deliver_letter", {"notification_id": str(notification_id)})
