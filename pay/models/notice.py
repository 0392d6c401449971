"""Notices: debts known before their payment, each with the payment that will settle it.  Spec: pay-design.md §6, §8."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    bindparam,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from pay.models.base import metadata
from pay.models.payment import payer_scope
from pay.standards.identifiers import AccountId, PaymentId
from pay.standards.notice_number import NoticeNumber
from pay.standards.notice_states import NoticeState
from shared.crypto import DataKeys
from shared.db import UtcDateTime

notice_issuers = Table(
    "notice_issuers",
    metadata,
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), primary_key=True),
    Column("code", String(3), nullable=False, unique=True),
    # Where the service says what is owed now, and the key our question is signed with.
    Column("amount_hook_url", String(2000)),
    Column("hook_key_sealed", LargeBinary),
    # Payers may choose a counter; not where it is an issuer only so that transfers have numbers.
    Column("at_counters", Boolean, nullable=False, server_default="true"),
    Column("created_at", UtcDateTime, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("number", String(18), primary_key=True),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, unique=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("debt_id", String(26), nullable=False, index=True),
    Column("instalment", Integer, nullable=False),
    Column("instalments", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("due_on", Date, nullable=False),
    Column("debtor_sealed", LargeBinary),
    Column("debtor_index", LargeBinary, index=True),
    Column("batch_id", String(26), index=True),
    Column("batch_place", Integer, nullable=False, server_default="0"),
    # The lock of one till: a hash of its token, who holds it, until when.
    Column("lock_hash", String(64)),
    Column("locked_by", String(40)),
    Column("locked_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # When its payer is reminded; empty where there is no address, and once it was done.
    Column("remind_on", Date),
    Index("ix_notices_remind_on", "remind_on", postgresql_where=text("remind_on is not null")),
    Index("ix_notices_account_id_created_at", "account_id", "created_at"),
    Index("ix_notices_locked_until", "locked_until", postgresql_where=text("state = 'activated'")),
)


@dataclass(frozen=True)
class Debtor:
    """Who owes: the RUN or RUT and a name; both may be unknown."""

    identifier: str = ""
    name: str = ""

    @property
    def is_known(self) -> bool:
        """True when there is something to keep."""
        return bool(self.identifier or self.name)


@dataclass(frozen=True)
class Lock:
    """Which till holds a notice, and until when."""

    token_hash: str
    holder: str
    until: datetime


@dataclass(frozen=True)
class Notice:
    """A notice at one moment."""

    number: NoticeNumber
    payment_id: PaymentId
    account_id: AccountId
    debt_id: str
    instalment: int
    instalments: int
    state: NoticeState
    version: int
    due_on: date
    debtor: Debtor
    batch_id: str | None
    lock: Lock | None
    created_at: datetime

    def is_locked(self, now: datetime) -> bool:
        """Answer whether a till holds it just now."""
        return self.state is NoticeState.ACTIVATED and self.lock is not None and self.lock.until > now


@dataclass(frozen=True)
class Issuer:
    """An account that issues notices: its three digits, where it says what is owed now, and whether its payers may choose a counter."""

    account_id: AccountId
    code: str
    amount_hook_url: str | None
    hook_key_sealed: bytes | None
    at_counters: bool


def seal_debtor(cipher: DataKeys, account_id: AccountId, debtor: Debtor) -> dict[str, bytes | None]:
    """Return the two columns that hold a debtor: encrypted, and an index by which the identifier is found."""
    if not debtor.is_known:
        return {"debtor_sealed": None, "debtor_index": None}
    sealed = cipher.encrypt(json.dumps(asdict(debtor), ensure_ascii=False), scope=payer_scope(account_id))
    return {"debtor_sealed": sealed, "debtor_index": debtor_index(cipher, debtor.identifier) if debtor.identifier else None}


def debtor_index(cipher: DataKeys, identifier: str) -> bytes:
    """Return the keyed hash of an identifier."""
    return cipher.blind_index(identifier, purpose="notice-debtor")


def notice_of(row: Row[*tuple[object, ...]], cipher: DataKeys) -> Notice:
    """Return the notice a row of the table holds."""
    r = row._mapping
    debtor = (
        Debtor(**json.loads(cipher.decrypt(r["debtor_sealed"], scope=payer_scope(r["account_id"])))) if r["debtor_sealed"] else Debtor()
    )
    return Notice(
        number=NoticeNumber(r["number"]),
        payment_id=PaymentId(r["payment_id"]),
        account_id=AccountId(r["account_id"]),
        debt_id=r["debt_id"],
        instalment=r["instalment"],
        instalments=r["instalments"],
        state=NoticeState(r["state"]),
        version=r["version"],
        due_on=r["due_on"],
        debtor=debtor,
        batch_id=r["batch_id"],
        lock=Lock(r["lock_hash"], r["locked_by"], r["locked_until"]) if r["lock_hash"] else None,
        created_at=r["created_at"],
    )


def find_notice(
    connection: Connection, cipher: DataKeys, number: str, *, account_id: AccountId | None = None, lock: bool = False
) -> Notice | None:
    """Return a notice, of the given account where one is given; `lock` holds its row until the commit."""
    statement = select(notices).where(notices.c.number == number)
    if account_id is not None:
        statement = statement.where(notices.c.account_id == account_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else notice_of(row, cipher)


# Made once: making a statement takes longer than running it.
_OF_PAYMENT = select(notices).where(notices.c.payment_id == bindparam("of_payment"))
_LOCK_OF_PAYMENT = _OF_PAYMENT.with_for_update()
_I = notice_issuers.c
_ISSUER = select(_I.account_id, _I.code, _I.amount_hook_url, _I.hook_key_sealed, _I.at_counters).where(
    _I.account_id == bindparam("of_account")
)


def find_notice_of_payment(connection: Connection, cipher: DataKeys, payment_id: PaymentId, *, lock: bool = False) -> Notice | None:
    """Return the notice of a payment."""
    row = connection.execute(_LOCK_OF_PAYMENT if lock else _OF_PAYMENT, {"of_payment": payment_id}).one_or_none()
    return None if row is None else notice_of(row, cipher)


def find_issuer(connection: Connection, account_id: AccountId) -> Issuer | None:
    """Return the issuer that an account is."""
    row = connection.execute(_ISSUER, {"of_account": account_id}).one_or_none()
    return None if row is None else Issuer(AccountId(row.account_id), row.code, row.amount_hook_url, row.hook_key_sealed, row.at_counters)


def insert_notice(connection: Connection, row: dict[str, object]) -> bool:
    """Write a notice; False when its number was given before."""
    statement = insert(notices).values(row).on_conflict_do_nothing(index_elements=["number"])
    return bool(connection.execute(statement).rowcount)
