"""Clients as one process keeps them: one frozen object each, asked of the database again every second or two."""

import threading
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc.jwk import Key
from sqlalchemy import Connection, RowMapping, exists, select

from identity.models.base import table_of
from identity.models.client import POLICIES, Binding, Client, ClientSecret, Policy
from identity.models.client_logo import ClientLogo
from identity.models.organisation import Organisation
from identity.models.service import Service
from identity.standards import jose
from shared.context import Context

KEPT_MAX = 4_096
CLIENTS, SECRETS, LOGOS = table_of(Client), table_of(ClientSecret), table_of(ClientLogo)
SERVICES, ORGANISATIONS = table_of(Service), table_of(Organisation)


@dataclass(frozen=True)
class Secret:
    """Hash of one client secret, and until when it is good."""

    secret_hash: str = field(repr=False)
    expires_at: datetime | None


@dataclass(frozen=True)
class KnownClient:
    """An active client with all that its requests are checked against."""

    id: UUID
    client_id: str
    name: str
    policy_name: str
    claims_profile: str
    auth_method: str
    auth_alg: str | None
    jwks_uri: str | None
    tls_subject: tuple[str, str] | None
    grant_types: tuple[str, ...]
    keys: dict[str, Key] = field(repr=False, hash=False)
    secrets: tuple[Secret, ...] = field(repr=False)
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    native: bool
    scopes: frozenset[str]
    resources: tuple[str, ...]
    audiences: frozenset[str]
    sector: str
    id_token_alg: str
    id_token_encryption_alg: str | None
    encryption_keys: dict[str, Key] = field(repr=False, hash=False)
    userinfo_alg: str | None
    introspection_alg: str | None
    request_object_alg: str | None
    authorization_details_types: frozenset[str]
    sender_constrained: bool
    par_required: bool
    dpop_nonce_required: bool
    lower_case_bearer: bool
    default_acr_values: tuple[str, ...]
    default_max_age: int | None
    legacy_until: datetime | None
    backchannel_logout_uri: str | None
    frontchannel_logout_uri: str | None
    notification_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    names: dict[str, str] = field(hash=False)
    has_logo: bool
    fault: str | None
    service_id: str
    service_name: str
    service_purpose: str
    organisation_name: str
    always_asks: bool
    start_url: str

    @property
    def policy(self) -> Policy:
        """The policy it stands under."""
        return POLICIES[self.policy_name]

    @property
    def must_bind(self) -> bool:
        """True when each of its access tokens is bound to a key (§2.0)."""
        return self.sender_constrained or self.policy.binding is Binding.REQUIRED

    @property
    def must_push(self) -> bool:
        """True when it may not send an authorization request through the browser (PA-8)."""
        return self.par_required or self.policy.par_required

    def name_in(self, language: str) -> str:
        """Return its name in a language (`es` also serves `es-CL`, and the reverse), else the one without a language."""
        wanted = language.lower().partition("-")[0]
        named = {tag.lower().partition("-")[0]: name for tag, name in self.names.items() if tag}
        return named.get(wanted) or self.names.get("") or self.name


def read_client(connection: Connection, client_id: str) -> KnownClient | None:
    """Return an active client, or None for unknown and blocked ones."""
    joined = CLIENTS.join(SERVICES, CLIENTS.c.service_id == SERVICES.c.id)
    joined = joined.join(ORGANISATIONS, SERVICES.c.organisation_id == ORGANISATIONS.c.id)
    of_service = (SERVICES.c.service_id.label("public_service_id"), SERVICES.c.name.label("service_name"), SERVICES.c.purpose)
    of_both = (SERVICES.c.release_basis, SERVICES.c.start_url, ORGANISATIONS.c.name.label("organisation_name"), ORGANISATIONS.c.kind)
    has_logo = exists().where(LOGOS.c.client_id == CLIENTS.c.id).label("has_logo")
    columns = (CLIENTS, *of_service, *of_both, has_logo)
    query = select(*columns).select_from(joined).where(CLIENTS.c.client_id == client_id, CLIENTS.c.state == "active")
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    secrets = connection.execute(select(SECRETS.c.secret_hash, SECRETS.c.expires_at).where(SECRETS.c.client_id == row["id"])).all()
    return _known(row, tuple(Secret(*secret) for secret in secrets))


_OWN_FORM = ("tls_subject", "keys", "encryption_keys", "secrets", "policy_name", "service_id", "service_purpose", "always_asks")
_SETS = frozenset({"scopes", "audiences", "authorization_details_types"})


def _known(row: RowMapping, secrets: tuple[Secret, ...]) -> KnownClient:
    """Return a client as it was read: what has the name of its column as it is, lists as tuples or sets."""
    names = [member.name for member in fields(KnownClient) if member.name not in _OWN_FORM]
    values: dict[str, Any] = {
        name: frozenset(row[name]) if name in _SETS else _frozen(row[name]) for name in names
    }  # each of its column's type
    return KnownClient(
        **values,
        policy_name=row["policy"],
        tls_subject=(row["tls_subject"]["kind"], row["tls_subject"]["value"]) if row["tls_subject"] else None,
        keys=jose.read_jwks(row["jwks"]),
        encryption_keys=jose.read_jwks(row["jwks"], use="enc") if row["id_token_encryption_alg"] else {},
        secrets=secrets,
        service_id=row["public_service_id"],
        service_purpose=row["purpose"],
        always_asks=row["kind"] == "private" or row["release_basis"] == "consent",
    )


def _frozen(value: Any) -> Any:  # of any column
    return tuple(value) if isinstance(value, list) else value


def read_client_by_row(connection: Connection, row_id: UUID) -> KnownClient | None:
    """Return an active client by the key of its row."""
    client_id = connection.execute(select(CLIENTS.c.client_id).where(CLIENTS.c.id == row_id)).scalar_one_or_none()
    return read_client(connection, client_id) if client_id is not None else None


class ClientStore:
    """Finds clients; what was found, and what was not, is kept for `cache_ttl`."""

    def __init__(self, context: Context, *, cache_ttl: timedelta) -> None:
        self._context = context
        self._ttl = cache_ttl
        self._kept: dict[str, tuple[KnownClient | None, datetime]] = {}
        self._lock = threading.Lock()

    def find(self, client_id: str, connection: Connection | None = None) -> KnownClient | None:
        """Return an active client whose legacy policy, if it has one, has not ended; else None.

        Who has a transaction open gives its connection: a second one from a pool that is used up would never come.
        """
        now = self._context.clock.now()
        kept = self._kept.get(client_id)
        if kept is None or now - kept[1] >= self._ttl:
            kept = (self._read(client_id, connection), now)
            with self._lock:
                if len(self._kept) >= KEPT_MAX:
                    self._kept.clear()
                self._kept[client_id] = kept
        client = kept[0]
        if client is not None and client.legacy_until is not None and client.legacy_until <= now:
            return None
        return client

    def _read(self, client_id: str, connection: Connection | None) -> KnownClient | None:
        if connection is not None:
            return read_client(connection, client_id)
        with self._context.db.reading() as own:
            return read_client(own, client_id)

    def forget(self) -> None:
        """Ask the database at the next use."""
        with self._lock:
            self._kept.clear()
