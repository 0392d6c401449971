"""`andamio export`: everything that a service keeps, in files that need nothing of ours to be read.  Spec: ID-15.

A folder: `TABLE.csv` for each table (RFC 4180, UTF-8, a head line, bytes in PostgreSQL's hexadecimal form), all of one moment;
`export.json` with the form of each table and how sealed values are opened; and `keys.json`, the data keys, where they are asked for.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import select

from deploy.errors import CannotStart
from deploy.serving import create_context
from shared.context import Context
from shared.crypto import data_keys

INDEX, KEYS = "export.json", "keys.json"
SEALED_FORM = "byte 0: 01; bytes 1-12: nonce; the rest: AES-256-GCM ciphertext and tag; additional data: the scope's name in UTF-8"
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 2
"""
_COLUMNS = """
SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position
"""


@dataclass(frozen=True)
class Written:
    """One table of an export."""

    table: str
    rows: int


def export(service: str, folder: Path, *, with_keys: bool) -> list[Written]:
    """Write a service's tables into an empty folder; requests go on meanwhile.  Raises: CannotStart."""
    if folder.exists() and any(folder.iterdir()):
        raise CannotStart(f"{folder} is not empty: an export is never written over another.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    context = create_context(service)
    try:
        with psycopg.connect(context.settings.database_url.reveal(), connect_timeout=10) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            tables = {name: _columns(connection, name) for _, name in connection.execute(_TABLES).fetchall()}
            written = [Written(name, _write(connection, name, folder)) for name in tables]
        if with_keys:
            _write_keys(context, folder / KEYS)
    finally:
        context.close()
    about = {"service": service, "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "sealed": SEALED_FORM, "tables": tables}
    (folder / INDEX).write_text(json.dumps(about, indent=1), encoding="utf-8")
    return written


def _columns(connection: "psycopg.Connection[tuple[object, ...]]", table: str) -> list[dict[str, object]]:
    rows = connection.execute(_COLUMNS, (table,)).fetchall()
    return [{"name": name, "type": kind, "may_be_empty": nullable} for name, kind, nullable in rows]


def _write(connection: "psycopg.Connection[tuple[object, ...]]", table: str, folder: Path) -> int:
    order = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT csv, HEADER true, ENCODING 'UTF8')").format(sql.Identifier(table))
    with (folder / f"{table}.csv").open("wb") as file, connection.cursor() as cursor:
        with cursor.copy(order) as copy:
            for chunk in copy:
                file.write(chunk)
        return cursor.rowcount


def _write_keys(context: Context, path: Path) -> None:
    """Write the data keys, scope by scope: whoever has them reads every personal value of the export."""
    with context.reading() as tx:
        rows = tx.connection.execute(select(data_keys.c.scope, data_keys.c.kek_id, data_keys.c.wrapped)).all()
    keys = {row.scope: base64.b64encode(context.keyring.unwrap(row.kek_id, row.wrapped, row.scope)).decode() for row in rows}
    path.touch(mode=0o600)
    path.write_text(json.dumps(keys, indent=1), encoding="utf-8")
