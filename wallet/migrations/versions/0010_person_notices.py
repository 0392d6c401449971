"""Messages to people: what was told, what is not wanted, and how far the log was read."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.create_table(
        "person_notices",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("told_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("kind", "object_id", name=op.f("pk_person_notices")),
    )
    op.create_index("ix_person_notices_told_at", "person_notices", ["told_at"])
    op.create_table(
        "notice_wishes",
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("turned_off", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("subject_index", name=op.f("pk_notice_wishes")),
    )
    op.create_table(
        "log_marks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_log_marks")),
    )


def downgrade() -> None:
    for table in ("log_marks", "notice_wishes", "person_notices"):
        op.drop_table(table)
