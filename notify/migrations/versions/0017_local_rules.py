"""By which country's rules a service's numbers and addresses are read."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("services", sa.Column("number_region", sa.String(length=2), nullable=False, server_default="GB"))
    op.add_column("services", sa.Column("address_scheme", sa.String(length=2), nullable=False, server_default="uk"))
    op.create_check_constraint(op.f("ck_services_number_region"), "services", "number_region IN ('GB', 'CL')")
    op.create_check_constraint(op.f("ck_services_address_scheme"), "services", "address_scheme IN ('uk', 'cl')")


def downgrade() -> None:
    op.drop_column("services", "address_scheme")
    op.drop_column("services", "number_region")
