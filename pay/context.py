"""What a process of pay holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pay.models.account import Account
from pay.models.sandbox_booking import DatabaseBookings
from pay.providers.base import Gateway
from pay.providers.sandbox import SandboxGateway
from pay.settings import PaySettings
from pay.standards.payment_object import Addresses
from shared.clock import Clock, SystemClock
from shared.context import Context, current_as
from shared.ids import Ids, SystemIds

KEYS_CACHED_SECONDS = 2
KEYS_CACHED_MAX = 10_000
GatewayMaker = Callable[["Pay"], Gateway]


@dataclass(frozen=True)
class Merchant:
    """Who calls the public API: an account, by one of its keys."""

    key_id: str
    account: Account

    @property
    def actor(self) -> str:
        """The name the audit log knows the caller by."""
        return f"api-key:{self.key_id}"


def _sandbox(pay: "Pay") -> Gateway:
    return SandboxGateway(DatabaseBookings(pay.db))


@dataclass
class Pay(Context):
    """The context of pay: settings, engines, and the gateways by name."""

    settings: PaySettings
    service: str = "pay"
    gateway_makers: Mapping[str, GatewayMaker] = field(default_factory=lambda: {SandboxGateway.name: _sandbox})
    merchants: dict[bytes, tuple[float, Merchant]] = field(default_factory=dict)
    """Keys seen in the last seconds, so that the hot path reads no table for them; a revoked key ends with its entry."""

    @cached_property
    def gateways(self) -> Mapping[str, Gateway]:
        """The payment service providers by name."""
        return {name: make(self) for name, make in self.gateway_makers.items()}

    @cached_property
    def key_secret(self) -> bytes:
        """The secret of key checksums and key hashes."""
        return self.settings.api_key_secret.reveal().encode()

    @cached_property
    def addresses(self) -> Addresses:
        """Where this installation is reached."""
        return Addresses(api=self.settings.public_url, pages=self.settings.public_url)


def create_context(settings: PaySettings, *, clock: Clock | None = None, ids: Ids | None = None) -> Pay:
    """Return the context of one process."""
    return Pay(settings=settings, clock=clock or SystemClock(), ids=ids or SystemIds())


def current() -> Pay:
    """Return the context of the app that answers the present request."""
    return current_as(Pay)
