"""Acting for companies and other persons: companies, mandates, what was chosen, and grants that rest on a mandate."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TEXTS = ARRAY(sa.String)


def upgrade() -> None:
    """Add them."""
    _companies()
    _mandates()
    op.create_table(
        "representation_choices",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("mandate_id", sa.Uuid, nullable=True),
        sa.Column("chosen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "client_id", name=op.f("pk_representation_choices")),
        sa.ForeignKeyConstraint(["session_id"], ["sso_sessions.id"], name=op.f("fk_representation_choices_session_id")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_representation_choices_client_id")),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandates.id"], name=op.f("fk_representation_choices_mandate_id")),
    )
    op.add_column("grants", sa.Column("mandate_id", sa.Uuid, nullable=True))
    op.add_column("grants", sa.Column("powers", _TEXTS, nullable=True))
    op.add_column("grants", sa.Column("subject_sector", sa.String(80), nullable=True))
    op.create_foreign_key(op.f("fk_grants_mandate_id"), "grants", "mandates", ["mandate_id"], ["id"])
    op.create_index(op.f("ix_grants_mandate_id"), "grants", ["mandate_id"], postgresql_where=sa.text("mandate_id IS NOT NULL"))


def _companies() -> None:
    op.create_table(
        "companies",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("rut", sa.String(12), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
        sa.UniqueConstraint("rut", name=op.f("uq_companies_rut")),
    )
    op.create_table(
        "company_subjects",
        sa.Column("company_id", sa.Uuid, nullable=False),
        sa.Column("sector", sa.String(255), nullable=False),
        sa.Column("sub", sa.String(255), nullable=False),
        sa.Column("key_version", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "sector", name=op.f("pk_company_subjects")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_company_subjects_company_id")),
        sa.UniqueConstraint("sub", name=op.f("uq_company_subjects_sub")),
    )
    op.create_table(
        "company_looks",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("looked_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_company_looks")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_company_looks_person_id")),
    )
    op.create_table(
        "company_marks",
        sa.Column("id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_marks")),
    )


def _mandates() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("mandate_id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.Uuid, nullable=True),
        sa.Column("principal_id", sa.Uuid, nullable=True),
        sa.Column("grantee_id", sa.Uuid, nullable=True),
        sa.Column("grantee_index", sa.LargeBinary, nullable=False),
        sa.Column("grantee_sealed", sa.LargeBinary, nullable=True),
        sa.Column("powers", _TEXTS, nullable=False),
        sa.Column("services", _TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("joint", sa.SmallInteger, server_default=sa.text("1"), nullable=False),
        sa.Column("may_pass_on", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("parent_id", sa.Uuid, nullable=True),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("evidence", sa.String(80), nullable=True),
        sa.Column("given_by", sa.Uuid, nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("end_reason", sa.String(10), nullable=True),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("valid_until", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandates")),
        sa.UniqueConstraint("mandate_id", name=op.f("uq_mandates_mandate_id")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_mandates_company_id")),
        sa.ForeignKeyConstraint(["principal_id"], ["persons.id"], name=op.f("fk_mandates_principal_id")),
        sa.ForeignKeyConstraint(["grantee_id"], ["persons.id"], name=op.f("fk_mandates_grantee_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["mandates.id"], name=op.f("fk_mandates_parent_id")),
        sa.ForeignKeyConstraint(["given_by"], ["persons.id"], name=op.f("fk_mandates_given_by")),
        sa.CheckConstraint("num_nonnulls(company_id, principal_id) = 1", name=op.f("ck_mandates_one_principal")),
        sa.CheckConstraint("principal_id <> grantee_id", name=op.f("ck_mandates_not_oneself")),
        sa.CheckConstraint("grantee_id IS NOT NULL OR state IN ('offered', 'revoked', 'expired')", name=op.f("ck_mandates_has_grantee")),
        sa.CheckConstraint("joint >= 1", name=op.f("ck_mandates_joint")),
        sa.CheckConstraint("source IN ('registry', 'granted', 'court')", name=op.f("ck_mandates_source")),
        sa.CheckConstraint("parent_id IS NULL OR NOT may_pass_on", name=op.f("ck_mandates_one_step")),
    )
    for column in ("company_id", "principal_id", "grantee_id", "grantee_index", "parent_id"):
        op.create_index(op.f(f"ix_mandates_{column}"), "mandates", [column])
    entry = sa.text("evidence IS NOT NULL AND state IN ('offered', 'active', 'suspended')")
    op.create_index("uq_mandates_entry", "mandates", ["source", "evidence"], unique=True, postgresql_where=entry)
    live = sa.text("state IN ('offered', 'active', 'suspended')")
    op.create_index("ix_mandates_ending", "mandates", ["valid_until"], postgresql_where=live)


def downgrade() -> None:
    """Remove them."""
    op.drop_index(op.f("ix_grants_mandate_id"), "grants")
    op.drop_constraint(op.f("fk_grants_mandate_id"), "grants")
    for column in ("subject_sector", "powers", "mandate_id"):
        op.drop_column("grants", column)
    for table in ("representation_choices", "mandates", "company_marks", "company_looks", "company_subjects", "companies"):
        op.drop_table(table)
