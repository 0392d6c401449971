"""Who calls: the thirteen checks of an API key's token, in the contract's order.  Spec: notify-api §2."""

import uuid
from dataclasses import dataclass

from notify.context import Notify
from notify.errors import TokenMissing, TokenRefused
from notify.models.catalogue import KnownKey, KnownService
from notify.standards.service_jwt import Token, TokenUnreadable, in_time, read

TOKEN_CHARACTERS_MAX = 4096


@dataclass(frozen=True)
class Holder:
    """The service that calls, and the key it calls with."""

    service: KnownService
    key: KnownKey
    actor: str = ""

    @property
    def named(self) -> str:
        """What audit rows call the caller: a person of the team where one sends by hand, else the key."""
        return self.actor or f"api-key:{self.key.id}"


def authenticate(notify: Notify, header: str | None) -> Holder:
    """Give who calls.  Raises: TokenMissing, TokenRefused, the first of the thirteen that fits."""
    if header is None:
        raise TokenMissing("Unauthorized: authentication token must be provided")
    if header[:7].title() != "Bearer ":
        raise TokenMissing("Unauthorized: authentication bearer scheme must be used")
    unreadable = TokenRefused(f"Invalid token: make sure your API token matches the example at {notify.settings.docs_url}")
    try:
        if len(header) > TOKEN_CHARACTERS_MAX:
            raise TokenUnreadable("too long")
        token = read(header[7:].strip())
        service = _service(notify, token)
        return Holder(service, _key(notify, service, token))
    except TokenUnreadable:
        raise unreadable from None


def _service(notify: Notify, token: Token) -> KnownService:
    issuer = token.claims.get("iss")
    if issuer is None:
        raise TokenRefused("Invalid token: iss field not provided")
    try:
        service_id = uuid.UUID(issuer if isinstance(issuer, str) else "")
    except ValueError:
        raise TokenRefused("Invalid token: service id is not the right data type") from None
    service = notify.catalogue.find_service(service_id)
    if service is None:
        raise TokenRefused("Invalid token: service not found")
    if not service.keys:
        raise TokenRefused("Invalid token: service has no API keys")
    if not service.active:
        raise TokenRefused("Invalid token: service is archived")
    return service


def _key(notify: Notify, service: KnownService, token: Token) -> KnownKey:
    if token.algorithm != "HS256":
        raise TokenRefused("Invalid token: algorithm used is not HS256")
    now = notify.clock.now().timestamp()
    for key in service.keys:
        if not token.fits(key.secret) or token.issued_at is None:
            continue
        if not in_time(token, now):
            raise TokenRefused("Error: Your system clock must be accurate to within 30 seconds")
        if token.expired(now):
            raise TokenUnreadable("expired")
        if key.revoked:
            raise TokenRefused("Invalid token: API key revoked")
        return key
    raise TokenRefused("Invalid token: API key not found")
