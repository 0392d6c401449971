"""Tokens exchanged along registered edges."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_tokens", sa.Column("act", JSONB))
    op.create_table(
        "exchange_edges",
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("from_audience", sa.String(2000), nullable=False),
        sa.Column("to_audience", sa.String(2000), nullable=False),
        sa.Column("scopes", ARRAY(sa.String), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "from_audience", "to_audience", name="pk_exchange_edges"),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_exchange_edges_client_id"),
    )


def downgrade() -> None:
    op.drop_table("exchange_edges")
    op.drop_column("access_tokens", "act")
