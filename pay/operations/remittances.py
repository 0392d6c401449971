"""Paying bodies (the Treasury among them) and partners what they are owed, with a file that says for what.

A remittance of a day settles all that was booked until its end, each entry once: afterwards that much of the account is at zero.  The
same day again is the same remittance, and the same file.  Spec: pay-design.md §3, §7.3, §8.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Connection, Select, case, func, insert, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from pay.context import Pay
from pay.errors import NothingToRemit
from pay.events import RemittanceAction
from pay.models.account import gateway_accounts
from pay.models.ledger import ledger_accounts, ledger_entries, ledger_transactions, post
from pay.models.notice import find_notice_of_payment
from pay.models.partner import partners
from pay.models.payment import find_payment
from pay.models.remittance import (
    Remittance,
    find_of_day,
    find_remittance,
    format_of,
    remittance_entries,
    remittance_formats,
    remittance_of,
    remittances,
)
from pay.operations.amounts import today
from pay.standards import ledger_movements
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId
from pay.standards.ledger import Kind, Layer, LedgerAccount, Side, payable_account
from pay.standards.payout_postings import partner_account
from pay.standards.remittance_files import RemittanceFormat, RemittanceLine, write_remittance
from shared.clock import ZONE
from shared.problems import NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop as noop

CREDITORS = (payable_account("").code, partner_account("").code)
LISTED_MAX = 500
_E, _T, _S = ledger_entries.c, ledger_transactions.c, remittance_entries.c
_OWED = case((_E.side == Side.CREDIT.value, _E.amount_minor), else_=-_E.amount_minor)


@dataclass(frozen=True)
class Creditor:
    """Who is owed: the account of the books, and how much it stands at."""

    account_code: str
    currency: str
    owed_minor: int


def creditor_names(pay: Pay) -> dict[str, str]:
    """Return what people call those whom the books owe, by account of the books: an office by its services, a partner by its name."""
    a = gateway_accounts.c
    by_office = select(a.organisation_id, func.string_agg(a.service_name.distinct(), literal(", "))).group_by(a.organisation_id)
    with pay.reading() as tx:
        offices = {payable_account(office).code: f"{names} ({office})" for office, names in tx.connection.execute(by_office)}
        found = tx.connection.execute(select(partners.c.id, partners.c.name))
        return offices | {partner_account(partner_id).code: name for partner_id, name in found}


def list_creditors(pay: Pay) -> list[Creditor]:
    """Return who is owed how much, by account."""
    c = ledger_accounts.c
    owed = or_(*(c.code.startswith(prefix, autoescape=True) for prefix in CREDITORS))
    statement = select(c.code, c.currency, -c.posted_minor).where(owed).order_by(c.code, c.currency).limit(LISTED_MAX)
    with pay.reading() as tx:
        return [Creditor(code, currency, int(minor)) for code, currency, minor in tx.connection.execute(statement)]


def remit(pay: Pay, account_code: str, currency: str, day: date, *, actor: str) -> Remittance:
    """Pay what was booked until the end of a day; the same day again changes nothing.

    Raises: NotFound for who is no creditor, NothingToRemit for a day that is not over, or where nothing is owed.
    """
    if not account_code.startswith(CREDITORS):
        raise NotFound
    if day >= today(pay):
        raise NothingToRemit(noop("The day is not over."))
    with pay.transaction() as tx:
        c = ledger_accounts.c
        # Whoever posts to the account holds its row, so that what is seen here is all that was booked until now.
        held = select(c.code).where(c.code == account_code, c.currency == currency).with_for_update()
        if tx.connection.execute(held).one_or_none() is None:
            raise NotFound
        made = find_of_day(tx.connection, account_code, currency, day)
        return made or _pay(pay, tx, Creditor(account_code, currency, 0), day, actor=actor)


def _pay(pay: Pay, tx: Transaction, creditor: Creditor, day: date, *, actor: str) -> Remittance:
    remittance_id = pay.ids.pick(ALPHABET, LENGTH)
    open_entries = _open(creditor, _T.created_at < _end_of(day)).subquery()
    amount = tx.connection.execute(select(func.coalesce(func.sum(open_entries.c.owed), 0))).scalar_one()
    if amount <= 0:
        raise NothingToRemit(noop("Nothing is owed until the end of this day."))
    row = {
        "id": remittance_id,
        "account_code": creditor.account_code,
        "currency": creditor.currency,
        "day": day,
        "amount_minor": int(amount),
        "made_by": actor,
        "created_at": pay.clock.now(),
    }
    made = remittance_of(tx.connection.execute(insert(remittances).values(row).returning(*remittances.c)).one())
    settled = select(open_entries.c.id, literal(remittance_id))
    tx.connection.execute(insert(remittance_entries).from_select(["entry_id", "remittance_id"], settled))
    owed = LedgerAccount(creditor.account_code, Kind.LIABILITY)
    posting = ledger_movements.remitted(
        remittance_id=made.id, owed=owed, bank=pay.settings.settlement_bank, currency=made.currency, amount_minor=made.amount_minor
    )
    post(tx.connection, posting, made.created_at)
    own = _open(creditor, _T.source_id == made.id).subquery()
    settled = select(own.c.id, literal(remittance_id))
    tx.connection.execute(insert(remittance_entries).from_select(["entry_id", "remittance_id"], settled))
    facts: dict[str, str | int] = {"account_code": made.account_code, "day": day.isoformat(), "amount_minor": made.amount_minor}
    tx.record(RemittanceAction.MADE, actor=actor, object_id=made.id, channel="console", data=facts)
    return made


def _open(creditor: Creditor, condition: ColumnElement[bool]) -> Select[int, int]:
    """The posted entries of an account that no remittance has settled."""
    return (
        select(_E.id, _OWED.label("owed"))
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(_E.account_code == creditor.account_code, _E.currency == creditor.currency, _E.layer == Layer.POSTED.value)
        .where(condition, ~select(_S.entry_id).where(_S.entry_id == _E.id).exists())
    )


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), ZONE)


def list_remittances(pay: Pay, account_code: str | None = None) -> list[Remittance]:
    """Return remittances, newest first: of one creditor, or of all."""
    c = remittances.c
    statement = select(remittances).order_by(c.day.desc(), c.id)
    if account_code is not None:
        statement = statement.where(c.account_code == account_code)
    with pay.reading() as tx:
        return [remittance_of(row) for row in tx.connection.execute(statement.limit(LISTED_MAX))]


def get_remittance(pay: Pay, remittance_id: str) -> Remittance:
    """Return a remittance.  Raises: NotFound."""
    with pay.reading() as tx:
        found = find_remittance(tx.connection, remittance_id)
    if found is None:
        raise NotFound
    return found


def remittance_file(pay: Pay, made: Remittance) -> bytes:
    """Return the file of a remittance: its lines add up to its amount."""
    with pay.reading() as tx:
        return write_remittance(list(_lines(pay, tx.connection, made)), format_of(tx.connection, made.account_code))


def _lines(pay: Pay, connection: Connection, made: Remittance) -> Iterator[RemittanceLine]:
    statement = (
        select(_T.created_at, _T.source, _T.payment_id, _OWED.label("owed"))
        .select_from(remittance_entries)
        .join(ledger_entries, _E.id == _S.entry_id)
        .join(ledger_transactions, _T.id == _E.transaction_id)
        .where(_S.remittance_id == made.id, _T.source_id != made.id)
        .order_by(_E.id)
    )
    body = made.account_code.partition(":")[2]
    for booked_at, source, payment_id, owed in connection.execute(statement):
        payment = find_payment(connection, pay.cipher, PaymentId(payment_id)) if payment_id else None
        notice = find_notice_of_payment(connection, pay.cipher, payment.id) if payment else None
        told = payment.metadata if payment else {}
        yield RemittanceLine(
            # Whose money it is says the notice that was paid, or what the service wrote into `metadata`.
            rut=str(told.get("rut", "")) or (notice.debtor.identifier if notice else ""),
            form=str(told.get("form", "")),
            folio=str(told.get("folio", "")) or (notice.number if notice else ""),
            amount_minor=int(owed),
            value_date=booked_at.astimezone(ZONE).date(),
            reference=payment.reference if payment else "",
            payment_id=payment_id,
            purpose=next((share.purpose for share in payment.allocations if share.beneficiary == body), "") if payment else "",
            source=source,
        )


def set_format(pay: Pay, account_code: str, form: RemittanceFormat, *, actor: str) -> None:
    """Say how a creditor wants its files from now on.  Raises: NotFound for who can be no creditor."""
    if not account_code.startswith(CREDITORS):
        raise NotFound
    values = {"columns": list(form.columns), "separator": form.separator, "days": form.days, "updated_at": pay.clock.now()}
    statement = upsert(remittance_formats).values({"account_code": account_code} | values)
    with pay.transaction() as tx:
        tx.connection.execute(statement.on_conflict_do_update(index_elements=["account_code"], set_=values))
        tx.record(RemittanceAction.FORMAT_SET, actor=actor, object_id=account_code[:26], data={"columns": list(form.columns)})
