"""What a process of pay holds."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from redis import Redis
from sqlalchemy.exc import SQLAlchemyError

from pay.models.account import Account
from pay.models.sandbox_bank import DatabaseShelf
from pay.models.sandbox_booking import DatabaseBookings
from pay.providers.base import Gateway
from pay.providers.cash import CounterGateway, NoGateway, TransferGateway
from pay.providers.khipu import KhipuGateway
from pay.providers.messages import MessageSender, NoMessages, NotifyMessages
from pay.providers.payout_bank import FolderBank, PayoutBank, SandboxBank
from pay.providers.sandbox import SandboxGateway
from pay.providers.stripe import StripeGateway
from pay.providers.webpay import WebpayGateway
from pay.settings import PaySettings
from pay.standards.payment_object import Addresses
from shared.clock import Clock, SystemClock
from shared.context import Context, current_as
from shared.ids import Ids, SystemIds
from shared.redis_address import redis_client
from shared.virus_scan import ClamdScanner, TestFileScanner, VirusScanner

KEYS_CACHED_SECONDS = 2
KEYS_CACHED_MAX = 10_000


class LocalCounter:
    """Counts calls in this process while Redis is away."""

    def __init__(self) -> None:
        self.away_until = 0.0
        self._second = 0
        self._counts: Counter[str] = Counter()

    def add(self, key: str, second: int) -> int:
        """Return how many calls there were with this key in this second."""
        if second != self._second:
            self._second, self._counts = second, Counter()
        self._counts[key] += 1
        return self._counts[key]


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


GATEWAYS: Mapping[str, GatewayMaker] = {
    SandboxGateway.name: _sandbox,
    WebpayGateway.name: lambda pay: WebpayGateway(pay.http, pay.settings.webpay_url),
    KhipuGateway.name: lambda pay: KhipuGateway(pay.http, pay.settings.khipu_url),
    StripeGateway.name: lambda pay: StripeGateway(pay.http, pay.settings.stripe_url, pay.settings.stripe_files_url),
}


@dataclass
class Pay(Context):
    """The context of pay: settings, engines, and the gateways by name."""

    settings: PaySettings
    service: str = "pay"
    gateway_makers: Mapping[str, GatewayMaker] = field(default_factory=lambda: dict(GATEWAYS))
    local_counter: LocalCounter = field(default_factory=LocalCounter)
    credentials: dict[str, tuple[float, Mapping[str, str]]] = field(default_factory=dict, repr=False)
    """What providers know accounts by, for a few seconds."""
    merchants: dict[bytes, tuple[float, Merchant]] = field(default_factory=dict)
    """Keys seen in the last seconds, so that the hot path reads no table for them; a revoked key ends with its entry."""

    @cached_property
    def gateways(self) -> Mapping[str, Gateway]:
        """The payment service providers by name."""
        return {
            CounterGateway.name: CounterGateway(),
            TransferGateway.name: TransferGateway(),
            NoGateway.name: NoGateway(),
            **{name: make(self) for name, make in self.gateway_makers.items()},
        }

    @cached_property
    def payout_banks(self) -> Mapping[str, PayoutBank]:
        """The banks that pay people out: a folder of files where one is set, for live accounts; ours, where no money moves, for others."""
        ours, folder = SandboxBank(DatabaseShelf(self.db), self.clock), self.settings.payout_folder
        return {ours.name: ours} | ({FolderBank.name: FolderBank(Path(folder))} if folder else {})

    def payout_bank_of(self, account: Account) -> PayoutBank | None:
        """Return the bank that pays out for an account; None where a live account has none."""
        return self.payout_banks.get(FolderBank.name if account.is_live else SandboxBank.name)

    @cached_property
    def messages(self) -> MessageSender:
        """What carries messages to payers."""
        key = self.settings.notify_api_key
        if not key.reveal():
            return NoMessages()
        url, template = self.settings.notify_url, self.settings.notify_email_template
        return NotifyMessages(self.http, self.clock, url=url, api_key=key, template=template)

    @cached_property
    def scanner(self) -> VirusScanner:
        """Looks into files that come from outside."""
        return ClamdScanner(self.settings.clamd_address) if self.settings.clamd_address else TestFileScanner()

    @cached_property
    def counter_redis(self) -> "Redis":
        """Counts calls: a client that gives up after a quarter of a second.  Spec: pay-api.md §21."""
        return redis_client(self.settings.redis_url.reveal(), socket_timeout=0.25, socket_connect_timeout=0.25)

    @cached_property
    def key_secrets(self) -> tuple[bytes, ...]:
        """The secrets of key checksums and key hashes, newest first: keys made under each are honoured."""
        return tuple(secret.strip().encode() for secret in self.settings.api_key_secret.reveal().split(","))

    @property
    def key_secret(self) -> bytes:
        """The one under which new keys are made."""
        return self.key_secrets[0]

    def db_answers(self) -> bool:
        """True while the database answers."""
        try:
            return self.db.is_ready()
        except SQLAlchemyError:
            return False

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
