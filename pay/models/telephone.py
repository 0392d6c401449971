"""Payments that an external telephone service took and reported.  Spec: pay-api.md §14."""

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table, UniqueConstraint

from pay.models.base import metadata

telephone_notifications = Table(
    "telephone_notifications",
    metadata,
    Column("payment_id", String(26), ForeignKey("payments.id"), primary_key=True),
    Column("account_id", String(26), nullable=False),
    Column("provider_id", String(100), nullable=False),
    Column("processor_id", String(100), nullable=False),
    Column("facts_sealed", LargeBinary, nullable=False),
    # The supplier's own name of the payment: reported twice, it is one payment.
    UniqueConstraint("account_id", "provider_id"),
)
