"""Where a provider says what became of a message, and how we know that it is this one who says it.  Spec: notify-api §19 (signed token).

The address holds a token made for one provider and this one message, so that an address that leaks, or the one of a provider that did not
take the message, tells and opens nothing else.  Providers with a fixed address prove themselves by a secret in a header instead: their own
where the settings give them one, else the one that all others share.
"""

import hashlib
import hmac
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from notify.context import Notify
from notify.providers.routing import Route
from notify.standards.statuses import Channel
from shared.crypto import constant_time_equal

SECRET_HEADER = "X-Receipt-Secret"  # noqa: S105 - the header's name


def receipt_url(notify: Notify, notification_id: uuid.UUID) -> Callable[[str], str]:
    """Give, by provider, the address at which the receipt of one text is taken."""
    base = f"{notify.settings.public_url}/receipts/sms"
    return lambda provider: f"{base}/{quote(provider, safe='')}?token={receipt_token(notify, provider, notification_id)}"


def letter_event_url(notify: Notify, notification_id: uuid.UUID) -> Callable[[str], str]:
    """Give, by printer, the address at which it says what became of one letter; the token names the printer too."""
    base = f"{notify.settings.public_url}/notifications/letter/status"
    return lambda printer: f"{base}?token={receipt_token(notify, printer, notification_id)}.{quote(printer, safe='')}"


def letter_teller(token: str) -> tuple[str, str]:
    """Give the token of a letter's address without its printer, and the printer."""
    proof, _, printer = token.partition(".")
    return proof, printer


def receipt_token(notify: Notify, provider: str, notification_id: uuid.UUID) -> str:
    """Give the token of one provider for one message.  The release before gave them without a provider: those stay good."""
    key = notify.settings.receipt_secret.reveal().encode()
    about = f"receipt:{notification_id}:{provider}" if provider else f"receipt:{notification_id}"
    return hmac.new(key, about.encode(), hashlib.sha256).hexdigest()


def has_token(notify: Notify, token: str | None, provider: str, reference: str) -> bool:
    """Tell whether a token is the provider's own for the message that `reference` names."""
    if token is None or not notify.settings.receipt_secret:
        return False
    try:
        return constant_time_equal(token, receipt_token(notify, provider, uuid.UUID(reference)))
    except ValueError:
        return False


def has_secret(notify: Notify, secret: str | None, channel: Channel, provider: str) -> bool:
    """Tell whether a secret is the one by which this provider proves itself."""
    routes: Sequence[Route[Any]] = notify.print_routes if channel is Channel.LETTER else notify.sms_routes  # of texts or of letters
    own = next((route.receipt_secret for route in routes if route.name == provider), "")
    return is_secret(secret, own or notify.settings.receipt_secret.reveal())


def is_of_a_printer(notify: Notify, secret: str | None) -> bool:
    """Tell whether a secret is one by which some printer proves itself."""
    return any(has_secret(notify, secret, Channel.LETTER, name) for name in ("", *(route.name for route in notify.print_routes)))


def provider_of(notify: Notify, network: str) -> str:
    """Give the provider that speaks in the form of a network: the one of that name, or the only one there is."""
    names = [route.name for route in notify.sms_routes]
    return names[0] if len(names) == 1 else network


def is_secret(given: str | None, agreed: str) -> bool:
    """Tell whether a secret is the one agreed on; where none was, nobody has it."""
    return given is not None and bool(agreed) and constant_time_equal(given, agreed)
