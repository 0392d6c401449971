"""Files that go within an email; ours, beside the contract, which knows links only."""

import base64
import json
import uuid
from collections.abc import Sequence

from sqlalchemy import Insert, insert, select

from notify.context import Notify
from notify.errors import MessageNotValid, MessageRefused
from notify.models.base import scope_of
from notify.models.document import MessageAttachment, attachment_name
from notify.operations.authentication import Holder
from notify.standards.file_values import BYTES_MAX, MIMETYPES, InvalidFile, RefusedFile, read_file
from notify.standards.mime import Attachment, one_line

FILES_MAX = 5


def attach(notify: Notify, holder: Holder, files: Sequence[dict[str, object]]) -> tuple[bytes, ...]:
    """Seal the files of an email, in order.  Raises: MessageNotValid, MessageRefused."""
    if len(files) > FILES_MAX:
        raise MessageRefused(f"An email may have {FILES_MAX} attachments")
    read = []
    for file in files:
        if set(file) != {"file", "filename"}:
            raise MessageNotValid("attachments must have file and filename, and nothing else")
        if not isinstance(file["filename"], str):
            raise MessageNotValid("attachments must have a filename of type string")
        try:
            read.append(read_file(file))
        except InvalidFile as fault:
            raise MessageNotValid(str(fault)) from None
        except RefusedFile as fault:
            raise MessageRefused(str(fault)) from None
    if sum(len(file.content) for file in read) > BYTES_MAX:
        raise MessageRefused("Uploaded file exceeds file size limit")
    if not all(notify.scanner.is_clean(file.content) for file in read):
        raise MessageRefused("File did not pass the virus scan")
    forms = ([one_line(file.filename or ""), file.mimetype, base64.b64encode(file.content).decode()] for file in read)
    return tuple(notify.cipher.encrypt(json.dumps(form), scope=scope_of(holder.service.id)) for form in forms)


def attachment_rows(notify: Notify, notification_id: uuid.UUID, sealed: Sequence[bytes]) -> tuple[Insert, ...]:
    """Keep a message's attachments, and give what writes their rows."""
    held = (notify.files.keep(attachment_name(notification_id, position), each) for position, each in enumerate(sealed))
    rows = ({"notification_id": notification_id, "position": position, "sealed": each} for position, each in enumerate(held))
    return tuple(insert(MessageAttachment).values(row) for row in rows)


def read_attachments(notify: Notify, service_id: uuid.UUID, notification_id: uuid.UUID) -> tuple[Attachment, ...]:
    """Give a message's attachments, in order."""
    table = MessageAttachment
    wanted = select(table.position, table.sealed).where(table.notification_id == notification_id).order_by(table.position)
    with notify.reading() as tx:
        rows = tx.connection.execute(wanted).all()
    found = (notify.files.read(attachment_name(notification_id, row.position), row.sealed) for row in rows)
    opened = (json.loads(notify.cipher.decrypt(sealed, scope=scope_of(service_id))) for sealed in found)
    return tuple(
        Attachment(name, mimetype, base64.b64decode(content)) for name, mimetype, content in opened if mimetype in MIMETYPES.values()
    )
