"""What notify needs to know besides what every service needs."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from babel.numbers import is_currency

from notify.standards.dkim_signature import Signer
from notify.standards.local_rules import COUNTRIES
from notify.standards.provider_list import read_printers, read_providers, read_relays
from notify.standards.return_token import LOCAL_PART_MAX, TOKEN_CHARACTERS
from notify.standards.ssh_keys import is_host_key, is_private_key
from shared.settings import Secret, ServiceSettings, SettingsError, setting

FILES_IN = ("database", "s3")


def _is_place(value: str) -> str | None:
    return None if value in FILES_IN else f"must be {' or '.join(FILES_IN)}"


def _is_bucket(value: str) -> str | None:
    parts = urlsplit(value)
    is_plain = parts.scheme in {"http", "https"} and parts.netloc and "@" not in parts.netloc and not parts.query and not parts.fragment
    if not value or (is_plain and parts.path.strip("/")):
        return None
    return "must be the address of a bucket by path, such as https://s3.example.cl/andamio-notify"


def _is_price(value: str) -> str | None:
    return None if not value or re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) else "must be a decimal number such as 0.0233"


def _is_currency(value: str) -> str | None:
    return None if not value or is_currency(value) else "must be the code of a currency, such as CLP"


def _is_country(value: str) -> str | None:
    return None if value in COUNTRIES else "must be GB or CL"


def _has_room_for_a_token(value: str) -> str | None:
    local, at, domain = value.rpartition("@")
    if not value or (local and at and domain and len(local) + 1 + TOKEN_CHARACTERS <= LOCAL_PART_MAX):
        return None
    return f"must be an address with at most {LOCAL_PART_MAX - TOKEN_CHARACTERS - 1} characters before the @"


def _is_zone(value: str) -> str | None:
    return None if value in available_timezones() else "must be the name of a time zone, such as America/Santiago"


def _is_percent(value: str) -> str | None:
    try:
        return None if 0 < Decimal(value) <= 100 else "must be more than 0 and at most 100"
    except InvalidOperation:
        return "must be a decimal number"


def _is_ssh_key(value: Secret) -> str | None:
    return None if is_private_key(value.reveal()) else "must be a private SSH key in PEM form, without a passphrase"


def _is_ssh_host_key(value: str) -> str | None:
    return None if not value or is_host_key(value) else "must be a public key written `type base64`"


def _is_dkim_key(value: Secret) -> str | None:
    try:
        Signer(value.reveal(), domain="example.com", selector="s")
    except ValueError:
        return "must be a private key in PEM form, RSA of 2048 bits or more, or Ed25519"
    return None


def _are_sms_providers(value: Secret) -> str | None:
    try:
        read_providers(value.reveal())
    except ValueError as fault:
        return str(fault)
    return None


def _are_relays(value: Secret) -> str | None:
    try:
        read_relays(value.reveal())
    except ValueError as fault:
        return str(fault)
    return None


def _are_printers(value: Secret) -> str | None:
    try:
        read_printers(value.reveal())
    except ValueError as fault:
        return str(fault)
    return None


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """Settings of notify, `NOTIFY_…` in the environment."""

    smtp_host: str = setting("mail relay that takes our emails", default="localhost")
    smtp_port: int = setting("port of the mail relay", default=25)
    smtp_username: str = setting("user name at the mail relay; empty: none", default="")
    smtp_password: Secret = setting("password at the mail relay", default=Secret(""))
    smtp_starttls: bool = setting("speak TLS with the mail relay, and send nothing where it cannot", default=True)
    smtp_relays: Secret = setting(
        "JSON list of mail relays, instead of the one above: each with `name`, `host`, and if wanted `port`, `username`, `password`, "
        "`starttls`, `weight` and `per_minute` (cap of one sender)",
        default=Secret(""),
        check=_are_relays,
    )
    smtp_acceptance_is_delivery: bool = setting(
        "count an email as delivered when the relay takes it; off where delivery reports come back another way", default=True
    )
    dkim_selector: str = setting("name of the DNS record that holds the DKIM key's public part: `<selector>._domainkey`", default="")
    dkim_key: Secret = setting(
        "private key (PEM; RSA of 2048 bits or Ed25519) that emails are signed with; empty: not signed",
        default=Secret(""),
        check=_is_dkim_key,
    )
    bounce_address: str = setting(
        "address that bounces come to, of at most 21 characters before the @; each message at each relay has its own, "
        "`<local>+<token>@<domain>`; empty: the From address",
        default="",
        check=_has_room_for_a_token,
    )
    mail_bounce_warn_percent: str = setting(
        "share of a day's e-mails that bounce for good from which a service is warned", default="5", check=_is_percent
    )
    mail_bounce_pause_percent: str = setting("share from which its e-mails are paused", default="10", check=_is_percent)
    mail_complaint_warn_percent: str = setting(
        "share of a day's e-mails that people call unwanted from which a service is warned", default="0.1", check=_is_percent
    )
    mail_complaint_pause_percent: str = setting("share from which its e-mails are paused", default="0.5", check=_is_percent)
    mail_care_messages_min: int = setting("e-mails a day from which those shares are looked at", default=100)
    operator_email: str = setting("address that is told of services that were warned or paused; empty: nobody", default="")
    email_domain: str = setting("domain that our emails come from", default="notify.localhost")
    sms_gateway_url: str = setting("address of the SMS gateway; empty: no texts leave", default="")
    sms_gateway_token: Secret = setting("bearer token for the SMS gateway; empty: none", default=Secret(""))
    sms_providers: Secret = setting(
        "JSON list of providers of texts, instead of the gateway: `kind` http (`url`, `token`, `receipt_secret`) or smpp (`host`, "
        "`port`, `system_id`, `password`, `tls`), each with `name`, `weight` and `per_minute` (cap of one sender)",
        default=Secret(""),
        check=_are_sms_providers,
    )
    receipt_secret: Secret = setting(
        "secret that receipts are checked with of those providers that were given none of their own; better empty: give each its own "
        "(docs/notify/providers.md)",
        default=Secret(""),
    )
    default_sms_sender: str = setting("sender of texts for services without one of their own", default="NOTIFY")
    print_url: str = setting("address of the print provider; empty: letters stay accepted", default="")
    print_providers: Secret = setting(
        "JSON list of printers, instead of the ones that the other settings name: `kind` http (`url`, `token`, `receipt_secret`) or sftp "
        "(`host`, `port`, `username`, `key`, `host_key`, `folder`), each with `name`, and if wanted `weight` and `per_minute` (cap of "
        "one service)",
        default=Secret(""),
        check=_are_printers,
    )
    print_sftp_host: str = setting("print supplier that takes letters in batches by SFTP, instead of `print_url`; empty: none", default="")
    print_sftp_port: int = setting("port of the print supplier", default=22)
    print_sftp_username: str = setting("user name at the print supplier", default="")
    print_sftp_key: Secret = setting("private SSH key (PEM) for the print supplier", default=Secret(""), check=_is_ssh_key)
    print_sftp_host_key: str = setting("the print supplier's own key, `type base64` as in known_hosts", default="", check=_is_ssh_host_key)
    print_sftp_folder: str = setting("folder at the print supplier that holds `out`, `in`, `in/done` and `in/bad`", default=".")
    mailbox_portal_url: str = setting(
        "address at which people open their mailbox, named in reminders; empty: this service's own pages", default=""
    )
    mailbox_url: str = setting("address that mailbox messages are also handed to; empty: they stay here only", default="")
    clamd_address: str = setting("`host:port` of a clamd that looks into files; empty: only the scanners' test file is known", default="")
    files_in: str = setting(
        "where new documents, attachments and letters are kept, encrypted as ever: `database`, or `s3` for the bucket below",
        default="database",
        check=_is_place,
    )
    files_url: str = setting(
        "bucket of an S3-compatible store, by path: `https://HOST/BUCKET` or `https://HOST/BUCKET/FOLDER`; empty: none",
        default="",
        check=_is_bucket,
    )
    files_region: str = setting("region that requests to the bucket are signed for", default="us-east-1")
    files_key_id: Secret = setting("id of the access key for the bucket", default=Secret(""))
    files_secret: Secret = setting("secret of the access key for the bucket", default=Secret(""))
    delivery_threads: int = setting("messages that one worker hands over at the same time", default=8)
    provider_timeout_seconds: int = setting("longest time one call to a provider may take", default=15)
    currency: str = setting(
        "currency of the prices below, such as CLP; empty: that of `new_service_country`, GBP or CLP", default="", check=_is_currency
    )
    price_sms_fragment: str = setting(
        "price of one part of a text; empty: no cost is told, in GBP it is 0.0233", default="", check=_is_price
    )
    price_letter_sheet: str = setting(
        "price of printing one sheet of a letter; empty: no cost is told, in GBP it is 0.11", default="", check=_is_price
    )
    price_letter_post: str = setting("price of posting a letter; empty: no cost is told, in GBP it is 0.57", default="", check=_is_price)
    new_service_country: str = setting(
        "by whose rules a new service's numbers and addresses are read, `GB` or `CL`; its team can change it",
        default="GB",
        check=_is_country,
    )
    time_zone: str = setting("time zone by which times of reminders are meant", default="America/Santiago", check=_is_zone)
    docs_url: str = setting(
        "where the error about an unreadable token sends people",
        default="https://docs.notifications.service.gov.uk/rest-api.html#authorisation-header",
    )
    admin_url: str = setting("address of the console, named in some errors; empty: this service's own", default="")

    @property
    def money(self) -> str:
        """Give the currency of all prices."""
        return self.currency or ("GBP" if self.new_service_country == "GB" else "CLP")

    def __post_init__(self) -> None:
        """Raises: SettingsError where a bucket is asked for and not described."""
        if self.files_in == "s3" and not self.files_url:
            raise SettingsError(["NOTIFY_FILES_URL must be set while NOTIFY_FILES_IN is s3"])
        if self.files_url and not (self.files_key_id and self.files_secret):
            raise SettingsError(["NOTIFY_FILES_KEY_ID and NOTIFY_FILES_SECRET must be set while NOTIFY_FILES_URL is"])
