"""Letters: render once, keep encrypted, give back byte for byte.  Spec: notify-api §5.3, §17."""

import base64
import io
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdf
import segno
import typst
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models import messages
from notify.models.base import scope_of
from notify.models.catalogue import KnownTemplate, find_template_version
from notify.models.letter_file import LetterFile
from notify.operations.rendering import compose
from notify.standards.email_markdown import printable_blocks
from notify.standards.postal_address import postal_address
from notify.standards.statuses import Status

PAGES_MAX = 10
LANGUAGE = "es"
LAYOUT = Path(__file__).resolve().parents[1] / "templates" / "notify"
_QR_LINE = re.compile(r"^[ \t]*QR:[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Rendered:
    """A letter's pages."""

    pdf: bytes
    pages: int


class LetterNotRendered(LookupError):
    """There is no file of this letter yet."""


def render_letter(notify: Notify, notification_id: uuid.UUID) -> bool:
    """Make the PDF of a letter that has none and leave its hand-over in the outbox; false when there is nothing to do."""
    with notify.reading() as tx:
        row = messages.find_row(tx.connection, notification_id)
        if row is None or row.status != Status.CREATED:
            return False
        template = find_template_version(tx.connection, row.service_id, row.template_id, row.template_version)
        service = notify.catalogue.find_service(row.service_id)
    if template is None or service is None:  # foreign keys forbid it
        raise LookupError("a notification without its template or service")
    message = messages.open_row(row, notify.cipher)
    rendered = letter_pdf(template, message.values, service.name, f"{message.created_at:%d-%m-%Y}", message.reference)
    sealed = notify.cipher.encrypt(base64.b64encode(rendered.pdf).decode(), scope=scope_of(row.service_id))
    file = {"notification_id": notification_id, "pdf_sealed": sealed, "pages": rendered.pages, "created_at": notify.clock.now()}
    with notify.transaction() as tx:
        # Two renderings of one letter may race; the first file stays, and only its maker hands it on.
        if tx.connection.execute(insert(LetterFile).values(file).on_conflict_do_nothing()).rowcount:
            tx.enqueue("deliver_letter", {"notification_id": str(notification_id)})
    return True


def letter_pdf(template: KnownTemplate, values: dict[str, Any], service_name: str, date: str, reference: str | None) -> Rendered:
    """Lay out a letter on A4 with its address window."""
    content = compose(template, values)
    letter = {
        "language": LANGUAGE,
        "subject": content.subject,
        "body": _body(content.body),
        "address": postal_address(values).lines,
        "contact": (template.contact_block or "").splitlines(),
        "service_name": service_name,
        "date": date,
        "reference": reference,
    }
    pdf = typst.compile(
        LAYOUT / "letter.typ",
        format="pdf",
        font_paths=[LAYOUT / "fonts"],
        ignore_system_fonts=True,
        sys_inputs={"letter": json.dumps(letter)},
        pdf_standards=["ua-1"],
    )
    return Rendered(pdf, len(pypdf.PdfReader(io.BytesIO(pdf)).pages))


def _body(source: str) -> list[dict[str, object]]:
    """Read the body as blocks, with each line `QR: …` as a code and, under it, its words for those who cannot scan."""
    found: list[dict[str, object]] = []
    at = 0
    for match in _QR_LINE.finditer(source):
        found += printable_blocks(source[at : match.start()])
        words = match[1].strip()
        picture = segno.make(words, error="m", micro=False).svg_inline(scale=3, border=2)
        found.append({"kind": "code", "picture": picture, "words": words})
        at = match.end()
    return found + printable_blocks(source[at:])


def get_letter_file(notify: Notify, connection: Connection, service_id: uuid.UUID, notification_id: uuid.UUID) -> Rendered:
    """Give a letter's file.  Raises: LetterNotRendered."""
    row = connection.execute(select(LetterFile.__table__).where(LetterFile.notification_id == notification_id)).one_or_none()
    if row is None:
        raise LetterNotRendered
    return Rendered(base64.b64decode(notify.cipher.decrypt(row.pdf_sealed, scope=scope_of(service_id))), row.pages)
