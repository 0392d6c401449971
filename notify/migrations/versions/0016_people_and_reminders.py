"""How people want to be written to, messages followed from channel to channel, and reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "person_preferences",
        sa.Column("person_index", sa.LargeBinary(), nullable=False),
        sa.Column("channels", sa.ARRAY(sa.String(length=10)), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("person_index", name=op.f("pk_person_preferences")),
    )
    op.create_table(
        "person_sends",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("look_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_person_sends")),
    )
    op.create_index("ix_person_sends_look_at", "person_sends", ["look_at"])
    op.create_table(
        "reminders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("set_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("unread_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("fault", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'cancelled', 'not-needed', 'refused')", name=op.f("ck_reminders_state")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_reminders_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
    )
    op.create_index("ix_reminders_due", "reminders", ["due_at"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_index("ix_reminders_service_id_set_id", "reminders", ["service_id", "set_id"])


def downgrade() -> None:
    op.drop_table("reminders")
    op.drop_table("person_sends")
    op.drop_table("person_preferences")
