"""Tables of pay, a file a noun, with their finders."""

from pay.models import account, attempt, ledger, notice, page_token, payment, receipt, refund, sandbox_booking, webhook
from pay.models.base import Base, metadata

__all__ = [
    "Base",
    "account",
    "attempt",
    "ledger",
    "metadata",
    "notice",
    "page_token",
    "payment",
    "receipt",
    "refund",
    "sandbox_booking",
    "webhook",
]
