"""What one process of identity holds."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from joserfc.jwk import KeySet

from identity.models.announcement import AnnouncementStore
from identity.models.client_store import ClientStore
from identity.models.key_store import KeyStore
from identity.providers.base import BreachList, Hasher, Sender
from identity.providers.breach_file import BreachFile, NoBreachFile
from identity.providers.civil_registry import CivilRegistry, RestRegistry
from identity.providers.client_keys import RemoteClientKeys
from identity.providers.limits import Limits
from identity.providers.mandate_registers import COMPANY, COURT, FAMILY, MandateRegister, RestMandateRegister
from identity.providers.notify_sender import NotifySender
from identity.providers.password_hasher import Argon2Hasher, Gate
from identity.providers.sim_changes import NoSimChanges, RestSimChanges, SimChanges
from identity.settings import Settings
from identity.standards.pairwise import PairwiseKey, parse_key
from shared.clock import Clock, SystemClock
from shared.context import Context, current_as
from shared.ids import Ids, SystemIds


class OwnKeys:
    """The issuer's public keys, from our own database: we never ask ourselves over HTTP."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def find(self, kid: str) -> KeySet:
        """Return the published keys; `kid` is among them if it is ours."""
        return KeySet([published.key for published in self._store.published() if published.kid == kid])


@dataclass
class Prepared:
    """Answers that are made once: the discovery document, and the JWKS beside the ids and states of its keys."""

    document: bytes | None = None
    key_set: tuple[object, bytes] | None = None


@dataclass
class Identity(Context):
    """The context of identity."""

    settings: Settings
    service: str = "identity"
    prepared: Prepared = field(default_factory=Prepared, init=False, repr=False)

    @cached_property
    def hasher(self) -> Hasher:
        """Password hashes."""
        gate = Gate(
            at_once=self.settings.password_hashes_at_once,
            waiting=self.settings.password_hashes_waiting,
            wait_ms=self.settings.password_wait_ms,
        )
        return Argon2Hasher(self.settings.peppers.reveal(), gate)

    @cached_property
    def breaches(self) -> BreachList:
        """Passwords of known breaches."""
        return BreachFile(Path(self.settings.breach_file)) if self.settings.breach_file else NoBreachFile()

    @cached_property
    def sender(self) -> Sender:
        """Messages to people."""
        settings = self.settings
        return NotifySender(
            self.http,
            self.clock,
            url=settings.notify_url,
            api_key=settings.notify_api_key,
            email_template=settings.notify_email_template,
            sms_template=settings.notify_sms_template,
        )

    @cached_property
    def civil_registry(self) -> CivilRegistry:
        """Who people are."""
        return RestRegistry(self.http, url=self.settings.registry_url)

    @cached_property
    def mandate_registers(self) -> dict[str, MandateRegister]:
        """Who acts for whom, by the register's name; one without an address is not there."""
        settings = self.settings
        urls = {COMPANY: settings.company_register_url, FAMILY: settings.family_register_url, COURT: settings.court_register_url}
        return {name: RestMandateRegister(self.http, self.clock, url=url, register=name) for name, url in urls.items() if url}

    @cached_property
    def sim_changes(self) -> SimChanges:
        """Whether a telephone's card was changed lately."""
        return RestSimChanges(self.http, url=self.settings.sim_check_url) if self.settings.sim_check_url else NoSimChanges()

    @cached_property
    def announcements(self) -> AnnouncementStore:
        """What the operator tells everybody, kept for a second or two."""
        return AnnouncementStore(self, cache_ttl=self._cache_ttl)

    @property
    def rp_id(self) -> str:
        """The domain that passkeys are bound to."""
        return self.settings.passkey_rp_id or urlsplit(self.settings.public_url).hostname or ""

    @cached_property
    def clients(self) -> ClientStore:
        """Clients, kept for a second or two."""
        return ClientStore(self, cache_ttl=self._cache_ttl)

    @cached_property
    def client_keys(self) -> RemoteClientKeys:
        """Keys of clients that publish them at an address of their own."""
        return RemoteClientKeys(self.http, self.clock, plain_http=self.settings.is_sandbox)

    @cached_property
    def limits(self) -> Limits:
        """How often one client or address may call."""
        return Limits(self.redis, self.clock, self.cipher.derive("limits"))

    @cached_property
    def keys(self) -> KeyStore:
        """Signing keys, kept for a second or two."""
        return KeyStore(self, cache_ttl=self._cache_ttl)

    @property
    def _cache_ttl(self) -> timedelta:
        return timedelta(milliseconds=self.settings.cache_ttl_ms)

    @cached_property
    def pairwise_key(self) -> PairwiseKey:
        """The key of new subjects."""
        return parse_key(self.settings.pairwise_key.reveal())

    @cached_property
    def issuer_keys(self) -> OwnKeys:
        """The keys with which access tokens addressed to identity itself are checked."""
        return OwnKeys(self.keys)


def create_context(settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None) -> Identity:
    """Return the context of one process."""
    return Identity(settings, "identity", clock or SystemClock(), ids or SystemIds())


def current() -> Identity:
    """Return the context of the present request."""
    return current_as(Identity)
