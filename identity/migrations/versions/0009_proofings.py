"""How persons' identities were checked."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_proofings",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("proofing_sealed", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_person_proofings"),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_person_proofings_person_id"),
    )


def downgrade() -> None:
    op.drop_table("person_proofings")
