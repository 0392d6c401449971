"""Checks of a team's test site; what goes wrong on purpose with one code."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column."""
    op.add_column("authorization_codes", sa.Column("fault", sa.String(20)))
    op.create_table(
        "site_checks",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("asked_by", sa.Uuid, nullable=False),
        sa.Column("login_url", sa.String(2000), nullable=False),
        sa.Column("page_url", sa.String(2000), nullable=False),
        sa.Column("sign_out_url", sa.String(2000), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("findings", JSONB, nullable=False),
        sa.Column("is_clean", sa.Boolean, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_checks")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_site_checks_client_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["asked_by"], ["persons.id"], name=op.f("fk_site_checks_asked_by")),
    )
    op.create_index("ix_site_checks_client_id_asked_at", "site_checks", ["client_id", "asked_at"])


def downgrade() -> None:
    """Remove both."""
    op.drop_table("site_checks")
    op.drop_column("authorization_codes", "fault")
