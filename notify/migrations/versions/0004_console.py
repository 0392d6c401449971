"""What the console needs: the organisation of a service, folders of templates."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("services", sa.Column("org_id", sa.String(length=80), nullable=True))
    op.create_index(op.f("ix_services_org_id"), "services", ["org_id"])
    op.add_column("templates", sa.Column("folder", sa.String(length=80), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("templates", "folder")
    op.drop_index(op.f("ix_services_org_id"), "services")
    op.drop_column("services", "org_id")
