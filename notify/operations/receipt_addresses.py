"""Where a provider says what became of a message, and how we know that it is this one who says it.  Spec: notify-api §19 (signed token).

The address holds a token made for one provider and this one message, so that an address that leaks, or the one of a provider that did not
take the message, tells and opens nothing else; the key of the tokens is known to no provider.  Providers with a fixed address prove
themselves by a secret in a header instead: their own (operations/receipt_secrets.py), else what the settings say.
"""

import hmac
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from notify.context import Notify
from notify.models.receipt_secret import PURPOSE
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
    """Give the token of one provider for one message."""
    return _token(notify.receipt_key, f"receipt:{notification_id}:{provider}")


def has_token(notify: Notify, token: str | None, channel: Channel, provider: str, reference: str) -> bool:
    """Tell whether a token is the provider's own for the message that `reference` names.

    Earlier releases made tokens with the secret that providers share, which whoever has it can do too: those count as long as what the
    settings say of the provider's secret does.
    """
    try:
        about = f"receipt:{uuid.UUID(reference)}:{provider}"
    except ValueError:
        return False
    if token is None:
        return False
    if constant_time_equal(token, _token(notify.receipt_key, about)):
        return True
    return _follows_settings(notify, channel, provider) and _is_of_the_shared_key(notify, token, about)


def has_nobodys_token(notify: Notify, token: str | None, channel: Channel, reference: str) -> bool:
    """Tell whether a token is the message's, of an early release that named no provider in it; it counts while all follow the settings."""
    try:
        about = f"receipt:{uuid.UUID(reference)}"
    except ValueError:
        return False
    all_follow = all(_follows_settings(notify, channel, route.name) for route in _routes(notify, channel))
    return token is not None and all_follow and _is_of_the_shared_key(notify, token, about)


def has_secret(notify: Notify, secret: str | None, channel: Channel, provider: str) -> bool:
    """Tell whether a secret is one by which this provider proves itself: its own that have not ended, else what the settings say."""
    if secret is None:
        return False
    kept = notify.catalogue.receipt_secrets(channel, provider)
    if not kept:
        return is_secret(secret, agreed_secret(notify, channel, provider))
    now, shown = notify.clock.now(), notify.cipher.blind_index(secret, purpose=PURPOSE)
    return any(constant_time_equal(shown, one.digest) for one in kept if one.ends_at is None or one.ends_at > now)


def agreed_secret(notify: Notify, channel: Channel, provider: str) -> str:
    """Give the secret that the settings say: the provider's own in its list, else the one that all others share."""
    own = next((route.receipt_secret for route in _routes(notify, channel) if route.name == provider), "")
    return own or notify.settings.receipt_secret.reveal()


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


def _routes(notify: Notify, channel: Channel) -> Sequence[Route[Any]]:  # of texts or of letters
    by_channel: dict[Channel, Sequence[Route[Any]]] = {Channel.SMS: notify.sms_routes, Channel.LETTER: notify.print_routes}
    return by_channel.get(channel, ())


def _follows_settings(notify: Notify, channel: Channel, provider: str) -> bool:
    """Tell whether what the settings say of a provider's secret counts: until it is given one of its own, and a little longer."""
    return has_secret(notify, agreed_secret(notify, channel, provider), channel, provider)


def _is_of_the_shared_key(notify: Notify, token: str, about: str) -> bool:
    shared = notify.settings.receipt_secret.reveal()
    return bool(shared) and constant_time_equal(token, _token(shared.encode(), about))


def _token(key: bytes, about: str) -> str:
    return hmac.digest(key, about.encode(), "sha256").hex()
