"""The log's part of a service's first migration: tables, and triggers that refuse to let them change.

`create_v1` is frozen: it describes the tables as they were in version 1. A later change is a `change_v2` beside it.
"""

import sqlalchemy as sa
from alembic.operations import Operations

_APPEND_ONLY = ("audit_entries", "audit_sequence", "audit_nodes", "audit_checkpoints", "audit_witnessed")
_ERASABLE = ("audit_sides", "audit_pending")

# restrict_violation reaches SQLAlchemy as an IntegrityError.
_REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the audit log is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def create_v1(op: Operations) -> None:
    """Create the tables and triggers."""
    _create_log(op)
    _create_proofs(op)
    op.execute(_REFUSE)
    for table in _APPEND_ONLY:
        _refuse(op, table, "UPDATE OR DELETE OR TRUNCATE")
    for table in _ERASABLE:
        _refuse(op, table, "UPDATE OR TRUNCATE")


def drop_v1(op: Operations) -> None:
    """Drop what `create_v1` created."""
    for table in ("audit_witnessed", "audit_checkpoints", "audit_nodes", "audit_sequence", "audit_pending", "audit_sides", "audit_entries"):
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_refuse()")


def _create_log(op: Operations) -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "audit_entries",
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("occurred_at", time, nullable=False),
        sa.Column("core", sa.Text, nullable=False, comment="canonical JSON (RFC 8785): the very bytes that are hashed"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_entries")),
    )
    op.create_table(
        "audit_sides",
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("subject", sa.LargeBinary, comment="encrypted scheme:value"),
        sa.Column("subject_index", sa.LargeBinary, comment="blind index of the subject"),
        sa.Column("extra", sa.LargeBinary, comment="encrypted JSON"),
        sa.Column("received_at", time, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_sides")),
    )
    op.create_index(op.f("ix_audit_sides_subject_index_entry_id"), "audit_sides", ["subject_index", "entry_id"])
    op.create_index(op.f("ix_audit_sides_received_at"), "audit_sides", ["received_at"])
    op.create_table(
        "audit_pending",
        sa.Column("occurred_at", time, nullable=False),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False, comment="as computed by the writer"),
        sa.PrimaryKeyConstraint("occurred_at", "entry_id", name=op.f("pk_audit_pending")),
    )
    # Rows live for a second: vacuum by count, not by share, so that the head of the index stays short.
    op.execute("ALTER TABLE audit_pending SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)")


def _create_proofs(op: Operations) -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "audit_sequence",
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("row_hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_sequence")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_sequence_entry_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entries.entry_id"], name=op.f("fk_audit_sequence_entry_id")),
    )
    op.create_table(
        "audit_nodes",
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("index", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_audit_nodes")),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("signed_at", time, nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "audit_witnessed",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("seen_at", time, nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_audit_witnessed")),
    )


def _refuse(op: Operations, table: str, changes: str) -> None:
    """Refuse changes by whole statement, also those that would touch no row; ALWAYS holds in replica sessions too."""
    op.execute(f"CREATE TRIGGER audit_refuse BEFORE {changes} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_refuse")
