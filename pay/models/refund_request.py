"""Refunds that staff ask for in the console: over the account's limit a second person decides."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Connection, ForeignKey, Index, Row, String, Table, select, text

from pay.models.base import metadata
from pay.standards.identifiers import AccountId, PaymentId
from pay.standards.refund_request_states import RefundRequestState
from shared.db import UtcDateTime

account_controls = Table(
    "account_controls",
    metadata,
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), primary_key=True),
    # Up to this much one person may refund; more needs two.
    Column("refund_alone_minor", BigInteger, nullable=False),
    # The same for pay-outs to people: 0 unless an owner says otherwise, for they go wherever the order says.
    Column("payout_alone_minor", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("refund_alone_minor >= 0", name="refund_alone"),
    CheckConstraint("payout_alone_minor >= 0", name="payout_alone"),
)

refund_requests = Table(
    "refund_requests",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("state", String(20), nullable=False),
    Column("requested_by", String(200), nullable=False),
    Column("decided_by", String(200)),
    Column("refund_id", String(26), ForeignKey("refunds.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount"),
    # The last guard of the second person.
    CheckConstraint("decided_by is null or decided_by <> requested_by", name="two_persons"),
    Index("ix_refund_requests_proposed", "account_id", "created_at", postgresql_where=text("state = 'proposed'")),
)


@dataclass(frozen=True)
class RefundRequest:
    """A request at one moment."""

    id: str
    account_id: AccountId
    payment_id: PaymentId
    amount_minor: int
    reason: str
    state: RefundRequestState
    requested_by: str
    decided_by: str | None
    refund_id: str | None
    created_at: datetime
    updated_at: datetime


def request_of(row: Row[*tuple[object, ...]]) -> RefundRequest:
    """Return the request a row of the table holds."""
    values = dict(row._mapping)
    return RefundRequest(**values | {"state": RefundRequestState(values["state"])})


def find_request(connection: Connection, request_id: str, *, lock: bool = False) -> RefundRequest | None:
    """Return a request by its id."""
    statement = select(refund_requests).where(refund_requests.c.id == request_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else request_of(row)


def payout_alone_minor(connection: Connection, account_id: AccountId) -> int:
    """Return how much one person, or one key, may pay out on an account."""
    statement = select(account_controls.c.payout_alone_minor).where(account_controls.c.account_id == account_id)
    return int(connection.execute(statement).scalar_one_or_none() or 0)


def refund_alone_minor(connection: Connection, account_id: AccountId, default: int) -> int:
    """Return how much one person may refund on an account."""
    statement = select(account_controls.c.refund_alone_minor).where(account_controls.c.account_id == account_id)
    found = connection.execute(statement).scalar_one_or_none()
    return default if found is None else int(found)
