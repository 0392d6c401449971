"""What one process of the wallet holds."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from joserfc.jwk import ECKey

from shared.clock import Clock, SystemClock
from shared.context import Context, current_as
from shared.ids import Ids, SystemIds
from wallet.providers.any import AnyRegister
from wallet.providers.base import Register
from wallet.providers.dealings import Dealings, HttpDealings
from wallet.providers.mandates import HttpMandates, MandateRegister, NoMandates
from wallet.providers.notices import NoNotices, NoticeSender, NotifyNotices
from wallet.providers.rest import RestRegister
from wallet.providers.soap import SoapRegister
from wallet.providers.table import CsvRegister, SqlRegister
from wallet.settings import Settings
from wallet.standards.signing import new_key
from wallet.standards.working_days import chilean_holidays

SUBJECT_INDEX = "wallet-subject"


@dataclass
class Wallet(Context):
    """The context of the wallet."""

    settings: Settings
    service: str = "wallet"
    key_cache: dict[str, tuple[ECKey, datetime]] = field(default_factory=dict, repr=False)
    """The active signing key of each use, and until when it is taken to be active without asking."""

    registry_cache: dict[tuple[str, ...], tuple[Any, datetime]] = field(default_factory=dict, repr=False)
    """Rows of the registry and until when they are taken to stand; `Any`, for the key says which kind (operations/known.py)."""

    def case_index(self, case_id: str | None) -> bytes | None:
        """Return the mark by which a case is known again without being readable."""
        return self.cipher.blind_index(case_id, purpose="wallet-case") if case_id else None

    def holidays(self, year: int) -> frozenset[date]:
        """Return the holidays of a year.  Raises: NoHolidayTable."""
        return chilean_holidays(year)

    @cached_property
    def gate_key(self) -> ECKey:
        """The key that tokens of the gate's own fetches are bound to; made anew in each process, and never kept."""
        return new_key("gate")

    @cached_property
    def register(self) -> Register:
        """Calls to the registers of providers."""
        limits = {"timeout_seconds": self.settings.provider_timeout_seconds, "bytes_max": self.settings.provider_bytes_max}
        return AnyRegister(
            rest=RestRegister(self.http, **limits),
            soap=SoapRegister(self.http, self.clock, **limits),
            table=CsvRegister(self.settings.csv_folder),
            sql=SqlRegister(self.settings.sql_registers.reveal(), self.clock),
        )

    @cached_property
    def mandates(self) -> MandateRegister:
        """The register of who may act for whom."""
        url = self.settings.mandates_url
        if not url:
            return NoMandates()
        parts = urlsplit(url)
        return HttpMandates(self.http, self.tokens, url=url, audience=f"{parts.scheme}://{parts.netloc}")

    @cached_property
    def dealings(self) -> Dealings:
        """What the other services know of a person."""
        origin = urlsplit(self.settings.issuer)
        urls = {"identity": f"{origin.scheme}://{origin.netloc}", "notify": self.settings.notify_url, "pay": self.settings.pay_url}
        return HttpDealings(self.http, self.tokens, urls)

    @cached_property
    def notices(self) -> NoticeSender:
        """What carries messages to people."""
        key = self.settings.notify_api_key
        if not key.reveal():
            return NoNotices()
        templates = {"template": self.settings.notify_mailbox_template, "email_template": self.settings.notify_email_template}
        return NotifyNotices(self.http, self.clock, url=self.settings.notify_url, api_key=key, **templates)

    def subject_index(self, subject: str) -> bytes:
        """Return the blind index of a person (`cl-run:…`) in the wallet's own tables."""
        return self.cipher.blind_index(subject, purpose=SUBJECT_INDEX)

    def subject_scope(self, subject_index: bytes) -> str:
        """Return the scope of the data key of one person: destroying it erases what she decided."""
        return "person:" + subject_index.hex()


def create_context(settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None) -> Wallet:
    """Return the context of one process."""
    return Wallet(settings=settings, clock=clock or SystemClock(), ids=ids or SystemIds())


def current() -> Wallet:
    """Return the context of the present request."""
    return current_as(Wallet)
