"""Agreements for recurring payments, and the instrument that is charged under them.  Spec: pay-api.md §12."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Index, LargeBinary, Row, String, Table, select

from pay.models.base import metadata
from pay.models.payment import payer_scope
from pay.standards.agreement_states import AgreementState
from pay.standards.identifiers import AccountId, AgreementId
from pay.standards.payment_object import Address, CardFacts
from shared.crypto import DataKeys
from shared.db import UtcDateTime

agreements = Table(
    "agreements",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("state", String(10), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("description", String(255), nullable=False),
    Column("user_identifier_sealed", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Column("cancelled_at", UtcDateTime),
    Column("instrument_sealed", LargeBinary),
    Column("instrument_at", UtcDateTime),
    Index("ix_agreements_account_id_created_at", "account_id", "created_at", "id"),
)


@dataclass(frozen=True)
class Instrument:
    """What is charged: the provider's own token, and the facts of the card; never its number."""

    token: str = field(repr=False)
    card: CardFacts
    cardholder_name: str = field(repr=False)
    billing_address: Address | None = field(repr=False)


@dataclass(frozen=True)
class Agreement:
    """An agreement at one moment."""

    id: AgreementId
    account_id: AccountId
    state: AgreementState
    reference: str
    description: str
    user_identifier: str | None = field(repr=False)
    created_at: datetime
    cancelled_at: datetime | None
    instrument: Instrument | None
    instrument_at: datetime | None


def seal_instrument(cipher: DataKeys, account_id: str, instrument: Instrument) -> bytes:
    """Return the instrument, encrypted."""
    return cipher.encrypt(json.dumps(asdict(instrument), ensure_ascii=False), scope=payer_scope(account_id))


def _open_instrument(cipher: DataKeys, account_id: str, sealed: bytes | None) -> Instrument | None:
    if sealed is None:
        return None
    values = json.loads(cipher.decrypt(sealed, scope=payer_scope(account_id)))
    address = values["billing_address"]
    return Instrument(values["token"], CardFacts(**values["card"]), values["cardholder_name"], Address(**address) if address else None)


def agreement_of(found: Row[Any], cipher: DataKeys) -> Agreement:
    """Return the agreement a row of the table holds."""
    row = found._mapping
    user = row["user_identifier_sealed"]
    return Agreement(
        id=AgreementId(row["id"]),
        account_id=AccountId(row["account_id"]),
        state=AgreementState(row["state"]),
        reference=row["reference"],
        description=row["description"],
        user_identifier=None if user is None else cipher.decrypt(user, scope=payer_scope(row["account_id"])),
        created_at=row["created_at"],
        cancelled_at=row["cancelled_at"],
        instrument=_open_instrument(cipher, row["account_id"], row["instrument_sealed"]),
        instrument_at=row["instrument_at"],
    )


def find_agreement(
    connection: Connection, cipher: DataKeys, agreement_id: AgreementId, *, account_id: AccountId, lock: bool = False
) -> Agreement | None:
    """Return an agreement of an account; `lock` holds its row until the commit."""
    statement = select(agreements).where(agreements.c.id == agreement_id, agreements.c.account_id == account_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else agreement_of(row, cipher)
