"""Signed calls to services, what they were told, and each try."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_service_callbacks_kind"), "service_callbacks")
    kinds = "kind IN ('delivery_status', 'inbound_sms', 'complaint', 'returned_letter')"
    op.create_check_constraint(op.f("ck_service_callbacks_kind"), "service_callbacks", kinds)
    op.add_column("service_callbacks", sa.Column("secret_sealed", sa.LargeBinary(), nullable=True))
    op.create_table(
        "callback_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_callback_calls_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_calls")),
    )
    op.create_index("ix_callback_calls_service_id_created_at_id", "callback_calls", ["service_id", "created_at", "id"])
    op.create_index(op.f("ix_callback_calls_created_at"), "callback_calls", ["created_at"])
    op.create_table(
        "callback_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["callback_calls.id"], name=op.f("fk_callback_attempts_call_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_attempts")),
    )
    op.create_index(op.f("ix_callback_attempts_call_id"), "callback_attempts", ["call_id"])


def downgrade() -> None:
    op.drop_table("callback_attempts")
    op.drop_table("callback_calls")
    op.drop_column("service_callbacks", "secret_sealed")
    op.execute("DELETE FROM service_callbacks WHERE kind <> 'delivery_status'")
    op.drop_constraint(op.f("ck_service_callbacks_kind"), "service_callbacks")
    op.create_check_constraint(op.f("ck_service_callbacks_kind"), "service_callbacks", "kind IN ('delivery_status')")
