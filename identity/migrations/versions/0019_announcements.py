"""What the operator tells everybody on every page."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "announcements",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("text_es", sa.String(300), nullable=False),
        sa.Column("text_en", sa.String(300), nullable=False),
        sa.Column("begins_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("made_by", sa.Uuid, nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("withdrawn_at", _TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
        sa.ForeignKeyConstraint(["made_by"], ["persons.id"], name=op.f("fk_announcements_made_by")),
        sa.CheckConstraint("kind IN ('work', 'news')", name=op.f("ck_announcements_kind")),
        sa.CheckConstraint("ends_at > begins_at", name=op.f("ck_announcements_ends_later")),
    )
    op.create_index(op.f("ix_announcements_ends_at"), "announcements", ["ends_at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("announcements")
