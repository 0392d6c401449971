"""Encrypted ID tokens, what a client shows of itself, vectors of trust, and keys that are not trusted any more."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_URIS = ("logo_uri", "policy_uri", "tos_uri")


def upgrade() -> None:
    """Add them."""
    op.add_column("clients", sa.Column("id_token_encryption_alg", sa.String(20)))
    for name in _URIS:
        op.add_column("clients", sa.Column(name, sa.String(2000)))
    op.add_column("clients", sa.Column("names", JSONB, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("grants", sa.Column("vot", sa.String(10)))
    op.add_column("signing_keys", sa.Column("revoked_at", _TIME))
    op.create_table(
        "client_logos",
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("picture", sa.LargeBinary, nullable=False),
        sa.Column("fetched_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_client_logos_client_id")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client_logos")),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("client_logos")
    op.drop_column("signing_keys", "revoked_at")
    op.drop_column("grants", "vot")
    for name in ("names", *_URIS, "id_token_encryption_alg"):
        op.drop_column("clients", name)
