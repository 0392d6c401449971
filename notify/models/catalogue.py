"""What every request needs of services, keys and templates, kept in process for two seconds.

Key secrets stand here in the clear and nowhere else outside the encrypted column: never in Redis, a log or a message.
Spec: notify-api §2 (upstream's own figure of two seconds).
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, tuple_

from notify.models.base import RECIPIENT_INDEX, scope_of
from notify.models.brand import in_force
from notify.models.callback import ServiceCallback
from notify.models.price import Price, Priced, Since
from notify.models.provider_setting import ProviderSetting
from notify.models.read_through import ReadThrough
from notify.models.receipt_secret import ReceiptSecret
from notify.models.service import ApiKey, GuestListEntry, Sender, Service
from notify.models.standing import ServiceStanding, Standing
from notify.models.template import Template, TemplateVersion
from notify.standards.local_rules import UNITED_KINGDOM, LocalRules
from shared.clock import Clock
from shared.crypto import DataKeys
from shared.db import Database

REVOKED_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class KnownKey:
    """An API key; `kind` is `normal`, `team` or `test`."""

    id: uuid.UUID
    kind: str
    secret: str = field(repr=False)
    revoked: bool = False


@dataclass(frozen=True)
class KnownSender:
    """A sender of a service."""

    id: uuid.UUID
    channel: str
    value: str
    is_default: bool


@dataclass(frozen=True)
class KnownBrand:
    """What the mails and letters of a service carry; `colour` is `#rrggbb`, `logo` a PNG."""

    id: uuid.UUID
    name: str
    colour: str
    logo: bytes | None = field(repr=False)


@dataclass(frozen=True)
class KnownService:
    """A service as the send path needs it; `allowed` are blind indexes of team and guests."""

    id: uuid.UUID
    name: str
    active: bool
    restricted: bool
    permissions: frozenset[str]
    prefix_sms: bool
    email_local_part: str
    rate_per_minute: int
    daily: dict[str, int] = field(hash=False)
    retention_days: int
    contact_link: str | None
    keys: tuple[KnownKey, ...]
    senders: tuple[KnownSender, ...]
    allowed: frozenset[bytes]
    callbacks: frozenset[str]
    mail_paused: bool = False
    rules: LocalRules = UNITED_KINGDOM
    brand: KnownBrand | None = None
    retention: dict[str, int] = field(default_factory=dict, hash=False)

    def days_of(self, channel: str) -> int:
        """Give for how many days messages of a channel are kept."""
        return self.retention.get(channel, self.retention_days)

    def default_sender(self, channel: str) -> str | None:
        """Give the sender used when the caller chose none."""
        return next((sender.value for sender in self.senders if sender.channel == channel and sender.is_default), None)


@dataclass(frozen=True)
class KnownSecret:
    """A secret of a provider's, as a keyed hash; one that was replaced has an end."""

    digest: bytes = field(repr=False)
    ends_at: datetime | None


@dataclass(frozen=True)
class KnownTemplate:
    """One version of a template; `subject` is None for texts."""

    id: uuid.UUID
    service_id: uuid.UUID
    channel: str
    version: int
    archived: bool
    name: str
    subject: str | None
    body: str
    postage: str | None
    contact_block: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime | None
    has_unsubscribe_link: bool = False
    urgent: bool = False


_VERSION = TemplateVersion
_TEMPLATES = select(
    *(Template.id, Template.service_id, Template.channel, _VERSION.version, Template.archived, _VERSION.name, _VERSION.subject),
    *(
        _VERSION.body,
        _VERSION.postage,
        _VERSION.contact_block,
        _VERSION.has_unsubscribe_link,
        _VERSION.created_by,
        Template.created_at,
        Template.updated_at,
        Template.urgent,
    ),
).join(_VERSION, _VERSION.template_id == Template.id)


