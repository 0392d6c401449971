"""Settings of the identity service."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from identity.standards.pairwise import parse_key
from shared.crypto import KeyRing
from shared.settings import Secret, ServiceSettings, is_positive, setting


def _is_pairwise_key(value: Secret) -> str | None:
    try:
        parse_key(value.reveal())
    except ValueError:
        return "must be `version:base64 of at least 32 bytes`"
    return None


def _is_key_ring(value: Secret) -> str | None:
    try:
        KeyRing.parse(value.reveal())
    except ValueError:
        return "must be `version:base64 of 32 bytes`, newest first, separated by commas"
    return None


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """What identity needs beside what every service needs."""

    pairwise_key: Secret = setting("key of new pairwise subjects, `version:base64`; never changed in place", check=_is_pairwise_key)
    peppers: Secret = setting("keys mixed into passwords before hashing, newest first: `version:base64 of 32 bytes`", check=_is_key_ring)
    password_hashes_at_once: int = setting("password hashes one process computes at the same time (19 MiB each)", default=2)
    password_hashes_waiting: int = setting(
        "sign-ins that may wait for one of those before the answer is 503; with those a few fewer than the process has threads", default=4
    )
    password_wait_ms: int = setting("longest time a sign-in waits for a hash to start", default=2_000)
    access_token_ttl_seconds: int = setting("life of JWT access tokens", default=300)
    opaque_token_ttl_seconds: int = setting("life of opaque access tokens for user info", default=3_600)
    id_token_ttl_seconds: int = setting("life of ID tokens", default=3_600)
    refresh_idle_seconds: int = setting("a refresh token ends after so long without use", default=14 * 86_400)
    refresh_ttl_seconds: int = setting("refresh tokens of one grant end after so long in any case", default=90 * 86_400)
    pushed_request_ttl_seconds: int = setting("time from a pushed request to the person's arrival", default=60)
    mtls_url: str = setting("origin at which the edge asks for client certificates; empty: no mTLS", default="")
    interaction_ttl_seconds: int = setting(
        "time a person has to sign in; a step in its second half gives the whole again, up to ten times over", default=1_800
    )
    session_idle_seconds: int = setting("single sign-on ends after so long without use", default=900)
    session_ttl_seconds: int = setting("single sign-on ends after so long in any case", default=43_200)
    frontchannel_logout: bool = setting(
        "sign out at services through frames in the browser too; needs cookies of other sites", default=False
    )
    session_management: bool = setting("serve the frame in which services watch whether the sign-on lasts; needs the same", default=False)
    calls_per_client: int = setting("calls of one client at the protocol's endpoints in a minute; 0: no limit", default=120_000)
    calls_per_address: int = setting("the same for one public address; 0: no limit", default=6_000)
    key_active_seconds: int = setting("a signing key is replaced after so long", default=90 * 86_400)
    key_pending_seconds: int = setting("a new signing key is published so long before it signs", default=86_400)
    key_retired_seconds: int = setting("a replaced signing key stays published so long", default=86_400 + 3_600)
    cache_ttl_ms: int = setting("how long one process keeps clients and keys before it asks the database again", default=1_500)
    notify_url: str = setting("address of notify, through which people are told about their account; empty: notices wait", default="")
    notify_api_key: Secret = setting("API key of identity's own service at notify", default=Secret(""))
    notify_email_template: str = setting("template with the places `subject` and `body` for emails", default="")
    notify_sms_template: str = setting("template with the place `body` for text messages", default="")
    pay_url: str = setting("address of pay, where a registered service gets its account", default="")
    event_receivers: tuple[str, ...] = setting(
        "who is told of disabled and compromised accounts: `client_id=url` with commas between", default=()
    )
    wallet_url: str = setting("address of the wallet, where a registered service becomes known", default="")
    registry_url: str = setting("address of the civil registry; empty: nobody can be activated at a counter", default="")
    company_register_url: str = setting("address of the company register; empty: nobody acts for a company by law", default="")
    family_register_url: str = setting("address of the register of parents and children; empty: nobody acts for a child by law", default="")
    court_register_url: str = setting("address of the register of guardians, curators and orders of courts; empty: none", default="")
    sim_check_url: str = setting("address that says whether the card of a telephone was changed lately; empty: not asked", default="")
    assist_review_percent: int = setting("so many of a hundred assisted sessions are looked at afterwards, by lot", default=5)
    mandate_level: int = setting("level of sign-in that giving a mandate takes: 3 cannot be phished", default=3)
    history_days: int = setting(
        "days for which a person's history and the records behind it are kept; 732 is two years", default=732, check=is_positive
    )
    breach_file: str = setting("file of breached passwords, made by `make-breach-file`; empty: only the list of common ones", default="")
    passkey_rp_id: str = setting("domain that passkeys are bound to; empty: the host of the public URL", default="")
    passkey_origins: tuple[str, ...] = setting("further origins, such as apps, that may use passkeys", default=())
    place_header: str = setting("request header in which the edge tells where a browser roughly is; empty: not shown", default="")
    staff_level: int = setting("level of sign-in that officers, agents and operators need: 3 cannot be phished", default=3)

    @property
    def mtls_issuer(self) -> str | None:
        """The issuer's address behind the edge that asks for client certificates; None where there is none."""
        is_set = self.mtls_url and self.client_certificate_header and self.edge_addresses
        return self.mtls_url + urlsplit(self.issuer).path if is_set else None
