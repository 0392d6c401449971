"""The ledger's three tables.  Triggers of the migration refuse change, and any posting that does not balance.

Spec: pay-design.md §3.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from pay.models.base import metadata
from pay.standards.ledger import Layer, Line, Posting, Side
from shared.db import UtcDateTime

ledger_accounts = Table(
    "ledger_accounts",
    metadata,
    Column("code", String(160), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("kind", String(10), nullable=False),
    # Balances are debits minus credits, kept in the transaction that writes the entries.
    Column("pending_minor", BigInteger, nullable=False, server_default="0"),
    Column("posted_minor", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("code", "currency"),
)

ledger_transactions = Table(
    "ledger_transactions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("source", String(40), nullable=False),
    Column("source_id", String(40), nullable=False),
    Column("payment_id", String(26), nullable=False, index=True),
    Column("currency", String(3), nullable=False),
    # A pending posting is resolved at most once.
    Column("resolves_id", BigInteger, ForeignKey("ledger_transactions.id"), unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("source", "source_id"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("transaction_id", BigInteger, ForeignKey("ledger_transactions.id"), nullable=False, index=True),
    Column("account_code", String(160), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("side", String(6), nullable=False),
    Column("layer", String(7), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    ForeignKeyConstraint(["account_code", "currency"], ["ledger_accounts.code", "ledger_accounts.currency"]),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("side in ('debit', 'credit')", name="side"),
    CheckConstraint("layer in ('pending', 'posted')", name="layer"),
)


def post(connection: Connection, posting: Posting, now: datetime) -> bool:
    """Write a posting and move the balances, in the present transaction; False when it is already there."""
    resolves = None
    if posting.resolves is not None:
        resolves = select(ledger_transactions.c.id).where(
            ledger_transactions.c.source == posting.resolves.value, ledger_transactions.c.source_id == posting.source_id
        )
        resolves = connection.execute(resolves).scalar_one()
    head = {"source": posting.source.value, "source_id": posting.source_id, "payment_id": posting.payment_id, "currency": posting.currency}
    statement = insert(ledger_transactions).values(head | {"resolves_id": resolves, "created_at": now})
    unless_there = statement.on_conflict_do_nothing(index_elements=["source", "source_id"]).returning(ledger_transactions.c.id)
    transaction_id = connection.execute(unless_there).scalar_one_or_none()
    if transaction_id is None:
        return False
    _move_balances(connection, posting)
    rows = [
        {
            "transaction_id": transaction_id,
            "account_code": line.account.code,
            "currency": posting.currency,
            "side": line.side.value,
            "layer": line.layer.value,
            "amount_minor": line.amount_minor,
        }
        for line in posting.lines
    ]
    connection.execute(insert(ledger_entries), rows)
    return True


def _change(lines: tuple[Line, ...], code: str, layer: Layer) -> int:
    return sum(
        line.amount_minor if line.side is Side.DEBIT else -line.amount_minor
        for line in lines
        if line.account.code == code and line.layer is layer
    )


def _move_balances(connection: Connection, posting: Posting) -> None:
    """Make and lock the accounts in the order of their codes, so that two postings never wait for one another in a ring."""
    accounts = sorted({line.account for line in posting.lines}, key=lambda account: account.code)
    rows = [{"code": account.code, "currency": posting.currency, "kind": account.kind.value} for account in accounts]
    connection.execute(insert(ledger_accounts).on_conflict_do_nothing(), rows)
    moved = (
        update(ledger_accounts)
        .where(ledger_accounts.c.code == bindparam("of_code"), ledger_accounts.c.currency == posting.currency)
        .values(
            pending_minor=ledger_accounts.c.pending_minor + bindparam("pending_change"),
            posted_minor=ledger_accounts.c.posted_minor + bindparam("posted_change"),
        )
    )
    changes = [
        {
            "of_code": account.code,
            "pending_change": _change(posting.lines, account.code, Layer.PENDING),
            "posted_change": _change(posting.lines, account.code, Layer.POSTED),
        }
        for account in accounts
    ]
    connection.execute(moved, changes)
