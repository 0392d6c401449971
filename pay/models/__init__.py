"""Tables of pay, a file a noun, with their finders."""

from pay.models import (
    account,
    agreement,
    attempt,
    dispute,
    ledger,
    notice,
    page_token,
    payment,
    payment_link,
    receipt,
    refund,
    refund_request,
    sandbox_booking,
    settlement,
    suspense,
    telephone,
    webhook,
)
from pay.models.base import Base, metadata

__all__ = [
    "Base",
    "account",
    "agreement",
    "attempt",
    "dispute",
    "ledger",
    "metadata",
    "notice",
    "page_token",
    "payment",
    "payment_link",
    "receipt",
    "refund",
    "refund_request",
    "sandbox_booking",
    "settlement",
    "suspense",
    "telephone",
    "webhook",
]
