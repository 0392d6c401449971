"""The context of notify: its settings, its catalogue of senders, its providers."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from notify.models import messages
from notify.models.catalogue import Catalogue
from notify.models.print_batch import SOLE_PRINTER, printers_behind, queue_letter
from notify.providers.base import EmailSender, Letter, LetterPrinter, MailboxFeed, SmsSender, Text
from notify.providers.http import HttpMailbox, HttpPrint, HttpSms
from notify.providers.limits import Limits
from notify.providers.print_sftp import PrintAccount, SftpPrint
from notify.providers.routing import Breaker, Route, Router, Stays
from notify.providers.smpp import Account, SmppSms
from notify.providers.smtp import SmtpEmail
from notify.settings import Settings
from notify.standards.dkim_signature import Signer
from notify.standards.local_rules import COUNTRIES, LocalRules
from notify.standards.mime import Mail
from notify.standards.provider_list import MailRelay, Printer, SmsProvider, read_printers, read_providers, read_relays
from notify.standards.statuses import Status
from shared.context import Context, current_as
from shared.files import FileStore, InBucket, InRows
from shared.group_commit import GroupCommit
from shared.s3 import Bucket
from shared.virus_scan import ClamdScanner, TestFileScanner, VirusScanner

BEHIND_AFTER = timedelta(hours=1)
I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")


@dataclass
class Notify(Context):
    """What one process of notify holds."""

    settings: Settings
    _groups: dict[str, GroupCommit[Any, Any]] = field(default_factory=dict, init=False, repr=False)  # each of its own types

    @property
    def return_key(self) -> bytes:
        """What proves that a report about an e-mail is about one that a relay of ours had."""
        return self.cipher.derive("mail-return")

    @property
    def receipt_key(self) -> bytes:
        """What the addresses of receipts are proven with; no provider has it."""
        return self.cipher.derive("receipt-address")

    @cached_property
    def catalogue(self) -> Catalogue:
        """Services, keys and templates, read again every two seconds."""
        return Catalogue(self.db, self.cipher, self.clock)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where people are: the clock that times of day are meant by."""
        return ZoneInfo(self.settings.time_zone)

    @property
    def local_rules(self) -> LocalRules:
        """By whose rules what people say of themselves is read: the country's where this runs."""
        return COUNTRIES[self.settings.new_service_country]

    @cached_property
    def limits(self) -> Limits:
        """Rate and daily limits; they let pass while Redis is away."""
        return Limits(self.redis)

    def grouped(self, name: str, write: Callable[[Sequence[I]], Sequence[R]], *, gather_seconds: float = 0.0) -> GroupCommit[I, R]:
        """Give the one group commit of a name, which writes what several threads have at the same moment."""
        found: GroupCommit[I, R] | None = self._groups.get(name)
        return found or self._groups.setdefault(name, GroupCommit(write, gather_seconds=gather_seconds))

    @cached_property
    def scanner(self) -> VirusScanner:
        """Looks into files that come from outside."""
        address = self.settings.clamd_address
        return ClamdScanner(address, timeout_seconds=self.settings.provider_timeout_seconds) if address else TestFileScanner()

    @cached_property
    def files(self) -> FileStore:
        """Where documents, attachments and letters are: in their rows, or in a bucket."""
        behind = InBucket(self.bucket) if self.bucket else None
        return behind if behind and self.settings.files_in == "s3" else InRows(behind)

    @cached_property
    def bucket(self) -> Bucket | None:
        """The bucket that the settings describe."""
        settings = self.settings
        if not settings.files_url:
            return None
        key_id, secret = settings.files_key_id.reveal(), settings.files_secret.reveal()
        return Bucket(self.http, settings.files_url, region=settings.files_region, key_id=key_id, secret=secret)

    @cached_property
    def email(self) -> EmailSender:
        """The mail relays, as one."""
        return Router(
            self.email_routes,
            sender_of=lambda mail: mail.from_address,
            within_cap=self._within_cap,
            weights=lambda: self.catalogue.provider_weights("email"),
        )

    @cached_property
    def email_routes(self) -> tuple[Route[Mail], ...]:
        """Each mail relay that is set up."""
        settings = self.settings
        if settings.smtp_relays:
            relays = read_relays(settings.smtp_relays.reveal())
        else:
            password = settings.smtp_password.reveal()
            relays = [MailRelay("smtp", settings.smtp_host, settings.smtp_port, settings.smtp_username, password, settings.smtp_starttls)]
        sign = self._dkim()
        return tuple(Route(relay.name, self._relay(relay, sign), Breaker(self.clock), relay.weight, relay.per_minute) for relay in relays)

    def _relay(self, relay: MailRelay, sign: Callable[[bytes], bytes] | None) -> EmailSender:
        return SmtpEmail(
            relay.host,
            relay.port,
            name=relay.name,
            username=relay.username,
            password=relay.password,
            starttls=relay.starttls,
            timeout_seconds=self.settings.provider_timeout_seconds,
            accepted_means=Status.DELIVERED if self.settings.smtp_acceptance_is_delivery else Status.SENDING,
            sign=sign,
        )

    def _within_cap(self, route: str, sender: str, per_minute: int) -> bool:
        return self.limits.within_cap(route, sender, per_minute, self.clock.now())

    def _dkim(self) -> Callable[[bytes], bytes] | None:
        settings = self.settings
        if not settings.dkim_key:
            return None
        signer = Signer(settings.dkim_key.reveal(), domain=settings.email_domain, selector=settings.dkim_selector)
        return lambda message: signer.sign(message, self.clock.now())

    @cached_property
    def sms(self) -> SmsSender:
        """The ways out for texts, as one."""
        return Router(self.sms_routes, sender_of=lambda text: text.sender, within_cap=self._within_cap, weights=self._sms_weights)

    @cached_property
    def sms_routes(self) -> tuple[Route[Text], ...]:
        """Each provider of texts that is set up."""
        settings = self.settings
        if not settings.sms_providers:
            gateway = SmsProvider("gateway", "http", url=settings.sms_gateway_url, token=settings.sms_gateway_token.reveal())
            return (self._route(gateway),)
        return tuple(self._route(provider) for provider in read_providers(settings.sms_providers.reveal()))

    def _route(self, provider: SmsProvider) -> Route[Text]:
        name, seconds = provider.name, self.settings.provider_timeout_seconds
        sender: SmsSender
        if provider.kind == "smpp":
            account = Account(provider.host, provider.port, provider.system_id, provider.password, provider.tls)
            sender = SmppSms(account, name=name, timeout_seconds=seconds)
        else:
            sender = HttpSms(self.http, provider.url, name=name, token=provider.token, timeout_seconds=seconds)
        breaker = Breaker(self.clock)
        secret, is_asked = provider.receipt_secret, provider.kind == "smpp"
        return Route(name, sender, breaker, provider.weight, provider.per_minute, receipt_secret=secret, is_asked=is_asked)

    def close(self) -> None:
        """Give connections back."""
        for route in (*self.__dict__.get("sms_routes", ()), *self.__dict__.get("email_routes", ())):
            if isinstance(route.provider, SmppSms | SmtpEmail):
                route.provider.close()
        super().close()

    def _sms_weights(self) -> Mapping[str, int]:
        """Give the weights that the operator set meanwhile, at most two seconds old."""
        return self.catalogue.provider_weights("sms")

    @cached_property
    def printer(self) -> LetterPrinter:
        """The printers, as one; a letter stays with the printer it was offered to, or it might be printed twice."""
        return Router(
            self.print_routes,
            sender_of=lambda letter: str(letter.service_id),
            within_cap=self._within_cap,
            weights=lambda: self.catalogue.provider_weights("letter"),
            last=self._printers_behind,
            stays=Stays(lambda letter: letter.offered_to, self._offer),
        )

    def _offer(self, letter: Letter, printer: str) -> None:
        if printer != letter.offered_to:
            with self.transaction() as tx:
                messages.keep_provider(tx.connection, uuid.UUID(letter.reference), printer)

    def _printers_behind(self) -> frozenset[str]:
        """Give the printers by SFTP that have left a batch lying: who takes none gets no new letters while another can have them."""
        if not self.print_shops:
            return frozenset()
        with self.reading() as tx:
            return printers_behind(tx.connection, self.clock.now() - BEHIND_AFTER)

    @cached_property
    def print_routes(self) -> tuple[Route[Letter], ...]:
        """Each printer that is set up."""
        listed = self.settings.print_providers
        printers = read_printers(listed.reveal()) if listed else [self._sole_printer()]
        return tuple(
            Route(
                each.name,
                self._printer(each),
                Breaker(self.clock),
                each.weight,
                each.per_minute,
                for_good=each.kind == "sftp",
                is_asked=each.kind == "sftp",
                receipt_secret=each.receipt_secret,
            )
            for each in printers
        )

    def _sole_printer(self) -> Printer:
        settings = self.settings
        if not settings.print_sftp_host:
            return Printer("print", url=settings.print_url)
        return Printer(
            SOLE_PRINTER,
            "sftp",
            host=settings.print_sftp_host,
            port=settings.print_sftp_port,
            username=settings.print_sftp_username,
            key=settings.print_sftp_key.reveal(),
            host_key=settings.print_sftp_host_key,
            folder=settings.print_sftp_folder,
        )

    def _printer(self, one: Printer) -> LetterPrinter:
        seconds = self.settings.provider_timeout_seconds
        if one.kind == "sftp":
            account = PrintAccount(one.host, one.port, one.username, one.key, one.host_key, one.folder)
            return SftpPrint(account, self._queue_letter, name=one.name, timeout_seconds=seconds)
        return HttpPrint(self.http, one.url, name=one.name, token=one.token, timeout_seconds=seconds)

    def _queue_letter(self, printer: str, letter: Letter) -> None:
        item = {
            "notification_id": uuid.UUID(letter.reference),
            "service_id": letter.service_id,
            "printer": printer,
            "postage": letter.postage,
            "queued_at": self.clock.now(),
        }
        with self.transaction() as tx:
            queue_letter(tx.connection, item)

    @property
    def print_shops(self) -> tuple[SftpPrint, ...]:
        """Give the printers that take letters in batches."""
        return tuple(route.provider for route in self.print_routes if isinstance(route.provider, SftpPrint))

    @cached_property
    def mailbox(self) -> MailboxFeed | None:
        """The reader of mailbox messages outside notify, where there is one."""
        settings = self.settings
        if not settings.mailbox_url:
            return None
        return HttpMailbox(self.http, settings.mailbox_url, name="mailbox", timeout_seconds=settings.provider_timeout_seconds)


def current() -> Notify:
    """Return the context of the app that answers the present request."""
    return current_as(Notify)
