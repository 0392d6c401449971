"""The first tables of notify."""

from typing import cast

import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import ARRAY

from shared import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = (
    *("mailbox_messages", "letter_files", "notifications", "template_versions", "templates"),
    *("service_callbacks", "senders", "guest_list_entries", "api_keys", "services"),
)


def upgrade() -> None:
    schema.create_v1(cast(Operations, op))
    _create_services()
    _create_templates()
    _create_notifications()
    _create_letters_and_mailbox()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    schema.drop_v1(cast(Operations, op))


def _create_services() -> None:
    op.create_table(
        "services",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("permissions", ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("prefix_sms", sa.Boolean(), nullable=False),
        sa.Column("email_local_part", sa.String(length=64), nullable=False),
        sa.Column("rate_per_minute", sa.Integer(), nullable=False),
        sa.Column("daily_email", sa.Integer(), nullable=False),
        sa.Column("daily_sms", sa.Integer(), nullable=False),
        sa.Column("daily_letter", sa.Integer(), nullable=False),
        sa.Column("daily_international_sms", sa.Integer(), nullable=False),
        sa.Column("daily_mailbox", sa.Integer(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('normal', 'team', 'test')", name=op.f("ck_api_keys_kind")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_api_keys_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_service_id"), "api_keys", ["service_id"])
    op.create_table(
        "guest_list_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_index", sa.LargeBinary(), nullable=False),
        sa.Column("is_team", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_guest_list_entries_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guest_list_entries")),
        sa.UniqueConstraint("service_id", "recipient_index", name=op.f("uq_guest_list_entries_service_id_recipient_index")),
    )
    op.create_table(
        "senders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=1000), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("channel IN ('email', 'sms', 'letter')", name=op.f("ck_senders_channel")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_senders_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_senders")),
    )
    op.create_index(op.f("ix_senders_service_id"), "senders", ["service_id"])
    op.create_table(
        "service_callbacks",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("bearer_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('delivery_status')", name=op.f("ck_service_callbacks_kind")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_callbacks_service_id")),
        sa.PrimaryKeyConstraint("service_id", "kind", name=op.f("pk_service_callbacks")),
    )


def _create_templates() -> None:
    op.create_table(
        "templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=True),
        sa.CheckConstraint("channel IN ('email', 'sms', 'letter', 'mailbox')", name=op.f("ck_templates_channel")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_templates_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
    )
    op.create_index(op.f("ix_templates_service_id"), "templates", ["service_id"])
    op.create_table(
        "template_versions",
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("postage", sa.String(length=20), nullable=True),
        sa.Column("contact_block", sa.Text(), nullable=True),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["template_id"], ["templates.id"], name=op.f("fk_template_versions_template_id")),
        sa.PrimaryKeyConstraint("template_id", "version", name=op.f("pk_template_versions")),
    )


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("key_kind", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("reference", sa.String(length=1000), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_index", sa.LargeBinary(), nullable=False),
        sa.Column("sender", sa.String(length=1000), nullable=True),
        sa.Column("postage", sa.String(length=20), nullable=True),
        sa.Column("international", sa.Boolean(), nullable=False),
        sa.Column("rate_multiplier", sa.Integer(), nullable=False),
        sa.Column("billable_units", sa.Integer(), nullable=True),
        sa.Column("scheduled_for", _TIME, nullable=True),
        sa.Column("provider", sa.String(length=40), nullable=True),
        sa.Column("provider_reference", sa.String(length=200), nullable=True),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.Column("updated_at", _TIME, nullable=True),
        sa.CheckConstraint("key_kind IN ('normal', 'team', 'test')", name=op.f("ck_notifications_key_kind")),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name=op.f("fk_notifications_api_key_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_notifications_service_id")),
        sa.ForeignKeyConstraint(
            ["template_id", "template_version"],
            ["template_versions.template_id", "template_versions.version"],
            name=op.f("fk_notifications_template_id_template_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index(
        "ix_notifications_open", "notifications", ["created_at"], postgresql_where=sa.text("status IN ('created', 'sending', 'pending')")
    )
    op.create_index("ix_notifications_reference", "notifications", ["reference"], postgresql_using="hash")
    op.create_index("ix_notifications_service_id_key_kind_created_at_id", "notifications", ["service_id", "key_kind", "created_at", "id"])
    op.create_index("ix_notifications_service_id_recipient_index", "notifications", ["service_id", "recipient_index"])


def _create_letters_and_mailbox() -> None:
    op.create_table(
        "letter_files",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("pdf_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"], name=op.f("fk_letter_files_notification_id")),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_letter_files")),
    )
    op.create_table(
        "mailbox_messages",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("person_index", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("read_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"], name=op.f("fk_mailbox_messages_notification_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_mailbox_messages_service_id")),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_mailbox_messages")),
    )
    op.create_index("ix_mailbox_messages_person_index_created_at", "mailbox_messages", ["person_index", "created_at"])
