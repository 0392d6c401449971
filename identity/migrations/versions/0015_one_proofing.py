"""How a person was checked stands in one table, person_proofings; activation writes there too."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
CONTRACTS = "nothing has read this table since it was made, and the activation of this release writes to person_proofings"


def upgrade() -> None:
    """Drop the other one: nothing read it."""
    op.drop_table("proofings")


def downgrade() -> None:
    """Make it again, empty."""
    op.create_table(
        "proofings",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("org_id", sa.String(80), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_proofings_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_proofings")),
    )