def find_template_version(
    connection: Connection, service_id: uuid.UUID, template_id: uuid.UUID, version: int | None = None
) -> KnownTemplate | None:
    """Give one version of a service's own template, the present one unless named, or None."""
    wanted = _TEMPLATES.where(
        Template.service_id == service_id,
        Template.id == template_id,
        _VERSION.version == (Template.version if version is None else version),
    )
    row = connection.execute(wanted).one_or_none()
    return KnownTemplate(**row._mapping) if row else None


def find_template_versions(connection: Connection, service_id: uuid.UUID, template_id: uuid.UUID) -> list[KnownTemplate]:
    """Give every version of a service's own template, newest first."""
    wanted = _TEMPLATES.where(Template.service_id == service_id, Template.id == template_id).order_by(_VERSION.version.desc())
    return [KnownTemplate(**row._mapping) for row in connection.execute(wanted)]


def list_templates(connection: Connection, service_id: uuid.UUID, channel: str | None = None) -> list[KnownTemplate]:
    """Give the present versions of a service's templates that are not archived, by name."""
    wanted = _TEMPLATES.where(Template.service_id == service_id, Template.archived.is_(False), _VERSION.version == Template.version)
    if channel:
        wanted = wanted.where(Template.channel == channel)
    return [KnownTemplate(**row._mapping) for row in connection.execute(wanted.order_by(_VERSION.name, Template.id))]


def find_versions(connection: Connection, keys: Collection[tuple[uuid.UUID, int]]) -> dict[tuple[uuid.UUID, int], KnownTemplate]:
    """Give many versions at once, by (template id, version)."""
    if not keys:
        return {}
    rows = connection.execute(_TEMPLATES.where(tuple_(_VERSION.template_id, _VERSION.version).in_(keys)))
    return {(template.id, template.version): template for template in (KnownTemplate(**row._mapping) for row in rows)}


