"""Files that people fetch by link: kept sealed with the link's own key, given to who has the link and, where asked, knows the address.

Spec: notify-api §4.5, §9.
"""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Insert, insert, select, update
from sqlalchemy.engine import Row

from notify.context import Notify
from notify.errors import DocumentExpired, DocumentNotFound, DocumentRefused, MessageNotValid, MessageRefused, TooManyTries
from notify.models.document import Document, document_name
from notify.operations.authentication import Holder
from notify.standards.email_address import matched_form
from notify.standards.file_values import FileValue, InvalidFile, RefusedFile, check_fields, is_file, read_file

NONCE_BYTES = 12
TRIES_MAX = 50
TRIES_SECONDS = 300
PROOF_SECONDS = 3600
TEST_DOCUMENT = "test-document"
R = TypeVar("R")


@dataclass(frozen=True)
class Stored:
    """A file as it is written, and the link that opens it."""

    id: uuid.UUID
    key: bytes = field(repr=False)
    statement: Insert = field(repr=False)
    link: str = field(repr=False)
    direct_url: str = field(repr=False)
    mimetype: str


@dataclass(frozen=True)
class Facts:
    """What may be known of a file by who has its link."""

    id: uuid.UUID
    service_id: uuid.UUID
    filename: str = field(repr=False)
    extension: str
    mimetype: str
    size_bytes: int
    confirm_email: bool
    available_until: datetime


def store_files(
    notify: Notify, holder: Holder, values: dict[str, object], email: str, *, keep: bool
) -> tuple[dict[str, object], tuple[Insert, ...]]:
    """Give the values with a link in the place of each file, and what writes the files; nothing is kept for smoke recipients.

    Raises: MessageNotValid, MessageRefused.
    """
    if not any(is_file(value) for value in values.values()):
        return values, ()
    given = {name: value for name, value in values.items() if isinstance(value, dict) and is_file(value)}
    for value in given.values():
        _read(value, check_fields)
    service = holder.service
    if not service.contact_link:
        admin = notify.settings.admin_url or notify.settings.public_url
        raise MessageRefused(
            "Send files by email has not been set up - add contact details for your service at "
            f"{admin}/services/{service.id}/service-settings/send-files-by-email"
        )
    files = {name: _read(value, read_file) for name, value in given.items()}
    if not keep:
        link = f"{notify.settings.public_url}/d/{TEST_DOCUMENT}"
        return values | dict.fromkeys(files, link), ()
    made = {name: store(notify, service.id, file, email if file.confirm_email else None) for name, file in files.items()}
    links: dict[str, object] = {name: stored.link for name, stored in made.items()}
    return values | links, tuple(stored.statement for stored in made.values())


def _read(value: dict[str, object], read: Callable[[dict[str, object]], R]) -> R:
    try:
        return read(value)
    except InvalidFile as fault:
        raise MessageNotValid(str(fault)) from None
    except RefusedFile as fault:
        raise MessageRefused(str(fault)) from None


def store(notify: Notify, service_id: uuid.UUID, file: FileValue, confirmation_email: str | None) -> Stored:
    """Seal a file with a new key.  Raises: MessageRefused when the scanner finds something in it."""
    if not notify.scanner.is_clean(file.content):
        raise MessageRefused("File did not pass the virus scan")
    document_id, key, now = notify.ids.uuid4(), _random(notify, 32), notify.clock.now()
    until = now + file.kept_for
    filename = file.filename or f"{document_id}{file.extension}"
    about = {"filename": filename, "extension": file.extension, "mimetype": file.mimetype}
    row = {
        "id": document_id,
        "service_id": service_id,
        "about_sealed": _seal(key, _random(notify, NONCE_BYTES), json.dumps(about).encode(), document_id),
        "content_sealed": notify.files.keep(
            document_name(until, document_id), _seal(key, _random(notify, NONCE_BYTES), file.content, document_id)
        ),
        "email_hash": _hash(key, confirmation_email) if confirmation_email else None,
        "size_bytes": len(file.content),
        "available_until": until,
        "created_at": now,
    }
    root, shown_key = notify.settings.public_url, _encoded(key)
    link = f"{root}/d/{_encoded(service_id.bytes)}/{_encoded(document_id.bytes)}?key={shown_key}"
    direct = f"{root}/services/{service_id}/documents/{document_id}{file.extension}?key={shown_key}"
    return Stored(document_id, key, insert(Document).values(row), link, direct, file.mimetype)


