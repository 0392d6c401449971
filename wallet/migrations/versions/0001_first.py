"""The wallet's first tables, with triggers that keep what a person decided from changing under her."""

import sqlalchemy as sa
from alembic import op as alembic_op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

from shared import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
op: Operations = alembic_op  # type: ignore[assignment]  # the module stands for the operations of the present migration
TABLES = (
    "exchanges",
    "notices",
    "organisations",
    "procedures",
    "purposes",
    "signing_keys",
    "agreements",
    "clients",
    "consent_requests",
    "datasets",
    "consent_request_items",
    "consents",
    "consent_events",
)

# restrict_violation reaches SQLAlchemy as an IntegrityError.  The arguments are the columns that may change.
_FREEZE = """
CREATE FUNCTION wallet_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION '% on % is refused: rows stay', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    IF (to_jsonb(NEW) - coalesce(TG_ARGV, ARRAY[]::text[])) <> (to_jsonb(OLD) - coalesce(TG_ARGV, ARRAY[]::text[])) THEN
        RAISE EXCEPTION 'a frozen column of % may not change', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
_MAY_CHANGE = {
    "notices": (),
    "datasets": ("status", "updated_at", "lock"),
    "purposes": ("status", "updated_at", "lock"),
    "agreements": ("state", "signatures", "updated_at", "lock"),
    "consents": ("state", "state_since", "state_reason", "uses"),
    "consent_events": (),
}


def upgrade() -> None:
    schema.create_v1(op)
    _exchanges()
    _notices()
    _organisations()
    _procedures()
    _purposes()
    _signing_keys()
    _agreements()
    _clients()
    _consent_requests()
    _datasets()
    _consent_request_items()
    _consents()
    _consent_events()
    op.execute(_FREEZE)
    for table, columns in _MAY_CHANGE.items():
        arguments = ", ".join(f"'{column}'" for column in columns)
        op.execute(f"CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION wallet_freeze({arguments})")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION wallet_freeze()")
    schema.drop_v1(op)


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("txn", sa.Uuid, nullable=False),
        sa.Column("body_sha256", sa.String, nullable=False),
        sa.Column("agreement_id", sa.String, nullable=True),
        sa.Column("consent_id", sa.Uuid, nullable=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("attempted_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
        sa.CheckConstraint("state in ('attempt', 'released', 'no_record', 'denied', 'failed')", name=op.f("ck_exchanges_state")),
        sa.PrimaryKeyConstraint("client_id", "request_id", name=op.f("pk_exchanges")),
        sa.UniqueConstraint("txn", name=op.f("uq_exchanges_txn")),
    )
    op.create_index("ix_exchanges_agreement_id", "exchanges", ["agreement_id", "attempted_at"], unique=False)
    op.create_index("ix_exchanges_consent_id", "exchanges", ["consent_id", "state", "attempted_at"], unique=False)
    op.create_index("ix_exchanges_open", "exchanges", ["attempted_at"], unique=False, postgresql_where=sa.text("state = 'attempt'"))


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("lang", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "version", "lang", name=op.f("pk_notices")),
    )


def _organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("org_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("tax_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("dpo_contact", JSONB, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("country", sa.String, nullable=False),
        sa.Column("jurisdiction", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("lock", sa.Integer, nullable=False),
        sa.CheckConstraint("kind in ('public', 'private')", name=op.f("ck_organisations_kind")),
        sa.CheckConstraint("status in ('active', 'suspended')", name=op.f("ck_organisations_status")),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_organisations")),
    )


def _procedures() -> None:
    op.create_table(
        "procedures",
        sa.Column("code", sa.String, nullable=False),
        sa.Column("org_id", sa.String, nullable=False),
        sa.Column("title", JSONB, nullable=False),
        sa.Column("instead", JSONB, nullable=False),
        sa.Column("law_reference", sa.String, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("lock", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_procedures")),
    )


def _purposes() -> None:
    op.create_table(
        "purposes",
        sa.Column("purpose_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text", JSONB, nullable=False),
        sa.Column("dpv_purpose", sa.String, nullable=False),
        sa.Column("legal_basis", sa.String, nullable=False),
        sa.Column("notice_id", sa.String, nullable=False),
        sa.Column("procedure_code", sa.String, nullable=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("lock", sa.Integer, nullable=False),
        sa.CheckConstraint("status in ('draft', 'active', 'retired')", name=op.f("ck_purposes_status")),
        sa.PrimaryKeyConstraint("purpose_id", "version", name=op.f("pk_purposes")),
    )
    op.create_index("uq_purposes_active", "purposes", ["purpose_id"], unique=True, postgresql_where=sa.text("status = 'active'"))


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String, nullable=False),
        sa.Column("use", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("public", JSONB, nullable=False),
        sa.Column("private", sa.LargeBinary, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("activated_at", TIME, nullable=True),
        sa.Column("retired_at", TIME, nullable=True),
        sa.CheckConstraint("(state = 'retired') = (private is null)", name=op.f("ck_signing_keys_private")),
        sa.CheckConstraint("state in ('pending', 'active', 'retired')", name=op.f("ck_signing_keys_state")),
        sa.CheckConstraint("use in ('consent-token', 'evidence')", name=op.f("ck_signing_keys_use")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_index("uq_signing_keys_active", "signing_keys", ["use"], unique=True, postgresql_where=sa.text("state = 'active'"))


def _agreements() -> None:
    op.create_table(
        "agreements",
        sa.Column("agreement_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("consumer", sa.String, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("datasets", JSONB, nullable=False),
        sa.Column("purposes", JSONB, nullable=False),
        sa.Column("legal_basis", sa.String, nullable=False),
        sa.Column("law_reference", sa.String, nullable=True),
        sa.Column("sensitive_article", sa.String, nullable=True),
        sa.Column("procedure_codes", JSONB, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("volume", JSONB, nullable=False),
        sa.Column("limits", JSONB, nullable=False),
        sa.Column("consent_required", sa.Boolean, nullable=False),
        sa.Column("retention", JSONB, nullable=False),
        sa.Column("storage_locations", JSONB, nullable=False),
        sa.Column("jurisdiction", sa.String, nullable=False),
        sa.Column("onward", JSONB, nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_until", TIME, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("signatures", JSONB, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("lock", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "state in ('draft', 'signing', 'active', 'suspended', 'terminated', 'expired', 'superseded')", name=op.f("ck_agreements_state")
        ),
        sa.ForeignKeyConstraint(["consumer"], ["organisations.org_id"], name=op.f("fk_agreements_consumer")),
        sa.ForeignKeyConstraint(["provider"], ["organisations.org_id"], name=op.f("fk_agreements_provider")),
        sa.PrimaryKeyConstraint("agreement_id", "version", name=op.f("pk_agreements")),
    )
    op.create_index("ix_agreements_consumer", "agreements", ["consumer", "provider"], unique=False)
    op.create_index(
        "uq_agreements_current", "agreements", ["agreement_id"], unique=True, postgresql_where=sa.text("state in ('active', 'suspended')")
    )


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("org_id", sa.String, nullable=False),
        sa.Column("display_name", sa.String, nullable=False),
        sa.Column("redirect_uris", JSONB, nullable=False),
        sa.Column("roles", JSONB, nullable=False),
        sa.Column("jwks", JSONB, nullable=False),
        sa.Column("handled_by", sa.String, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("lock", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organisations.org_id"], name=op.f("fk_clients_org_id")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_clients")),
    )


def _consent_requests() -> None:
    op.create_table(
        "consent_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("request_id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("org_id", sa.String, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("subject_index", sa.LargeBinary, nullable=False),
        sa.Column("body_sha256", sa.String, nullable=False),
        sa.Column("redirect_uri", sa.String, nullable=False),
        sa.Column("state_parameter", sa.String, nullable=True),
        sa.Column("message", JSONB, nullable=False),
        sa.Column("ui_locales", JSONB, nullable=False),
        sa.Column("is_listed", sa.Boolean, nullable=False),
        sa.Column("view_code_sha256", sa.String, nullable=False),
        sa.Column("view_code", sa.LargeBinary, nullable=False),
        sa.Column("opened_by", sa.String, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_consent_requests_client_id")),
        sa.ForeignKeyConstraint(["org_id"], ["organisations.org_id"], name=op.f("fk_consent_requests_org_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_requests")),
        sa.UniqueConstraint("client_id", "request_id", name=op.f("uq_consent_requests_client_id_request_id")),
        sa.UniqueConstraint("view_code_sha256", name=op.f("uq_consent_requests_view_code_sha256")),
    )
    op.create_index("ix_consent_requests_subject_index", "consent_requests", ["subject_index", "created_at"], unique=False)


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("dataset_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("org_id", sa.String, nullable=False),
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("audience", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("title", JSONB, nullable=False),
        sa.Column("description", JSONB, nullable=False),
        sa.Column("subject_kinds", JSONB, nullable=False),
        sa.Column("fields", JSONB, nullable=False),
        sa.Column("max_age_seconds", sa.Integer, nullable=False),
        sa.Column("cache_max_seconds", sa.Integer, nullable=False),
        sa.Column("classification", sa.String, nullable=False),
        sa.Column("legal_basis_default", sa.String, nullable=False),
        sa.Column("consent_max_seconds", sa.Integer, nullable=False),
        sa.Column("procedure_codes", JSONB, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("lock", sa.Integer, nullable=False),
        sa.CheckConstraint("status in ('draft', 'active', 'retired')", name=op.f("ck_datasets_status")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_datasets_client_id")),
        sa.ForeignKeyConstraint(["org_id"], ["organisations.org_id"], name=op.f("fk_datasets_org_id")),
        sa.PrimaryKeyConstraint("dataset_id", "version", name=op.f("pk_datasets")),
    )
    op.create_index("uq_datasets_active", "datasets", ["dataset_id"], unique=True, postgresql_where=sa.text("status = 'active'"))


def _consent_request_items() -> None:
    op.create_table(
        "consent_request_items",
        sa.Column("request", sa.Uuid, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("dataset_id", sa.String, nullable=False),
        sa.Column("dataset_version", sa.Integer, nullable=False),
        sa.Column("purpose_id", sa.String, nullable=False),
        sa.Column("purpose_version", sa.Integer, nullable=False),
        sa.Column("agreement_id", sa.String, nullable=False),
        sa.Column("agreement_version", sa.Integer, nullable=False),
        sa.Column("fields", JSONB, nullable=False),
        sa.Column("optional_fields", JSONB, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("fetch", sa.String, nullable=False),
        sa.Column("max_uses", sa.Integer, nullable=True),
        sa.Column("frequency", JSONB, nullable=True),
        sa.Column("valid_until", TIME, nullable=False),
        sa.Column("data_period", JSONB, nullable=True),
        sa.Column("procedure_code", sa.String, nullable=True),
        sa.Column("case_id", sa.LargeBinary, nullable=True),
        sa.Column("matter_index", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("consent_id", sa.Uuid, nullable=True),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("(state = 'accepted') = (consent_id is not null)", name=op.f("ck_consent_request_items_consent_id")),
        sa.CheckConstraint(
            "state in ('pending', 'deferred', 'accepted', 'refused', 'cancelled', 'expired', 'invalidated')",
            name=op.f("ck_consent_request_items_state"),
        ),
        sa.ForeignKeyConstraint(["request"], ["consent_requests.id"], name=op.f("fk_consent_request_items_request")),
        sa.PrimaryKeyConstraint("request", "item_id", name=op.f("pk_consent_request_items")),
    )
    op.create_index("ix_consent_request_items_matter", "consent_request_items", ["matter_index", "state"], unique=False)
    op.create_index(
        "ix_consent_request_items_open",
        "consent_request_items",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state in ('pending', 'deferred')"),
    )


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("consent_id", sa.Uuid, nullable=False),
        sa.Column("consent_version", sa.Integer, nullable=False),
        sa.Column("chain_id", sa.Uuid, nullable=False),
        sa.Column("request", sa.Uuid, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("subject_index", sa.LargeBinary, nullable=False),
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("org_id", sa.String, nullable=False),
        sa.Column("source_org_id", sa.String, nullable=False),
        sa.Column("dataset_id", sa.String, nullable=False),
        sa.Column("dataset_version", sa.Integer, nullable=False),
        sa.Column("purpose_id", sa.String, nullable=False),
        sa.Column("purpose_version", sa.Integer, nullable=False),
        sa.Column("agreement_id", sa.String, nullable=False),
        sa.Column("agreement_version", sa.Integer, nullable=False),
        sa.Column("granted_fields", JSONB, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("max_uses", sa.Integer, nullable=True),
        sa.Column("frequency", JSONB, nullable=True),
        sa.Column("procedure_code", sa.String, nullable=True),
        sa.Column("case_index", sa.LargeBinary, nullable=True),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_until", TIME, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("snapshot_sha256", sa.String, nullable=False),
        sa.Column("shown_sha256", sa.String, nullable=False),
        sa.Column("evidence", sa.LargeBinary, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("state_since", TIME, nullable=False),
        sa.Column("state_reason", sa.String, nullable=True),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "state in ('active', 'suspended', 'withdrawn', 'revoked', 'expired', 'superseded', 'invalidated')",
            name=op.f("ck_consents_state"),
        ),
        sa.CheckConstraint("max_uses is null or uses <= max_uses", name=op.f("ck_consents_uses")),
        sa.ForeignKeyConstraint(["request"], ["consent_requests.id"], name=op.f("fk_consents_request")),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consents")),
    )
    op.create_index(
        "ix_consents_live", "consents", ["valid_until"], unique=False, postgresql_where=sa.text("state in ('active', 'suspended')")
    )
    op.create_index("ix_consents_recipient", "consents", ["client_id", "created_at"], unique=False)
    op.create_index("ix_consents_subject_index", "consents", ["subject_index", "created_at"], unique=False)


def _consent_events() -> None:
    op.create_table(
        "consent_events",
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("consent_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("from_state", sa.String, nullable=True),
        sa.Column("to_state", sa.String, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor_id", sa.String, nullable=False),
        sa.Column("reason_code", sa.String, nullable=True),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("prev_hash", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.consent_id"], name=op.f("fk_consent_events_consent_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_consent_events")),
    )
    op.create_index("ix_consent_events_consent_id", "consent_events", ["consent_id", "event_id"], unique=False)