class Catalogue:
    """Reads services and templates by id; what does not exist is remembered as such for as long."""

    def __init__(self, database: Database, cipher: DataKeys, clock: Clock) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._weights: ReadThrough[str, dict[str, int]] = ReadThrough(clock, self._read_weights)
        self._prices: ReadThrough[str, dict[Priced, tuple[Since, ...]]] = ReadThrough(clock, self._read_prices)
        self._secrets: ReadThrough[tuple[str, str], tuple[KnownSecret, ...]] = ReadThrough(clock, self._read_secrets)
        self._services: ReadThrough[uuid.UUID, KnownService | None] = ReadThrough(clock, self._read_service)
        self._templates: ReadThrough[tuple[uuid.UUID, uuid.UUID], KnownTemplate | None] = ReadThrough(clock, self._read_template)
        self._versions: ReadThrough[tuple[uuid.UUID, uuid.UUID, int], KnownTemplate | None] = ReadThrough(clock, self._read_version)

    def find_service(self, service_id: uuid.UUID) -> KnownService | None:
        """Give a service with its keys, active and lately revoked, or None."""
        return self._services.get(service_id)

    def find_template(self, service_id: uuid.UUID, template_id: uuid.UUID) -> KnownTemplate | None:
        """Give the present version of a service's own template, or None."""
        return self._templates.get((service_id, template_id))

    def find_version(self, service_id: uuid.UUID, template_id: uuid.UUID, version: int) -> KnownTemplate | None:
        """Give one version of a service's own template, or None; words of a version never change."""
        return self._versions.get((service_id, template_id, version))

    def provider_weights(self, channel: str) -> dict[str, int]:
        """Give the weights that the operator set for a channel's providers."""
        return self._weights.get(channel)

    def prices(self, currency: str) -> dict[Priced, tuple[Since, ...]]:
        """Give the prices that were noted in a currency, the oldest first."""
        return self._prices.get(currency)

    def receipt_secrets(self, channel: str, provider: str) -> tuple[KnownSecret, ...]:
        """Give the secrets that a provider was given, none where what the settings say counts."""
        return self._secrets.get((channel, provider))

    def index(self, matched: str) -> bytes:
        """Give the blind index of a recipient in matched form."""
        return self._cipher.blind_index(matched, purpose=RECIPIENT_INDEX)

    def forget(self) -> None:
        """Read everything anew at its next use."""
        self._services.clear()
        self._weights.clear()
        self._prices.clear()
        self._secrets.clear()
        self._templates.clear()
        self._versions.clear()

    def _read_weights(self, channel: str) -> dict[str, int]:
        wanted = select(ProviderSetting.name, ProviderSetting.weight).where(ProviderSetting.channel == channel)
        with self._database.reading() as connection:
            return {row.name: row.weight for row in connection.execute(wanted)}

    def _read_prices(self, currency: str) -> dict[Priced, tuple[Since, ...]]:
        wanted = select(Price.what, Price.since, Price.amount).where(Price.currency == currency).order_by(Price.since)
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
        return {what: tuple((row.since, row.amount) for row in rows if row.what == what) for what in Priced}

    def _read_secrets(self, key: tuple[str, str]) -> tuple[KnownSecret, ...]:
        channel, provider = key
        own = (ReceiptSecret.channel == channel) & (ReceiptSecret.provider == provider)
        with self._database.reading() as connection:
            rows = connection.execute(select(ReceiptSecret.digest, ReceiptSecret.ends_at).where(own))
            return tuple(KnownSecret(row.digest, row.ends_at) for row in rows)

    def _read_service(self, service_id: uuid.UUID) -> KnownService | None:
        with self._database.reading() as connection:
            row = connection.execute(select(Service.__table__).where(Service.id == service_id)).one_or_none()
            if row is None:
                return None
            keys = connection.execute(select(ApiKey.__table__).where(ApiKey.service_id == service_id).order_by(ApiKey.created_at)).all()
            senders = connection.execute(select(Sender.__table__).where(Sender.service_id == service_id, Sender.archived.is_(False))).all()
            allowed = (
                connection.execute(select(GuestListEntry.recipient_index).where(GuestListEntry.service_id == service_id)).scalars().all()
            )
            paused = connection.execute(select(ServiceStanding.state).where(ServiceStanding.service_id == service_id)).scalar_one_or_none()
            brand = connection.execute(in_force(service_id, row.org_id)).one_or_none()
            kinds = connection.execute(select(ServiceCallback.kind).where(ServiceCallback.service_id == service_id)).scalars().all()
        oldest = self._clock.now() - REVOKED_KEPT
        scope = scope_of(service_id)
        return KnownService(
            id=row.id,
            name=row.name,
            active=row.active,
            restricted=row.restricted,
            permissions=frozenset(row.permissions),
            prefix_sms=row.prefix_sms,
            email_local_part=row.email_local_part,
            rate_per_minute=row.rate_per_minute,
            daily={
                "email": row.daily_email,
                "sms": row.daily_sms,
                "letter": row.daily_letter,
                "mailbox": row.daily_mailbox,
                "international_sms": row.daily_international_sms,
            },
            retention_days=row.retention_days,
            contact_link=row.contact_link,
            keys=tuple(
                KnownKey(key.id, key.kind, self._cipher.decrypt(key.secret_sealed, scope=scope), key.revoked_at is not None)
                for key in keys
                if key.revoked_at is None or key.revoked_at > oldest
            ),
            senders=tuple(KnownSender(sender.id, sender.channel, sender.value, sender.is_default) for sender in senders),
            allowed=frozenset(allowed),
            callbacks=frozenset(kinds),
            mail_paused=paused == Standing.PAUSED,
            rules=LocalRules(row.number_region, row.address_scheme),
            brand=KnownBrand(brand.id, brand.name, brand.colour, brand.logo) if brand else None,
            retention=dict(row.retention),
        )

    def _read_template(self, key: tuple[uuid.UUID, uuid.UUID]) -> KnownTemplate | None:
        service_id, template_id = key
        with self._database.reading() as connection:
            return find_template_version(connection, service_id, template_id)

    def _read_version(self, key: tuple[uuid.UUID, uuid.UUID, int]) -> KnownTemplate | None:
        with self._database.reading() as connection:
            return find_template_version(connection, *key)
