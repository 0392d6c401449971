"""Where a provider sends its receipt, and how we know that it is its own.  Spec: notify-api §19 (signed token).

The address holds a token made for this one message, so that an address that leaks tells and opens nothing else.
Providers with a fixed address prove themselves by the shared secret in a header instead.
"""

import hashlib
import hmac
import uuid

from notify.context import Notify
from shared.crypto import constant_time_equal

SECRET_HEADER = "X-Receipt-Secret"  # noqa: S105 - the header's name


def receipt_url(notify: Notify, notification_id: uuid.UUID, provider: str) -> str:
    """Give the address at which the receipt of one message is taken."""
    return f"{notify.settings.public_url}/receipts/sms/{provider}?token={receipt_token(notify, notification_id)}"


def letter_event_url(notify: Notify, notification_id: uuid.UUID) -> str:
    """Give the address at which a printer says what became of one letter."""
    return f"{notify.settings.public_url}/notifications/letter/status?token={receipt_token(notify, notification_id)}"


def receipt_token(notify: Notify, notification_id: uuid.UUID) -> str:
    """Give the token of one message's receipt."""
    key = notify.settings.receipt_secret.reveal().encode()
    return hmac.new(key, f"receipt:{notification_id}".encode(), hashlib.sha256).hexdigest()


def proves_receipt(notify: Notify, *, secret: str | None, token: str | None, reference: str) -> bool:
    """Tell whether a receipt for `reference` is a provider's own."""
    expected = notify.settings.receipt_secret.reveal()
    if not expected:
        return False
    if secret is not None:
        return constant_time_equal(secret, expected)
    try:
        made = receipt_token(notify, uuid.UUID(reference))
    except ValueError:
        return False
    return token is not None and constant_time_equal(token, made)
