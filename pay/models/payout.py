"""Pay-outs to people, their history, the files they go to the bank in, and money that bodies put in for them.

Spec: requirements PA-8, PA-9; pay-design.md §3, §4.2.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    UniqueConstraint,
    select,
    text,
)

from pay.models.base import metadata
from pay.models.payment import payer_scope
from pay.standards.credit_transfers import BankAccount
from pay.standards.identifiers import AccountId, PaymentId, PayoutId
from pay.standards.ledger import Share
from pay.standards.payout_states import PayoutMethod, PayoutState
from shared.crypto import DataKeys
from shared.db import UtcDateTime

payout_batches = Table(
    "payout_batches",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("bank", String(40), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("payouts", Integer, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("handed_over_at", UtcDateTime),
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("state", String(15), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("method", String(10), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("description", String(140), nullable=False),
    Column("payee_sealed", LargeBinary, nullable=False),
    # Out of whose money: [[body, amount], …]; several bodies only where a payment of several is given back.
    Column("shares", JSON, nullable=False),
    # The payment that is given back in this way, if it is one.
    Column("payment_id", String(26), ForeignKey("payments.id")),
    Column("ordered_by", String(200), nullable=False),
    Column("decided_by", String(200)),
    Column("batch_id", String(26), ForeignKey("payout_batches.id")),
    # The code for a counter: found by its keyed hash, shown again out of the sealed copy.
    Column("code_hash", LargeBinary, unique=True),
    Column("code_sealed", LargeBinary),
    Column("wrong_tries", Integer, nullable=False, server_default="0"),
    Column("expires_at", UtcDateTime),
    Column("partner_id", String(26), ForeignKey("partners.id")),
    Column("receipt_number", String(40)),
    Column("return_reason", String(10)),
    Column("paid_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("method in ('transfer', 'cash')", name="method"),
    # The last guard of the second person.
    CheckConstraint("decided_by is null or decided_by <> ordered_by", name="two_persons"),
    UniqueConstraint("partner_id", "receipt_number"),
    Index("ix_payouts_account_id_created_at", "account_id", "created_at", "id"),
    Index("ix_payouts_account_id_reference", "account_id", text("lower(reference)")),
    Index("ix_payouts_approved", "currency", "created_at", postgresql_where=text("state = 'approved'")),
    Index("ix_payouts_expires_at", "expires_at", postgresql_where=text("state = 'collectable'")),
    Index("ix_payouts_batch_id", "batch_id", postgresql_where=text("batch_id is not null")),
    Index("ix_payouts_payment_id", "payment_id", postgresql_where=text("payment_id is not null")),
)

payout_events = Table(
    "payout_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("payout_id", String(26), ForeignKey("payouts.id"), nullable=False, index=True),
    Column("before", String(15)),
    Column("after", String(15), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

payout_reports = Table(
    "payout_reports",
    metadata,
    Column("bank", String(40), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("lines", Integer, nullable=False),
    Column("read_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class Payee:
    """Who gets the money, and into which account where it is a transfer."""

    name: str = field(repr=False)
    identifier: str = field(repr=False)
    email: str = field(default="", repr=False)
    account: BankAccount | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Payout:
    """A pay-out at one moment."""

    id: PayoutId
    account_id: AccountId
    state: PayoutState
    amount_minor: int
    currency: str
    method: PayoutMethod
    reference: str
    description: str
    payee: Payee
    shares: tuple[Share, ...]
    payment_id: PaymentId | None
    ordered_by: str
    decided_by: str | None
    batch_id: str | None
    code_sealed: bytes | None = field(repr=False)
    wrong_tries: int
    expires_at: datetime | None
    partner_id: str | None
    receipt_number: str | None
    return_reason: str | None
    paid_at: datetime | None
    created_at: datetime
    updated_at: datetime


def seal_payee(cipher: DataKeys, account_id: str, payee: Payee) -> bytes:
    """Return who gets the money, encrypted."""
    return cipher.encrypt(json.dumps(asdict(payee), ensure_ascii=False), scope=payer_scope(account_id))


def _open_payee(cipher: DataKeys, account_id: str, sealed: bytes) -> Payee:
    values = json.loads(cipher.decrypt(sealed, scope=payer_scope(account_id)))
    account = values["account"]
    return Payee(values["name"], values["identifier"], values["email"], BankAccount(**account) if account else None)


def code_index(cipher: DataKeys, code: str) -> bytes:
    """Return the keyed hash under which a code is found."""
    return cipher.blind_index(code, purpose="payout:code")


def payout_of(row: Row[*tuple[object, ...]], cipher: DataKeys) -> Payout:
    """Return the pay-out a row of the table holds."""
    values = dict(row._mapping)
    sealed, _ = values.pop("payee_sealed"), values.pop("code_hash")
    return Payout(
        **values
        | {
            "state": PayoutState(values["state"]),
            "method": PayoutMethod(values["method"]),
            "shares": tuple(Share(*share) for share in values["shares"]),
            "payee": _open_payee(cipher, values["account_id"], sealed),
        }
    )


def find_payout(
    connection: Connection, cipher: DataKeys, payout_id: PayoutId, *, account_id: AccountId | None = None, lock: bool = False
) -> Payout | None:
    """Return a pay-out, of the given account where one is given."""
    statement = select(payouts).where(payouts.c.id == payout_id)
    if account_id is not None:
        statement = statement.where(payouts.c.account_id == account_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else payout_of(row, cipher)


def find_by_code(connection: Connection, cipher: DataKeys, code: str, *, lock: bool = False) -> Payout | None:
    """Return the pay-out that a code is for."""
    statement = select(payouts).where(payouts.c.code_hash == code_index(cipher, code))
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else payout_of(row, cipher)


def find_by_receipt(connection: Connection, cipher: DataKeys, partner_id: str, receipt_number: str) -> Payout | None:
    """Return what a partner paid out under a receipt number."""
    c = payouts.c
    statement = select(payouts).where(c.partner_id == partner_id, c.receipt_number == receipt_number)
    row = connection.execute(statement).one_or_none()
    return None if row is None else payout_of(row, cipher)


def list_of_payment(connection: Connection, cipher: DataKeys, payment_id: PaymentId) -> list[Payout]:
    """Return the pay-outs that give a payment back, oldest first."""
    statement = select(payouts).where(payouts.c.payment_id == payment_id).order_by(payouts.c.created_at, payouts.c.id)
    return [payout_of(row, cipher) for row in connection.execute(statement)]


def event_row(payout_id: str, before: PayoutState | None, after: PayoutState, now: datetime) -> Mapping[str, object]:
    """Return the row of one step of a pay-out's history."""
    return {"payout_id": payout_id, "before": before.value if before else None, "after": after.value, "created_at": now}
