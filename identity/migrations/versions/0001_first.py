"""The first tables of identity."""

from typing import cast

import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = (
    "persons",
    "passwords",
    "totp_authenticators",
    "known_devices",
    "subjects",
    "throttles",
    "organisations",
    "services",
    "clients",
    "client_secrets",
    "members",
    "signing_keys",
    "sso_sessions",
    "interactions",
    "logout_requests",
    "grants",
    "authorization_codes",
    "access_tokens",
    "used_assertions",
    "releases",
)


def upgrade() -> None:
    schema.create_v1(cast(Operations, op))
    _create_persons()
    _create_register()
    _create_keys_and_sessions()
    _create_grants()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    schema.drop_v1(cast(Operations, op))


def _create_persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("run_index", sa.LargeBinary, nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("state IN ('active', 'suspended', 'deceased')", name=op.f("ck_persons_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
        sa.UniqueConstraint("run_index", name=op.f("uq_persons_run_index")),
    )
    op.create_table(
        "passwords",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("hash", sa.String(200), nullable=False),
        sa.Column("pepper_version", sa.String(20), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_passwords_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_passwords")),
    )
    op.create_table(
        "totp_authenticators",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_totp_authenticators_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_totp_authenticators")),
    )
    op.create_index(op.f("ix_totp_authenticators_person_id"), "totp_authenticators", ["person_id"])
    op.create_table(
        "known_devices",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_known_devices_person_id")),
        sa.PrimaryKeyConstraint("token_hash", "person_id", name=op.f("pk_known_devices")),
    )
    op.create_table(
        "subjects",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("sector", sa.String(255), nullable=False),
        sa.Column("sub", sa.String(255), nullable=False),
        sa.Column("key_version", sa.String(20), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_subjects_person_id")),
        sa.PrimaryKeyConstraint("person_id", "sector", name=op.f("pk_subjects")),
        sa.UniqueConstraint("sub", name=op.f("uq_subjects_sub")),
    )
    op.create_table(
        "throttles",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("window_failures", sa.Integer, nullable=False),
        sa.Column("window_started_at", _TIME, nullable=False),
        sa.Column("consecutive_failures", sa.Integer, nullable=False),
        sa.Column("wait_until", _TIME, nullable=True),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttles")),
    )
    op.create_index(op.f("ix_throttles_updated_at"), "throttles", ["updated_at"])


def _create_register() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("org_id", sa.String(80), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("contact_email", sa.String(254), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('public', 'private')", name=op.f("ck_organisations_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint("org_id", name=op.f("uq_organisations_org_id")),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("service_id", sa.String(80), nullable=False),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("purpose", sa.String(1000), nullable=False),
        sa.Column("stage", sa.String(10), nullable=False),
        sa.Column("release_basis", sa.String(10), nullable=False),
        sa.Column("start_url", sa.String(2000), nullable=False),
        sa.Column("contact_email", sa.String(254), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("release_basis IN ('consent', 'law')", name=op.f("ck_services_release_basis")),
        sa.CheckConstraint("stage IN ('trial', 'live')", name=op.f("ck_services_stage")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_services_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("service_id", name=op.f("uq_services_service_id")),
    )
    op.create_index(op.f("ix_services_organisation_id"), "services", ["organisation_id"])
    op.create_table(
        "clients",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.String(80), nullable=False),
        sa.Column("service_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("policy", sa.String(10), nullable=False),
        sa.Column("claims_profile", sa.String(20), nullable=False),
        sa.Column("auth_method", sa.String(30), nullable=False),
        sa.Column("auth_alg", sa.String(10), nullable=True),
        sa.Column("jwks", JSONB, nullable=True),
        sa.Column("redirect_uris", ARRAY(sa.String), nullable=False),
        sa.Column("post_logout_redirect_uris", ARRAY(sa.String), nullable=False),
        sa.Column("native", sa.Boolean, nullable=False),
        sa.Column("scopes", ARRAY(sa.String), nullable=False),
        sa.Column("resources", ARRAY(sa.String), nullable=False),
        sa.Column("sector", sa.String(255), nullable=False),
        sa.Column("id_token_alg", sa.String(10), nullable=False),
        sa.Column("lower_case_bearer", sa.Boolean, nullable=False),
        sa.Column("default_acr_values", ARRAY(sa.String), nullable=False),
        sa.Column("default_max_age", sa.Integer, nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("legacy_until", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("claims_profile <> 'clave_unica' OR policy = 'legacy'", name=op.f("ck_clients_clave_unica_is_legacy")),
        sa.CheckConstraint("policy <> 'legacy' OR legacy_until IS NOT NULL", name=op.f("ck_clients_legacy_ends")),
        sa.CheckConstraint("state IN ('active', 'blocked')", name=op.f("ck_clients_state")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_clients_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("client_id", name=op.f("uq_clients_client_id")),
    )
    op.create_index(op.f("ix_clients_service_id"), "clients", ["service_id"])
    op.create_table(
        "client_secrets",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_client_secrets_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secrets")),
    )
    op.create_index(op.f("ix_client_secrets_client_id"), "client_secrets", ["client_id"])
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_members_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_members_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("organisation_id", "person_id", "role", name=op.f("uq_members_organisation_id_person_id_role")),
    )
    op.create_index(op.f("ix_members_person_id"), "members", ["person_id"])


def _create_keys_and_sessions() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(43), nullable=False),
        sa.Column("alg", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary, nullable=False),
        sa.Column("public_jwk", JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("activated_at", _TIME, nullable=True),
        sa.Column("retired_at", _TIME, nullable=True),
        sa.Column("removed_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_index("uq_signing_keys_active", "signing_keys", ["alg"], unique=True, postgresql_where=sa.text("state = 'active'"))
    op.create_index("uq_signing_keys_pending", "signing_keys", ["alg"], unique=True, postgresql_where=sa.text("state = 'pending'"))
    op.create_table(
        "sso_sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("auth_time", _TIME, nullable=False),
        sa.Column("acr", sa.String(80), nullable=False),
        sa.Column("amr", ARRAY(sa.String), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_sso_sessions_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sso_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sso_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sso_sessions_person_id"), "sso_sessions", ["person_id"])
    op.create_table(
        "interactions",
        sa.Column("id_hash", sa.String(64), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=True),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("state", sa.String(15), nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_interactions_client_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_interactions_person_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sso_sessions.id"], name=op.f("fk_interactions_session_id")),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_interactions")),
    )
    op.create_index(op.f("ix_interactions_expires_at"), "interactions", ["expires_at"])
    op.create_table(
        "logout_requests",
        sa.Column("id_hash", sa.String(64), nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_logout_requests")),
    )
    op.create_index(op.f("ix_logout_requests_expires_at"), "logout_requests", ["expires_at"])


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("scopes", ARRAY(sa.String), nullable=False),
        sa.Column("resources", ARRAY(sa.String), nullable=False),
        sa.Column("auth_time", _TIME, nullable=False),
        sa.Column("acr", sa.String(80), nullable=False),
        sa.Column("amr", ARRAY(sa.String), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_grants_client_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_grants_person_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sso_sessions.id"], name=op.f("fk_grants_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_client_id"), "grants", ["client_id"])
    op.create_index(op.f("ix_grants_person_id"), "grants", ["person_id"])
    op.create_index(op.f("ix_grants_session_id"), "grants", ["session_id"])
    op.create_table(
        "authorization_codes",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("grant_id", sa.Uuid, nullable=False),
        sa.Column("redirect_uri", sa.String(2000), nullable=False),
        sa.Column("code_challenge", sa.String(43), nullable=True),
        sa.Column("nonce", sa.String(512), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_authorization_codes_grant_id")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_authorization_codes")),
    )
    op.create_index(op.f("ix_authorization_codes_expires_at"), "authorization_codes", ["expires_at"])
    op.create_table(
        "access_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("grant_id", sa.Uuid, nullable=False),
        sa.Column("scopes", ARRAY(sa.String), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_access_tokens_grant_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_access_tokens")),
    )
    op.create_index(op.f("ix_access_tokens_expires_at"), "access_tokens", ["expires_at"])
    op.create_index(op.f("ix_access_tokens_grant_id"), "access_tokens", ["grant_id"])
    op.create_table(
        "used_assertions",
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("jti_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti_hash", name=op.f("pk_used_assertions")),
    )
    op.create_index(op.f("ix_used_assertions_expires_at"), "used_assertions", ["expires_at"])
    op.create_table(
        "releases",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("claims", ARRAY(sa.String), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_releases_client_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_releases_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("person_id", "client_id", "version", name=op.f("uq_releases_person_id_client_id_version")),
    )
