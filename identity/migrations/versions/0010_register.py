"""Activation codes, proofing, recoveries, what the register tells of a service, and its way to live."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = (
    "registry_marks",
    "activation_codes",
    "proofings",
    "recoveries",
)


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "registry_marks",
        sa.Column("id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_marks")),
    )
    op.create_table(
        "activation_codes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("code_index", sa.LargeBinary, nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries_left", sa.SmallInteger, nullable=False),
        sa.Column("delivery", sa.String(10), nullable=False),
        sa.Column("contact_sealed", sa.LargeBinary, nullable=True),
        sa.Column("check_method", sa.String(20), nullable=False),
        sa.Column("org_id", sa.String(80), nullable=False),
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("issued_by", sa.Uuid, nullable=False),
        sa.Column("approved_by", sa.Uuid, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.CheckConstraint("check_method IN ('card-and-face', 'video')", name=op.f("ck_activation_codes_check_method")),
        sa.CheckConstraint("delivery IN ('printed', 'email', 'sms')", name=op.f("ck_activation_codes_delivery")),
        sa.ForeignKeyConstraint(["approved_by"], ["persons.id"], name=op.f("fk_activation_codes_approved_by")),
        sa.ForeignKeyConstraint(["issued_by"], ["persons.id"], name=op.f("fk_activation_codes_issued_by")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_activation_codes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activation_codes")),
    )
    op.create_index(op.f("ix_activation_codes_issued_by"), "activation_codes", ["issued_by"], unique=False)
    op.create_index(op.f("ix_activation_codes_person_id"), "activation_codes", ["person_id"], unique=False)
    op.create_index(
        "uq_activation_codes_live",
        "activation_codes",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'valid')"),
    )
    op.create_table(
        "proofings",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("org_id", sa.String(80), nullable=False),
        sa.Column("checked_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_proofings_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_proofings")),
    )
    op.create_table(
        "recoveries",
        sa.Column("id_hash", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("cancel_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("proofs", ARRAY(sa.String), nullable=False),
        sa.Column("ready_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_recoveries_person_id")),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_recoveries")),
        sa.UniqueConstraint("cancel_hash", name=op.f("uq_recoveries_cancel_hash")),
    )
    op.create_index(op.f("ix_recoveries_expires_at"), "recoveries", ["expires_at"], unique=False)
    op.create_index(op.f("ix_recoveries_person_id"), "recoveries", ["person_id"], unique=False)
    _add_columns()


def _add_columns() -> None:
    op.add_column("services", sa.Column("owner", sa.String(200), server_default="", nullable=False))
    op.add_column("services", sa.Column("legal_basis", sa.String(500), server_default="", nullable=False))
    op.add_column("services", sa.Column("channels", ARRAY(sa.String), server_default="{web}", nullable=False))
    for column in ("live_asked_by", "live_approved_by"):
        op.add_column("services", sa.Column(column, sa.Uuid, nullable=True))
        op.create_foreign_key(op.f(f"fk_services_{column}"), "services", "persons", [column], ["id"])
    op.add_column("services", sa.Column("live_asked_at", _TIME, nullable=True))
    op.add_column("services", sa.Column("live_at", _TIME, nullable=True))
    op.drop_constraint("ck_persons_state", "persons")
    op.create_check_constraint("ck_persons_state", "persons", "state IN ('active', 'suspended', 'deceased', 'pending')")


def downgrade() -> None:
    """Remove them."""
    op.execute("UPDATE persons SET state = 'suspended' WHERE state = 'pending'")
    op.drop_constraint("ck_persons_state", "persons")
    op.create_check_constraint("ck_persons_state", "persons", "state IN ('active', 'suspended', 'deceased')")
    for column in ("live_asked_by", "live_approved_by"):
        op.drop_constraint(op.f(f"fk_services_{column}"), "services", type_="foreignkey")
    for column in ("live_at", "live_asked_at", "live_approved_by", "live_asked_by", "channels", "legal_basis", "owner"):
        op.drop_column("services", column)
    for table in reversed(_TABLES):
        op.drop_table(table)
