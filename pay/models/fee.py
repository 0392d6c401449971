"""What service products cost, and the exemptions that were asked for.  A version of a rule is never changed.  Spec: PA-10."""

from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import (
    JSON,
    CheckConstraint,
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
    UniqueConstraint,
    select,
    text,
)

from pay.models.base import metadata
from pay.standards.fee_rules import Channel, Exemption, ExemptionState, FeeRule
from pay.standards.identifiers import AccountId, PaymentId
from shared.db import UtcDateTime

fee_rules = Table(
    "fee_rules",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("product", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", String(120), nullable=False),
    Column("amounts", JSON, nullable=False),
    Column("exemptions", JSON, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("account_id", "product", "version"),
)

exemption_requests = Table(
    "exemption_requests",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account_id", String(26), ForeignKey("gateway_accounts.id"), nullable=False),
    Column("payment_id", String(26), ForeignKey("payments.id"), nullable=False, unique=True),
    Column("code", String(40), nullable=False),
    Column("amount_minor", Integer, nullable=False),
    # Why it is asked, and why it was decided so: about a person, so encrypted.
    Column("reason_sealed", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False),
    Column("decision_sealed", LargeBinary),
    Column("decided_by", String(200)),
    Column("asked_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    CheckConstraint("amount_minor >= 0", name="amount"),
    Index("ix_exemption_requests_asked", "account_id", "created_at", postgresql_where=text("state = 'asked'")),
)


@dataclass(frozen=True)
class ExemptionRequest:
    """An exemption that was asked for, at one moment."""

    id: str
    account_id: AccountId
    payment_id: PaymentId
    code: str
    amount_minor: int
    reason_sealed: bytes
    state: ExemptionState
    decision_sealed: bytes | None
    decided_by: str | None
    asked_by: str
    created_at: datetime
    decided_at: datetime | None


def request_of(row: Row[*tuple[object, ...]]) -> ExemptionRequest:
    """Return the request a row of the table holds."""
    values = dict(row._mapping)
    return ExemptionRequest(**values | {"state": ExemptionState(values["state"])})


def rule_row(rule: FeeRule) -> dict[str, object]:
    """Return a rule as its columns."""
    return {
        "product": rule.product,
        "version": rule.version,
        "name": rule.name,
        "amounts": {channel.value: amount for channel, amount in rule.amounts.items()},
        "exemptions": [asdict(exemption) for exemption in rule.exemptions],
        "valid_from": rule.valid_from,
    }


def _rule_of(row: Row[*tuple[object, ...]]) -> FeeRule:
    values = row._mapping
    amounts = {Channel(channel): amount for channel, amount in values["amounts"].items()}
    exemptions = tuple(Exemption(**each) for each in values["exemptions"])
    return FeeRule(values["product"], values["version"], values["name"], amounts, exemptions, values["valid_from"])


def list_rules(connection: Connection, account_id: AccountId) -> list[FeeRule]:
    """Return every version of every product of an account, by product, newest first."""
    c = fee_rules.c
    statement = select(fee_rules).where(c.account_id == account_id).order_by(c.product, c.version.desc())
    return [_rule_of(row) for row in connection.execute(statement)]


def find_rule(connection: Connection, account_id: AccountId, product: str, on: date) -> FeeRule | None:
    """Return the rule that counts on a day: the newest version that had begun."""
    c = fee_rules.c
    statement = select(fee_rules).where(c.account_id == account_id, c.product == product, c.valid_from <= on)
    row = connection.execute(statement.order_by(c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _rule_of(row)