def look_at(notify: Notify, service_id: uuid.UUID, document_id: uuid.UUID, key: str) -> Facts:
    """Give what a link leads to.  Raises: DocumentRefused, DocumentNotFound, DocumentExpired."""
    return _facts(_row(notify, service_id, document_id), _key(key))


def fetch(notify: Notify, service_id: uuid.UUID, document_id: uuid.UUID, key: str, proof: str) -> tuple[Facts, bytes]:
    """Give a file.  Raises: DocumentRefused without the key, or the proof where an address must be confirmed; DocumentExpired."""
    row, raw = _row(notify, service_id, document_id), _key(key)
    facts = _facts(row, raw)
    if facts.confirm_email and not _proves(notify, document_id, raw, proof):
        raise DocumentRefused("Authentication failure", status_code=403)
    sealed = notify.files.read(document_name(row.available_until, document_id), row.content_sealed)
    content = _open(raw, sealed, document_id)
    with notify.db.begin() as connection:
        connection.execute(update(Document).where(Document.id == document_id).values(downloads=Document.downloads + 1))
    return facts, content


def confirm(notify: Notify, service_id: uuid.UUID, document_id: uuid.UUID, key: str, email: str) -> str:
    """Give a proof that who has the link knows the address, good for an hour.  Raises: DocumentRefused, TooManyTries."""
    row, raw = _row(notify, service_id, document_id), _key(key)
    _facts(row, raw)
    wait = notify.limits.count_try(f"document:{document_id}", TRIES_MAX, TRIES_SECONDS)
    if wait:
        raise TooManyTries(wait)
    if row.email_hash is not None and not hmac.compare_digest(_hash(raw, email), row.email_hash):
        raise DocumentRefused("Authentication failure", status_code=403)
    until = int((notify.clock.now() + timedelta(seconds=PROOF_SECONDS)).timestamp())
    return f"{until}.{_proof(document_id, raw, until)}"


def _row(notify: Notify, service_id: uuid.UUID, document_id: uuid.UUID) -> Row:  # type: ignore[type-arg]  # a row of all columns
    with notify.reading() as tx:
        own = select(Document.__table__).where(Document.id == document_id, Document.service_id == service_id)
        row = tx.connection.execute(own).one_or_none()
    if row is None:
        raise DocumentNotFound
    if row.available_until <= notify.clock.now():
        raise DocumentExpired
    return row


def _facts(row: Row, key: bytes) -> Facts:  # type: ignore[type-arg]  # likewise
    about = json.loads(_open(key, row.about_sealed, row.id))
    named = {name: about[name] for name in ("filename", "extension", "mimetype")}
    return Facts(
        id=row.id,
        service_id=row.service_id,
        size_bytes=row.size_bytes,
        confirm_email=row.email_hash is not None,
        available_until=row.available_until,
        **named,
    )


def _key(text: str) -> bytes:
    if not text:
        raise DocumentRefused("Missing decryption key", status_code=400)
    try:
        key = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise DocumentRefused("Invalid decryption key", status_code=400)
    return key


def _random(notify: Notify, bytes_n: int) -> bytes:
    text = notify.ids.token(bytes_n)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _seal(key: bytes, nonce: bytes, plain: bytes, document_id: uuid.UUID) -> bytes:
    return nonce + AESGCM(key).encrypt(nonce, plain, document_id.bytes)


def _open(key: bytes, sealed: bytes, document_id: uuid.UUID) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], document_id.bytes)
    except InvalidTag:
        raise DocumentRefused("Forbidden", status_code=403) from None


def _hash(key: bytes, email: str) -> bytes:
    return hmac.digest(key, b"address:" + matched_form(email).encode(), hashlib.sha256)


def _proof(document_id: uuid.UUID, key: bytes, until: int) -> str:
    return hmac.new(key, f"proof:{document_id}:{until}".encode(), hashlib.sha256).hexdigest()


def _proves(notify: Notify, document_id: uuid.UUID, key: bytes, proof: str) -> bool:
    until, _, made = proof.partition(".")
    if not until.isascii() or not until.isdigit() or len(until) > 12 or int(until) < notify.clock.now().timestamp():
        return False
    return hmac.compare_digest(made.encode(), _proof(document_id, key, int(until)).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded_id(text: str) -> uuid.UUID:
    """Read an id as it stands in a link.  Raises: DocumentNotFound."""
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except ValueError:
        raise DocumentNotFound from None
