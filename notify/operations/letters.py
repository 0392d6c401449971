"""Letters: render once, keep encrypted, give back byte for byte.  Spec: notify-api §5.3, §17."""

import base64
import uuid

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models import messages
from notify.models.base import scope_of
from notify.models.catalogue import find_template_version
from notify.models.letter_file import LetterFile, letter_name
from notify.operations.callbacks import callback_of, enqueue_callbacks
from notify.operations.letter_pages import PAGES_MAX, Rendered, Sheet, letter_pdf, may_be_set
from notify.operations.rendering import compose
from notify.standards.postal_address import postal_address
from notify.standards.statuses import Status


class LetterNotRendered(LookupError):
    """There is no file of this letter yet."""


def render_letter(notify: Notify, notification_id: uuid.UUID) -> bool:
    """Make the PDF of a letter that has none and leave its hand-over in the outbox; false when there is nothing to do.

    One of more pages than an envelope takes ends with the reason.
    """
    with notify.reading() as tx:
        row = messages.find_row(tx.connection, notification_id)
        if row is None or row.status != Status.CREATED:
            return False
        template = find_template_version(tx.connection, row.service_id, row.template_id, row.template_version)
        service = notify.catalogue.find_service(row.service_id)
    if template is None or service is None:  # foreign keys forbid it
        raise LookupError("a notification without its template or service")
    message = messages.open_row(row, notify.cipher)
    sheet = Sheet(
        address=postal_address(message.values, scheme=service.rules.address_scheme).lines,
        service_name=service.name,
        date=f"{message.created_at.astimezone(notify.zone):%d-%m-%Y}",
        reference=message.reference,
        brand=service.brand,
    )
    may_fit = may_be_set(compose(template, message.values), sheet.address)
    rendered = letter_pdf(template, message.values, sheet) if may_fit else None
    if rendered is None or rendered.pages > PAGES_MAX:
        end_letter(notify, notification_id, Status.CREATED, Status.VALIDATION_FAILED, "letter-too-long")
        return False
    sealed = notify.cipher.encrypt(base64.b64encode(rendered.pdf).decode(), scope=scope_of(row.service_id))
    held = notify.files.keep(letter_name(notification_id), sealed)
    file = {"notification_id": notification_id, "pdf_sealed": held, "pages": rendered.pages, "created_at": notify.clock.now()}
    with notify.transaction() as tx:
        # Two renderings of one letter may race; the first file stays, and only its maker hands it on.
        if tx.connection.execute(insert(LetterFile).values(file).on_conflict_do_nothing()).rowcount:
            tx.enqueue("deliver_letter", {"notification_id": str(notification_id)})
    return True


def end_letter(notify: Notify, notification_id: uuid.UUID, source: Status, target: Status, reason: str | None) -> None:
    """End a letter that cannot go, with the contract's code of why; leaves quietly where it moved on meanwhile."""
    with notify.transaction() as tx:
        action = messages.move(tx.connection, notification_id, source, target, notify.clock.now(), reason=reason)
        row = messages.find_row(tx.connection, notification_id)
        if action and row is not None:
            data = {"channel": row.channel, "status": target.value, "reason": reason or ""}
            tx.record(action, actor="notify", object_id=str(notification_id), channel="job", data=data)
            enqueue_callbacks(tx, [callback_of(notify, row, target)])


def letter_pages(connection: Connection, notification_id: uuid.UUID) -> int:
    """Give how many pages a letter's file has; 0 while it was not looked into.  Raises: LetterNotRendered."""
    pages = connection.execute(select(LetterFile.pages).where(LetterFile.notification_id == notification_id)).scalar_one_or_none()
    if pages is None:
        raise LetterNotRendered
    return pages


def get_letter_file(notify: Notify, service_id: uuid.UUID, notification_id: uuid.UUID) -> Rendered:
    """Give a letter's file.  Raises: LetterNotRendered."""
    with notify.reading() as tx:
        row = tx.connection.execute(select(LetterFile.__table__).where(LetterFile.notification_id == notification_id)).one_or_none()
    if row is None:
        raise LetterNotRendered
    sealed = notify.files.read(letter_name(notification_id), row.pdf_sealed)
    return Rendered(base64.b64decode(notify.cipher.decrypt(sealed, scope=scope_of(service_id))), row.pages)
