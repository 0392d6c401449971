"""Partners that take money for us: who they are, their keys, their daily files.  Spec: pay-design.md §8."""

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.errors import FileUnreadable, PartnerKeyRefused, ReceiptReused
from pay.events import PartnerAction
from pay.models.partner import Partner, Receipt, find_partner_by_key, partner_keys, partners
from pay.operations.counters import APPLIED, Taken, confirm
from pay.standards.keys import kept_form, make_key, token_hash
from shared.problems import NotFound

LINES_MAX = 20_000
AMOUNT_MAX = 10**12
COLUMNS = ("receipt_number", "notice_number", "amount", "paid_at", "branch")
_RECEIPT = re.compile(r"[A-Za-z0-9._/-]{1,40}")


@dataclass(frozen=True)
class FileResult:
    """What became of a file: each line is applied, held or a repeat; `faults` name lines that cannot be read, which are not booked."""

    lines: int
    applied: int
    held: int
    faults: tuple[tuple[int, str], ...]


def add_partner(pay: Pay, partner_id: str, name: str, *, max_amount_minor: int | None, actor: str) -> None:
    """Add a partner; a repeat changes nothing."""
    row = {"id": partner_id, "name": name, "max_amount_minor": max_amount_minor, "created_at": pay.clock.now()}
    with pay.transaction() as tx:
        if tx.connection.execute(insert(partners).values(row).on_conflict_do_nothing()).rowcount:
            tx.record(PartnerAction.ADDED, actor=actor, object_id=partner_id)


def issue_partner_key(pay: Pay, partner_id: str, *, key_id: UUID, token: str, actor: str) -> str:
    """Issue a key and return it; it is kept nowhere, so a repeat must bring the same token."""
    row = {
        "id": key_id,
        "partner_id": partner_id,
        "token_hash": token_hash(token, pay.key_secret),
        "created_by": actor,
        "created_at": pay.clock.now(),
    }
    with pay.transaction() as tx:
        if tx.connection.execute(insert(partner_keys).values(row).on_conflict_do_nothing()).rowcount:
            tx.record(PartnerAction.KEY_ISSUED, actor=actor, object_id=str(key_id), data={"partner_id": partner_id})
    return make_key(token, pay.key_secret)


def revoke_partner_key(pay: Pay, key_id: UUID, *, actor: str) -> None:
    """End a key at once.  Raises: NotFound."""
    with pay.transaction() as tx:
        ended = update(partner_keys).where(partner_keys.c.id == key_id, partner_keys.c.revoked_at.is_(None))
        if not tx.connection.execute(ended.values(revoked_at=pay.clock.now())).rowcount:
            raise NotFound
        tx.record(PartnerAction.KEY_REVOKED, actor=actor, object_id=str(key_id))


def authenticate_partner(pay: Pay, header: str) -> Partner:
    """Return who holds the key of an Authorization header.  Raises: PartnerKeyRefused."""
    hashed = kept_form(header.removeprefix("Bearer ").strip(), pay.key_secrets) if header.startswith("Bearer ") else None
    partner = None
    if hashed is not None:
        with pay.reading() as tx:
            partner = find_partner_by_key(tx.connection, hashed)
    if partner is None or partner.disabled_at is not None:
        raise PartnerKeyRefused(headers={"WWW-Authenticate": "Bearer"})
    return partner


def read_daily_file(pay: Pay, partner: Partner, content: bytes) -> FileResult:
    """Book each line of a partner's daily file; the same file, or a line of it, comes again without effect.

    Spec: pay-design.md §8, §13.11.  Raises: FileUnreadable where it is no such file at all.
    """
    rows = _rows(content)
    applied = held = 0
    faults: list[tuple[int, str]] = []
    for number, row in enumerate(rows, 2):
        taken = _taken(row)
        if isinstance(taken, str):
            faults.append((number, taken))
            continue
        try:
            receipt: Receipt = confirm(pay, partner, taken, is_from_file=True)
        except ReceiptReused:
            faults.append((number, "receipt_number was used for other facts"))
            continue
        if receipt.outcome == APPLIED:
            applied += 1
        else:
            held += 1
    with pay.transaction() as tx:
        data: dict[str, str | int | bool | list[str]] = {
            "lines": len(rows),
            "applied": applied,
            "held": held,
            "faults": len(faults),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        tx.record(PartnerAction.FILE_READ, actor=partner.actor, object_id=partner.id, data=data)
    return FileResult(len(rows), applied, held, tuple(faults))


def _rows(content: bytes) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise FileUnreadable("The first line is: " + ",".join(COLUMNS))
        rows = [dict(row) for row in reader]
    except (UnicodeDecodeError, csv.Error):
        raise FileUnreadable("The file is CSV in UTF-8.") from None
    if len(rows) > LINES_MAX:
        raise FileUnreadable(f"A file has at most {LINES_MAX} lines.")
    return rows


def _taken(row: dict[str, str]) -> Taken | str:
    """Read a line; or say what is wrong with it."""
    if None in row.values() or None in row:
        return "the line has another number of columns"
    if not _RECEIPT.fullmatch(row["receipt_number"]):
        return "receipt_number is not 1 to 40 letters and numbers"
    if not re.fullmatch("[0-9]{1,13}", row["amount"]) or not 1 <= int(row["amount"]) <= AMOUNT_MAX:
        return "amount is not a whole number"
    paid_at = read_moment(row["paid_at"])
    if paid_at is None:
        return "paid_at is not a moment such as 2026-06-08T16:00:00-04:00"
    if not 1 <= len(row["notice_number"]) <= 40 or len(row["branch"]) > 60 or "\0" in "".join(row.values()):
        return "notice_number or branch is too long"
    return Taken(row["receipt_number"], row["notice_number"], int(row["amount"]), paid_at, row["branch"])


def read_moment(text: str) -> datetime | None:
    """Return a moment with its offset, or None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
