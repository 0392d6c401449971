"""Many payments with their entries in the books, written in bulk, so that searches and the proof can be measured over them."""

from typing import Any

import psycopg

from deploy.errors import CannotStart

AMOUNT = 3_500
STEP = 100_000
TRIGGERS = {"ledger_transactions": "ledger_transactions_balance", "ledger_entries": "ledger_entries_balance"}
"""What checks each row's balance as it is written; the proof at the end looks at all of them instead."""

_PAYMENTS = """
INSERT INTO payments (id, account_id, state, amount_minor, currency, reference, description, return_url, language, gateway,
  authorisation_mode, delayed_capture, moto, created_at, updated_at, expires_at, capture_submitted_at, captured_at)
SELECT lpad(n::text, 26, '0'), %(account)s, 'CAPTURED', %(amount)s, 'CLP', 'REF-' || (n %% 100000), 'Certificado',
  'https://x.example/', 'es', 'sandbox', 'web', false, false, now() - n * interval '1 second', now(), now(), now(), now()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
_TRANSACTIONS = """
INSERT INTO ledger_transactions (id, source, source_id, payment_id, currency, resolves_id, created_at)
OVERRIDING SYSTEM VALUE
SELECT %(base)s + 2 * n + captured, CASE captured WHEN 0 THEN 'payment:authorised' ELSE 'payment:captured' END,
  lpad(n::text, 26, '0'), lpad(n::text, 26, '0'), 'CLP', CASE captured WHEN 1 THEN %(base)s + 2 * n END, now()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n CROSS JOIN generate_series(0, 1) captured ORDER BY n, captured
"""
# Reserved; then the reservation is reversed, and the same lines are posted.
_ENTRIES = """
INSERT INTO ledger_entries (transaction_id, account_code, currency, side, layer, amount_minor)
SELECT %(base)s + 2 * n + captured, CASE WHEN is_taken THEN %(taken)s ELSE %(owed)s END, 'CLP', side, layer, %(amount)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n CROSS JOIN (VALUES
  (0, true, 'debit', 'pending'), (0, false, 'credit', 'pending'),
  (1, true, 'credit', 'pending'), (1, false, 'debit', 'pending'),
  (1, true, 'debit', 'posted'), (1, false, 'credit', 'posted')) AS line (captured, is_taken, side, layer)
"""
_ACCOUNTS = """
INSERT INTO ledger_accounts (code, currency, kind, posted_minor)
VALUES (%(taken)s, 'CLP', 'asset', %(sum)s), (%(owed)s, 'CLP', 'liability', -%(sum)s)
ON CONFLICT (code, currency) DO UPDATE SET posted_minor = ledger_accounts.posted_minor + excluded.posted_minor
"""


_SLOW = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = 'payments'::regclass AND NOT i.indisprimary
"""
"""Indexes that are faster to make at the end than to keep while many rows are written."""
WITHOUT_INDEXES_FROM = 200_000


def fill(database_url: str, service_name: str, count: int, *, with_postings: bool = True) -> int:
    """Bring an account to `count` payments that were written so, with their postings where these are to be proved; return how many came.

    Raises: CannotStart where the account is not there.
    """
    with psycopg.connect(database_url) as connection:
        connection.execute("SET statement_timeout = 0")
        row = connection.execute("SELECT id, organisation_id FROM gateway_accounts WHERE service_name = %s", (service_name,)).fetchone()
        top = connection.execute("SELECT coalesce(max(id), 0) FROM ledger_transactions").fetchone()
        if row is None or top is None:
            raise CannotStart("the account for measuring is not there")
        known = connection.execute("SELECT count(*) FROM payments WHERE id < %s", ("0" * 15 + "1" * 11,)).fetchone()
        there = int(known[0]) if known else 0
        if there >= count:
            return 0
        new = count - there
        names: dict[str, Any] = {"account": row[0], "amount": AMOUNT, "base": top[0], "sum": AMOUNT * new}
        names |= {"taken": f"channel_receivable:sandbox:{row[0]}", "owed": f"beneficiary_payable:{row[1]}"}
        later = connection.execute(_SLOW).fetchall() if new >= WITHOUT_INDEXES_FROM else []
        for name, _ in later:
            connection.execute(f"DROP INDEX {name}")
        if with_postings:
            connection.execute(_ACCOUNTS, names)
            _switch(connection, "DISABLE")
        connection.commit()
        for first in range(there + 1, count + 1, STEP):
            part = names | {"first": first, "last": min(count, first + STEP - 1)}
            for statement in (_PAYMENTS, _TRANSACTIONS, _ENTRIES) if with_postings else (_PAYMENTS,):
                connection.execute(statement, part)
            connection.commit()
        if with_postings:
            _switch(connection, "ENABLE")
        connection.execute("SET maintenance_work_mem = '512MB'")
        for _, definition in later:
            connection.execute(definition)
        connection.execute("SELECT setval(pg_get_serial_sequence('ledger_transactions', 'id'), (SELECT max(id) FROM ledger_transactions))")
        connection.commit()
        connection.autocommit = True
        for table in ("payments", "ledger_transactions", "ledger_entries"):
            connection.execute(f"VACUUM ANALYZE {table}")
        return new


def _switch(connection: "psycopg.Connection[Any]", verb: str) -> None:
    for table, trigger in TRIGGERS.items():
        connection.execute(f"ALTER TABLE {table} {verb} TRIGGER {trigger}")
