"""Payments and their events."""

import json
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    String,
    Table,
    bindparam,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from pay.models.base import metadata
from pay.standards.fee_rules import FeeTerms
from pay.standards.identifiers import AccountId, PaymentId
from pay.standards.ledger import Share
from pay.standards.payment_object import Address, CardFacts, Payer, Payment
from pay.standards.payment_states import LOCKS, PUBLIC, SUCCESS, PaymentState
from shared.crypto import DataKeys
from shared.db import UtcDateTime

_WAITING = ", ".join(f"'{state.value}'" for state in PaymentState if not PUBLIC[state].finished)
_UNPAID = ", ".join(f"'{state.value}'" for state in PaymentState if PUBLIC[state].finished and PUBLIC[state] is not SUCCESS)
_LOCKED = ", ".join(f"'{state.value}'" for state in sorted(LOCKS))

payments = Table(
    "payments",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("state", String(50), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reference", String(255), nullable=False),
    Column("description", String(255), nullable=False),
    Column("return_url", String(2000)),
    Column("language", String(2), nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("authorisation_mode", String(20), nullable=False),
    Column("delayed_capture", Boolean, nullable=False),
    Column("moto", Boolean, nullable=False),
    # JSON, not JSONB: keys keep the order and values the type in which they came.
    Column("metadata", JSON(none_as_null=True)),
    Column("payer_sealed", LargeBinary),
    Column("card_brand", String(20)),
    Column("card_type", String(10)),
    Column("first_digits", String(6)),
    Column("last_digits", String(4)),
    Column("card_expiry", String(5)),
    Column("provider_id", String(100)),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    Column("capture_submitted_at", UtcDateTime),
    Column("captured_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("surcharge_minor", BigInteger, nullable=False, server_default="0"),
    Column("fee_minor", BigInteger),
    Column("settled_on", Date),
    # Who is owed what, where it is not the account's own body alone: [[beneficiary, amount, purpose], …].
    Column("allocations", JSON(none_as_null=True)),
    Column("attempt_reference", String(80)),
    Column("attempts_made", Integer, nullable=False, server_default="0"),
    Column("attempts_max", Integer, nullable=False, server_default="1"),
    Column("agreement_id", String(26), ForeignKey("agreements.id")),
    Column("agreement_payment_type", String(12)),
    Column("can_retry", Boolean),
    # Keyed hashes of the short strings in the payer's e-mail address and name, by which parts of them are found.
    Column("payer_grams", ARRAY(Integer)),
    # Which rule the amount follows from, and who is exempt.
    Column("fee_terms", JSON(none_as_null=True)),
    # The ways by which it may be paid, where the service says so, and the number of its notice.
    Column("methods", ARRAY(String(10))),
    Column("notice_number", String(18)),
    CheckConstraint("amount_minor >= 0", name="amount"),
    CheckConstraint("surcharge_minor >= 0", name="surcharge"),
    # The last guard against refunding more than was taken: the write itself is impossible.
    CheckConstraint("refunded_minor between 0 and amount_minor + surcharge_minor", name="refunded"),
    Index("ix_payments_agreement_id", "agreement_id", postgresql_where=text("agreement_id is not null")),
    Index("ix_payments_account_id_settled_on", "account_id", "settled_on", postgresql_where=text("settled_on is not null")),
    Index("ix_payments_payer_grams", "payer_grams", postgresql_using="gin"),
    Index("ix_payments_provider_id", "gateway", "provider_id", postgresql_where=text("provider_id is not null")),
    Index("ix_payments_account_id_created_at", "account_id", "created_at", "id"),
    # Few payments end unpaid, and people look for them; those that are paid cost nothing here.
    Index("ix_payments_unpaid", "account_id", "state", "created_at", "id", postgresql_where=text(f"state in ({_UNPAID})")),
    Index("ix_payments_account_id_reference", "account_id", text("lower(reference)")),
    Index("ix_payments_expires_at", "expires_at", postgresql_where=text(f"state in ({_WAITING})")),
    Index("ix_payments_locked", "updated_at", postgresql_where=text(f"state in ({_LOCKED})")),
)

payment_events = Table(
    "payment_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, index=True),
    Column("before", String(50)),
    Column("after", String(50), nullable=False),
    Column("event", String(60), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


def payer_scope(account_id: str) -> str:
    """Return the scope under which the payers of an account are encrypted."""
    return f"pay:account:{account_id}"


def seal_payer(cipher: DataKeys, account_id: str, payer: Payer) -> bytes | None:
    """Return what is known of the payer, encrypted; None when nothing is."""
    if not payer.is_known:
        return None
    return cipher.encrypt(json.dumps(asdict(payer), ensure_ascii=False), scope=payer_scope(account_id))


GRAM_MAX = 3


def grams(cipher: DataKeys, text_of: str, purpose: str) -> set[int]:
    """Return keyed hashes of the strings of one to three characters in a text, whatever their case.

    A part of the text has only hashes that the text has too; a part of up to three characters has just one.
    """
    lowered = text_of.casefold()
    parts = {lowered[at : at + size] for size in range(1, GRAM_MAX + 1) for at in range(len(lowered) - size + 1)}
    return {int.from_bytes(cipher.blind_index(part, purpose=f"payer:{purpose}")[:4], "big", signed=True) for part in parts}


def needle_grams(cipher: DataKeys, part: str, purpose: str) -> list[int]:
    """Return the hashes that every text has which holds this part."""
    lowered = part.casefold()
    parts = {lowered[at : at + GRAM_MAX] for at in range(max(1, len(lowered) - GRAM_MAX + 1))}
    return [int.from_bytes(cipher.blind_index(each, purpose=f"payer:{purpose}")[:4], "big", signed=True) for each in sorted(parts)]


def payer_grams(cipher: DataKeys, payer: Payer) -> list[int] | None:
    """Return by which hashes a payer is found; None when there is nothing to find."""
    found = grams(cipher, payer.email, "email") | grams(cipher, payer.cardholder_name, "name")
    return sorted(found) or None


def _open_payer(cipher: DataKeys, account_id: str, sealed: bytes | None) -> Payer:
    if sealed is None:
        return Payer()
    values = json.loads(cipher.decrypt(sealed, scope=payer_scope(account_id)))
    address = values["billing_address"]
    return Payer(values["email"], values["cardholder_name"], Address(**address) if address else None)


def terms_row(terms: FeeTerms | None) -> dict[str, object] | None:
    """Return why an amount is what it is, as its column holds it."""
    return None if terms is None else asdict(terms)


def payment_of(row: RowMapping | dict[str, Any], cipher: DataKeys) -> Payment:  # Any: of the columns' types
    """Return the payment a row of the table holds, by the names of its columns."""
    card = None
    if row["card_brand"] is not None or row["last_digits"] is not None:
        brand, first, last, expiry = (row[name] or "" for name in ("card_brand", "first_digits", "last_digits", "card_expiry"))
        card = CardFacts(brand, first, last, expiry, row["card_type"])
    return Payment(
        id=PaymentId(row["id"]),
        account_id=AccountId(row["account_id"]),
        state=PaymentState(row["state"]),
        version=row["version"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        reference=row["reference"],
        description=row["description"],
        return_url=row["return_url"],
        language=row["language"],
        gateway=row["gateway"],
        authorisation_mode=row["authorisation_mode"],
        delayed_capture=row["delayed_capture"],
        moto=row["moto"],
        metadata=row["metadata"] or {},
        payer=_open_payer(cipher, row["account_id"], row["payer_sealed"]),
        card=card,
        provider_id=row["provider_id"],
        refunded_minor=row["refunded_minor"],
        capture_submitted_at=row["capture_submitted_at"],
        captured_at=row["captured_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        surcharge_minor=row["surcharge_minor"],
        fee_minor=row["fee_minor"],
        settled_on=row["settled_on"],
        allocations=tuple(Share(*share) for share in row["allocations"] or ()),
        attempt_reference=row["attempt_reference"],
        attempts_made=row["attempts_made"],
        attempts_max=row["attempts_max"],
        agreement_id=row["agreement_id"],
        agreement_payment_type=row["agreement_payment_type"],
        can_retry=row["can_retry"],
        fee_terms=FeeTerms(**row["fee_terms"]) if row["fee_terms"] else None,
        methods=tuple(row["methods"] or ()),
        notice_number=row["notice_number"],
    )


@cache
def _finding(of_account: bool, lock: bool) -> Select[*tuple[Any, ...]]:  # making the statement takes longer than running it
    statement = select(payments).where(payments.c.id == bindparam("of_id"))
    if of_account:
        statement = statement.where(payments.c.account_id == bindparam("of_account"))
    return statement.with_for_update() if lock else statement


def find_payment(
    connection: Connection, cipher: DataKeys, payment_id: PaymentId, *, account_id: AccountId | None = None, lock: bool = False
) -> Payment | None:
    """Return a payment, of the given account where one is given; `lock` holds its row until the commit."""
    values = {"of_id": payment_id} if account_id is None else {"of_id": payment_id, "of_account": account_id}
    row = connection.execute(_finding(account_id is not None, lock), values).mappings().one_or_none()
    return None if row is None else payment_of(row, cipher)


def find_by_provider_id(
    connection: Connection, cipher: DataKeys, gateway: str, provider_id: str, *, payment_id: PaymentId | None = None
) -> Payment | None:
    """Return the payment that a provider knows by this name, or by ours."""
    named = payments.c.provider_id == provider_id if payment_id is None else payments.c.id == payment_id
    row = connection.execute(select(payments).where(named, payments.c.gateway == gateway).limit(1)).mappings().one_or_none()
    return None if row is None else payment_of(row, cipher)


def list_state_changes(connection: Connection, payment_id: PaymentId) -> list[tuple[PaymentState, datetime]]:
    """Return the states a payment went through, oldest first."""
    statement = select(payment_events.c.after, payment_events.c.created_at).where(payment_events.c.payment_id == payment_id)
    return [(PaymentState(after), at) for after, at in connection.execute(statement.order_by(payment_events.c.id))]


def find_due(connection: Connection, now: datetime, *, untouched_since: datetime, limit: int) -> list[PaymentId]:
    """Return unfinished payments whose time is over and that nobody changed just now, oldest first."""
    waiting = [state.value for state in PaymentState if not PUBLIC[state].finished]
    statement = select(payments.c.id).where(
        payments.c.state.in_(waiting), payments.c.expires_at <= now, payments.c.updated_at <= untouched_since
    )
    return [PaymentId(value) for value in connection.execute(statement.order_by(payments.c.expires_at).limit(limit)).scalars()]


def find_left_locked(connection: Connection, before: datetime, *, limit: int) -> list[PaymentId]:
    """Return payments that stand in a lock state since before the given time."""
    locked = [state.value for state in LOCKS]
    statement = select(payments.c.id).where(payments.c.state.in_(locked), payments.c.updated_at < before)
    return [PaymentId(value) for value in connection.execute(statement.order_by(payments.c.updated_at).limit(limit)).scalars()]
