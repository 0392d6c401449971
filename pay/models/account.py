"""Gateway accounts and their API keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    bindparam,
    select,
)

from pay.models.base import metadata
from pay.standards.identifiers import AccountId
from pay.standards.ledger import Book
from shared.db import UtcDateTime

gateway_accounts = Table(
    "gateway_accounts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("service_name", String(100), nullable=False),
    Column("organisation_id", String(100), nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("gateway_ready", Boolean, nullable=False, server_default="true"),
    Column("currency", String(3), nullable=False),
    Column("language", String(2), nullable=False, server_default="en"),
    Column("max_amount_minor", BigInteger, nullable=False, server_default="10000000"),
    Column("allow_zero_amount", Boolean, nullable=False, server_default="false"),
    Column("allow_moto", Boolean, nullable=False, server_default="false"),
    Column("email_collection", String(10), nullable=False, server_default="MANDATORY"),
    Column("collect_billing_address", Boolean, nullable=False, server_default="true"),
    Column("card_brands", ARRAY(String(20)), nullable=False),
    Column("disabled_reason", String(200)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("allow_moto_api", Boolean, nullable=False, server_default="false"),
    Column("allow_telephone", Boolean, nullable=False, server_default="false"),
    Column("allow_recurring", Boolean, nullable=False, server_default="false"),
    Column("block_prepaid", Boolean, nullable=False, server_default="false"),
    Column("surcharge_credit_minor", BigInteger, nullable=False, server_default="0"),
    Column("surcharge_debit_minor", BigInteger, nullable=False, server_default="0"),
    Column("surcharge_prepaid_minor", BigInteger, nullable=False, server_default="0"),
    Column("attempts_max", Integer, nullable=False, server_default="1"),
    Column("posts_per_second", Integer, nullable=False, server_default="15"),
    Column("others_per_second", Integer, nullable=False, server_default="75"),
    Column("credentials_sealed", LargeBinary),
    Column("allow_payouts", Boolean, nullable=False, server_default="false"),
    # Whether payers may transfer to the operator's bank account.
    Column("allow_transfer", Boolean, nullable=False, server_default="false"),
    # Whether payers are told by e-mail, where notify is set up.
    Column("payer_emails", Boolean, nullable=False, server_default="true"),
    CheckConstraint("not is_live or gateway <> 'sandbox'", name="live_is_not_sandbox"),
    CheckConstraint("attempts_max between 1 and 20", name="attempts_max"),
    CheckConstraint("email_collection in ('MANDATORY', 'OPTIONAL', 'OFF')", name="email_collection"),
)

_COLUMNS = tuple(gateway_accounts.c.keys())

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("description", String(200), nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)


@dataclass(frozen=True)
class Account:
    """A gateway account: a service's till at one gateway, in one currency."""

    id: AccountId
    service_name: str
    organisation_id: str
    is_live: bool
    gateway: str
    gateway_ready: bool
    currency: str
    language: str
    max_amount_minor: int
    allow_zero_amount: bool
    allow_moto: bool
    email_collection: str
    collect_billing_address: bool
    card_brands: tuple[str, ...]
    disabled_reason: str | None
    created_at: datetime
    allow_moto_api: bool
    allow_telephone: bool
    allow_recurring: bool
    block_prepaid: bool
    surcharge_credit_minor: int
    """What a corporate credit card costs more; the two below are for corporate debit and prepaid debit cards.  Spec: pay-api.md §19."""
    surcharge_debit_minor: int
    surcharge_prepaid_minor: int
    attempts_max: int
    """How often a payer may try within one payment; 1 is what the published contract does."""
    posts_per_second: int
    others_per_second: int
    credentials_sealed: bytes | None = field(repr=False)
    """What the provider knows the account by, sealed."""
    allow_payouts: bool = False
    """Whether people may be paid out of this account.  Spec: PA-9."""
    allow_transfer: bool = False
    """Whether payers may transfer to the operator's bank account.  Spec: pay-api.md §25."""
    payer_emails: bool = True
    """Whether payers are told by e-mail.  Spec: pay-api.md §23."""

    @property
    def book(self) -> Book:
        """The ledger accounts this account posts to."""
        return Book(self.gateway, self.id, self.organisation_id, self.currency)


def account_of(row: Sequence[Any]) -> Account:
    """Return the account that a row holds, in the order of the table's columns."""
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))  # Any: of the columns' types
    return Account(**values | {"id": AccountId(values["id"]), "card_brands": tuple(values["card_brands"])})


# Made once: making a statement takes longer than running it.
_BY_ID = select(gateway_accounts).where(gateway_accounts.c.id == bindparam("of_id"))
_BY_KEY = (
    select(api_keys.c.id, gateway_accounts)
    .join(gateway_accounts, gateway_accounts.c.id == api_keys.c.account_id)
    .where(api_keys.c.token_hash == bindparam("of_hash"), api_keys.c.revoked_at.is_(None))
)


def get_account(connection: Connection, account_id: AccountId) -> Account:
    """Return an account.  Raises: NoResultFound."""
    return account_of(connection.execute(_BY_ID, {"of_id": account_id}).one())


def find_key(connection: Connection, token_hash: bytes) -> tuple[UUID, Account] | None:
    """Return the id of a key that is not revoked, and its account."""
    row = connection.execute(_BY_KEY, {"of_hash": token_hash}).one_or_none()
    if row is None:
        return None
    key_id, *values = row
    return key_id, account_of(values)
