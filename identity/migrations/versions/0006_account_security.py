"""Passkeys, recovery codes, contacts, counters against robots, a person's history."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = (
    "counts",
    "history_days",
    "spent",
    "contact_changes",
    "history_events",
    "message_codes",
    "passkey_users",
    "passkeys",
    "recovery_codes",
)


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "counts",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("window_started_at", _TIME, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", "window_started_at", name=op.f("pk_counts")),
    )
    op.create_index(op.f("ix_counts_expires_at"), "counts", ["expires_at"], unique=False)
    op.create_table(
        "history_days",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_history_days")),
    )
    op.create_table(
        "spent",
        sa.Column("mark_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("mark_hash", name=op.f("pk_spent")),
    )
    op.create_index(op.f("ix_spent_expires_at"), "spent", ["expires_at"], unique=False)
    op.create_table(
        "contact_changes",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary, nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_contact_changes_person_id")),
        sa.PrimaryKeyConstraint("person_id", "channel", name=op.f("pk_contact_changes")),
    )
    op.create_table(
        "history_events",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("what", sa.String(30), nullable=False),
        sa.Column("details_sealed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_history_events_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_events")),
    )
    op.create_index(op.f("ix_history_events_occurred_at"), "history_events", ["occurred_at"], unique=False)
    op.create_index(op.f("ix_history_events_person_id"), "history_events", ["person_id"], unique=False)
    op.create_table(
        "message_codes",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("purpose", sa.String(30), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("code_index", sa.LargeBinary, nullable=False),
        sa.Column("tries_left", sa.SmallInteger, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.CheckConstraint("channel IN ('sms', 'email', 'mailbox')", name=op.f("ck_message_codes_channel")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_message_codes_person_id")),
        sa.PrimaryKeyConstraint("person_id", "purpose", name=op.f("pk_message_codes")),
    )
    op.create_index(op.f("ix_message_codes_expires_at"), "message_codes", ["expires_at"], unique=False)
    op.create_table(
        "passkey_users",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("handle", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_passkey_users_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_passkey_users")),
        sa.UniqueConstraint("handle", name=op.f("uq_passkey_users_handle")),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("credential_id", sa.LargeBinary, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("backup_eligible", sa.Boolean, nullable=False),
        sa.Column("backed_up", sa.Boolean, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_passkeys_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_person_id"), "passkeys", ["person_id"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("code_index", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_recovery_codes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("code_index", name=op.f("uq_recovery_codes_code_index")),
    )
    op.create_index(op.f("ix_recovery_codes_person_id"), "recovery_codes", ["person_id"], unique=False)
    _add_columns()


def _add_columns() -> None:
    op.add_column("persons", sa.Column("language", sa.String(5), server_default="es", nullable=False))
    op.add_column("sso_sessions", sa.Column("level_at", _TIME, nullable=True))
    op.add_column("sso_sessions", sa.Column("device", sa.String(60), server_default="", nullable=False))
    op.add_column("sso_sessions", sa.Column("place", sa.String(80), server_default="", nullable=False))
    op.add_column("sso_sessions", sa.Column("kiosk", sa.Boolean, server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Remove them."""
    for column in ("kiosk", "place", "device", "level_at"):
        op.drop_column("sso_sessions", column)
    op.drop_column("persons", "language")
    for table in reversed(_TABLES):
        op.drop_table(table)
