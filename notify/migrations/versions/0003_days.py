"""Messages and letters in a table a day; counts that stay when a day goes.

What stands there already is moved into the tables of the rest; later days get tables of their own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_INDEXES = (
    "CREATE INDEX ix_notifications_open ON notifications (created_at) WHERE status IN ('created', 'sending', 'pending')",
    "CREATE INDEX ix_notifications_reference ON notifications USING hash (reference)",
    "CREATE INDEX ix_notifications_service_id_key_kind_created_at_id ON notifications (service_id, key_kind, created_at, id)",
    "CREATE INDEX ix_notifications_service_id_recipient_index ON notifications (service_id, recipient_index)",
)


def upgrade() -> None:
    op.execute("CREATE SCHEMA days")
    op.drop_constraint("fk_letter_files_notification_id", "letter_files")
    op.drop_constraint("fk_mailbox_messages_notification_id", "mailbox_messages")
    op.add_column("notifications", sa.Column("bulk_id", sa.Uuid(), nullable=True))
    op.add_column("notifications", sa.Column("row_number", sa.Integer(), nullable=True))
    _repartition("notifications", "id", keep_checks=True)
    for index in _INDEXES:
        op.execute(index)
    op.execute("CREATE INDEX ix_notifications_bulk_id ON notifications (bulk_id) WHERE bulk_id IS NOT NULL")
    _repartition("letter_files", "notification_id")
    op.create_table(
        "message_counts",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("key_kind", sa.String(length=10), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("rate_multiplier", sa.Integer(), nullable=False),
        sa.Column("postage", sa.String(length=20), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("billable_units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("service_id", "day", "channel", "key_kind", "template_id", "status", "rate_multiplier", "postage"),
            name=op.f("pk_message_counts"),
        ),
    )


def downgrade() -> None:
    op.drop_table("message_counts")
    for table, key in (("letter_files", "notification_id"), ("notifications", "id")):
        op.execute(f"CREATE TABLE {table}_whole (LIKE {table} INCLUDING CONSTRAINTS)")
        op.execute(f"INSERT INTO {table}_whole SELECT * FROM {table}")  # noqa: S608 - our own names
        op.execute(f"DROP TABLE {table}")
        op.execute(f"ALTER TABLE {table}_whole RENAME TO {table}")
        op.create_primary_key(op.f(f"pk_{table}"), table, [key])
    op.drop_column("notifications", "bulk_id")
    op.drop_column("notifications", "row_number")
    for index in _INDEXES:
        op.execute(index)
    versions = ["template_id", "version"]
    op.create_foreign_key(op.f("fk_notifications_api_key_id"), "notifications", "api_keys", ["api_key_id"], ["id"])
    op.create_foreign_key(op.f("fk_notifications_service_id"), "notifications", "services", ["service_id"], ["id"])
    op.create_foreign_key(
        op.f("fk_notifications_template_id_template_version"),
        *("notifications", "template_versions", ["template_id", "template_version"], versions),
    )
    for table in ("letter_files", "mailbox_messages"):
        gone = f"DELETE FROM {table} WHERE NOT EXISTS (SELECT FROM notifications n WHERE n.id = notification_id)"  # noqa: S608 - our own names
        op.execute(gone)
        op.create_foreign_key(op.f(f"fk_{table}_notification_id"), table, "notifications", ["notification_id"], ["id"])
    op.execute("DROP SCHEMA days CASCADE")


def _repartition(table: str, key: str, *, keep_checks: bool = False) -> None:
    """Put a partitioned table in the place of a plain one, which becomes the table of the rest."""
    rest = f"{table}_rest"
    if keep_checks:
        for constraint in ("api_key_id", "service_id", "template_id_template_version"):
            op.drop_constraint(f"fk_{table}_{constraint}", table)
    op.execute(f"ALTER TABLE {table} RENAME TO {rest}")
    op.execute(f"ALTER TABLE {rest} SET SCHEMA days")
    op.execute(f"ALTER INDEX days.pk_{table} RENAME TO pk_{rest}")
    for index in _INDEXES if table == "notifications" else ():
        name = index.split()[2]
        op.execute(f"DROP INDEX days.{name}")
    including = "INCLUDING DEFAULTS" + (" INCLUDING CONSTRAINTS" if keep_checks else "")
    op.execute(f"CREATE TABLE {table} (LIKE days.{rest} {including}) PARTITION BY RANGE ({key})")
    op.create_primary_key(op.f(f"pk_{table}"), table, [key])
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION days.{rest} DEFAULT")
