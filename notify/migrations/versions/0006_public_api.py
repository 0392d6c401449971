"""Files by link, attachments, received texts, unsubscribe requests, and what a service says of itself for them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("services", sa.Column("contact_link", sa.String(length=500), nullable=True))
    op.add_column("notifications", sa.Column("reason", sa.String(length=80), nullable=True))
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("about_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("available_until", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_documents_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
    )
    op.create_index(op.f("ix_documents_available_until"), "documents", ["available_until"])
    op.create_table(
        "message_attachments",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("notification_id", "position", name=op.f("pk_message_attachments")),
    )
    op.create_table(
        "inbound_numbers",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_inbound_numbers_service_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_inbound_numbers")),
    )
    op.create_index(op.f("ix_inbound_numbers_service_id"), "inbound_numbers", ["service_id"])
    op.create_table(
        "received_texts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("notify_number", sa.String(length=20), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("provider_reference", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_received_texts_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_texts")),
    )
    op.create_index("ix_received_texts_service_id_created_at_id", "received_texts", ["service_id", "created_at", "id"])
    op.create_index(op.f("ix_received_texts_created_at"), "received_texts", ["created_at"])
    op.create_index("uq_received_texts_provider_provider_reference", "received_texts", ["provider", "provider_reference"], unique=True)
    op.create_table(
        "unsubscribe_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("processed_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_unsubscribe_requests_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unsubscribe_requests")),
    )
    op.create_index(
        "uq_unsubscribe_requests_open",
        *("unsubscribe_requests", ["notification_id"]),
        unique=True,
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_index("ix_unsubscribe_requests_service_id_requested_at", "unsubscribe_requests", ["service_id", "requested_at"])


def downgrade() -> None:
    for table in ("unsubscribe_requests", "received_texts", "inbound_numbers", "message_attachments", "documents"):
        op.drop_table(table)
    op.drop_column("notifications", "reason")
    for column in ("contact_link",):
        op.drop_column("services", column)
