"""Consent flows: requests that began at identity's authorization endpoint, and the grant that a request replaces."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration


def upgrade() -> None:
    op.add_column("consent_requests", sa.Column("is_flow", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("consent_requests", sa.Column("replaces", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("consent_requests", "replaces")
    op.drop_column("consent_requests", "is_flow")
