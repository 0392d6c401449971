"""Receipts of payments by their code, and the keys that sign them.  Spec: requirements PA-7."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Identity, LargeBinary, String, Table, select
from sqlalchemy.dialects.postgresql import insert

from pay.models.base import metadata
from pay.standards.identifiers import PaymentId
from shared.db import UtcDateTime

payment_receipts = Table(
    "payment_receipts",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
)

receipt_keys = Table(
    "receipt_keys",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("certificate", LargeBinary, nullable=False),
    Column("key_sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


def keep_code(connection: Connection, payment_id: PaymentId, code: str, now: datetime) -> bool:
    """Give a payment its code; False when it has one."""
    row = {"code": code, "payment_id": payment_id, "created_at": now}
    return bool(connection.execute(insert(payment_receipts).values(row).on_conflict_do_nothing(index_elements=["payment_id"])).rowcount)


def find_code(connection: Connection, payment_id: PaymentId) -> str | None:
    """Return the code of a payment's receipt."""
    found = connection.execute(select(payment_receipts.c.code).where(payment_receipts.c.payment_id == payment_id)).scalar_one_or_none()
    return None if found is None else str(found)


def find_payment_of_code(connection: Connection, code: str) -> PaymentId | None:
    """Return the payment that a code is the receipt of."""
    found = connection.execute(select(payment_receipts.c.payment_id).where(payment_receipts.c.code == code)).scalar_one_or_none()
    return None if found is None else PaymentId(found)
