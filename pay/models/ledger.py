"""The ledger's three tables.  Triggers of the migration refuse change, and any posting that does not balance.

Spec: pay-design.md §3.
"""

import json
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
    text,
)

from pay.models.base import metadata
from pay.standards.ledger import Posting
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


_RESOLVED = select(ledger_transactions.c.id).where(
    ledger_transactions.c.source == bindparam("of_source"), ledger_transactions.c.source_id == bindparam("of_id")
)
_POST = text("""
    WITH line AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:lines AS json)) AS row (place int, code text, kind text, side text, layer text, amount bigint)
    ), head AS (
        INSERT INTO ledger_transactions (source, source_id, payment_id, currency, resolves_id, created_at)
        VALUES (:source, :source_id, :payment_id, :currency, :resolves_id, :now)
        ON CONFLICT (source, source_id) DO NOTHING
        RETURNING id
    ), moved AS (
        INSERT INTO ledger_accounts AS account (code, currency, kind, pending_minor, posted_minor)
        SELECT code, :currency, kind,
               coalesce(sum(signed) FILTER (WHERE layer = 'pending'), 0), coalesce(sum(signed) FILTER (WHERE layer = 'posted'), 0)
        FROM (SELECT code, kind, layer, CASE side WHEN 'debit' THEN amount ELSE -amount END AS signed FROM line) AS change
        WHERE EXISTS (SELECT FROM head)
        GROUP BY code, kind
        ORDER BY code
        ON CONFLICT (code, currency) DO UPDATE
        SET pending_minor = account.pending_minor + excluded.pending_minor, posted_minor = account.posted_minor + excluded.posted_minor
    )
    INSERT INTO ledger_entries (transaction_id, account_code, currency, side, layer, amount_minor)
    SELECT head.id, code, :currency, side, layer, amount FROM head CROSS JOIN line ORDER BY place
""")
# Accounts are made or locked in the order of their codes, so that two postings never wait for one another in a ring.


def post(connection: Connection, posting: Posting, now: datetime) -> bool:
    """Write a posting and move the balances, in the present transaction; False when it is already there.

    Raises: NoResultFound where there is nothing that it could resolve.
    """
    resolves = None
    if posting.resolves is not None:
        asked = {"of_source": posting.resolves.value, "of_id": posting.source_id}
        resolves = connection.execute(_RESOLVED, asked).scalar_one()
    lines = [
        {
            "place": place,
            "code": line.account.code,
            "kind": line.account.kind.value,
            "side": line.side.value,
            "layer": line.layer.value,
            "amount": line.amount_minor,
        }
        for place, line in enumerate(posting.lines)
    ]
    values = {
        "lines": json.dumps(lines),
        "source": posting.source.value,
        "source_id": posting.source_id,
        "payment_id": posting.payment_id,
        "currency": posting.currency,
        "resolves_id": resolves,
        "now": now,
    }
    return connection.execute(_POST, values).rowcount > 0
