"""The tables of the log, in the metadata that every service's migrations include."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text, Uuid

from shared.db import UtcDateTime, shared_metadata

audit_entries = Table(
    "audit_entries",
    shared_metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("core", Text, nullable=False, comment="canonical JSON (RFC 8785): the very bytes that are hashed"),
)
"""What happened. Append-only."""

audit_sides = Table(
    "audit_sides",
    shared_metadata,
    # No foreign key: one statement writes both rows, entries never go, and a key costs every audited request its check.
    Column("entry_id", Uuid, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("subject", LargeBinary, comment="encrypted scheme:value"),
    Column("subject_index", LargeBinary, comment="blind index of the subject"),
    Column("extra", LargeBinary, comment="encrypted JSON"),
    Column("received_at", UtcDateTime, nullable=False),
    # entry_id is a UUIDv7 and so in order of time: one person's entries, newest first, are one walk of this index.
    Index(None, "subject_index", "entry_id"),
    Index(None, "received_at"),
)
"""Whom it concerned. Erasable; never changed."""

audit_pending = Table(
    "audit_pending",
    shared_metadata,
    Column("occurred_at", UtcDateTime, primary_key=True),
    Column("entry_id", Uuid, primary_key=True),
    Column("leaf_hash", LargeBinary, nullable=False, comment="as computed by the writer"),
)
"""Entries that wait for their sequence number, in the order in which they get it. Small: seconds of writing."""

audit_sequence = Table(
    "audit_sequence",
    shared_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", Uuid, ForeignKey("audit_entries.entry_id"), nullable=False, unique=True),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("row_hash", LargeBinary, nullable=False),
)
"""The order of the log: 1, 2, 3 … without gaps. Append-only."""

audit_nodes = Table(
    "audit_nodes",
    shared_metadata,
    Column("level", SmallInteger, primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""Complete subtrees of two leaves and more (level 0 is `audit_sequence.leaf_hash`). Append-only."""

audit_checkpoints = Table(
    "audit_checkpoints",
    shared_metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("signed_at", UtcDateTime, nullable=False),
)
"""What this service signed. Append-only."""

audit_witnessed = Table(
    "audit_witnessed",
    shared_metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
"""What this service saw other services sign. Append-only."""

APPEND_ONLY = (audit_entries, audit_sequence, audit_nodes, audit_checkpoints, audit_witnessed)
ERASABLE = (audit_sides, audit_pending)
"""Rows may go (erased, or given a number) but not change."""
