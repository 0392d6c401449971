"""Webhooks, the messages they are owed, and each attempt to deliver one.  Spec: pay-api.md §15."""

from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from pay.models.base import metadata
from shared.db import UtcDateTime


class MessageState(StrEnum):
    """The state of one message."""

    PENDING = "PENDING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"
    WILL_NOT_SEND = "WILL_NOT_SEND"


webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False, index=True),
    Column("callback_url", String(2000), nullable=False),
    Column("signing_key_sealed", LargeBinary, nullable=False),
    Column("subscriptions", ARRAY(String(40)), nullable=False),
    Column("status", String(10), nullable=False),
    Column("description", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("webhook_id", String(26), ForeignKey("webhooks.id"), nullable=False, index=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), index=True),
    Column("payout_id", String(26), ForeignKey("payouts.id"), index=True),
    Column("event_type", String(40), nullable=False),
    # The bytes that are signed and sent, the same at each attempt; encrypted, for they name the payer.
    Column("body_sealed", LargeBinary, nullable=False),
    Column("state", String(15), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("num_nonnulls(payment_id, payout_id) = 1", name="one_object"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("message_id", String(26), ForeignKey("webhook_messages.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("response_status", Integer),
    Column("error", String(40)),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("message_id", "number"),
)
