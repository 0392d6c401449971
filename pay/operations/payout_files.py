"""Files to the bank and reports from it.  A pay-out is in one file for ever; a file is handed over under one name, as often as needed.

A batch's bytes follow from its rows, which do not change: a crash anywhere ends in the same file at the bank, once.
Spec: pay-design.md §4.2; requirements PA-9.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.events import PayoutFileAction
from pay.models.account import gateway_accounts
from pay.models.payout import Payout, find_payout, payout_batches, payout_of, payout_reports, payouts
from pay.operations.moves import SYSTEM
from pay.operations.payout_moves import move_payout
from pay.providers.payout_bank import PayoutBank, Report
from pay.standards.credit_transfers import (
    BankAccount,
    ReportLine,
    Standing,
    Transfer,
    TransferFile,
    UnreadableReport,
    read_report,
    write_order,
)
from pay.standards.identifiers import ALPHABET, LENGTH, PayoutId, is_public_id
from pay.standards.payout_states import PAYOUT_TABLE, PayoutMethod, PayoutState
from shared.transaction import Transaction

HAND_OVER_JOB = "hand_over_payouts"
BATCH_MAX = 500
BATCHER = 7_102_001
"""The advisory lock of whoever makes files, so that one order stands in one file whoever looks."""

S = PayoutState
log = structlog.get_logger("andamio.pay.payouts")


def make_batch(pay: Pay, bank: PayoutBank) -> int:
    """Put what is approved into one file for a bank; return how many pay-outs it has, 0 where nothing waits."""
    with pay.transaction() as tx:
        if not tx.connection.execute(select(func.pg_try_advisory_xact_lock(BATCHER))).scalar_one():
            return 0
        waiting = _waiting(pay, tx, bank)
        if not waiting:
            return 0
        batch_id, currency = pay.ids.pick(ALPHABET, LENGTH), waiting[0].currency
        total = sum(payout.amount_minor for payout in waiting)
        row = {"id": batch_id, "bank": bank.name, "currency": currency, "payouts": len(waiting), "total_minor": total}
        tx.connection.execute(insert(payout_batches).values(row | {"created_at": pay.clock.now()}))
        for payout in waiting:
            move_payout(pay, tx, payout, S.SENT, actor=SYSTEM, changes={"batch_id": batch_id})
        facts: dict[str, str | int] = {"payouts": len(waiting), "total_minor": total, "currency": currency}
        tx.record(PayoutFileAction.MADE, actor=SYSTEM, object_id=batch_id, channel="job", data=facts)
        tx.enqueue(HAND_OVER_JOB, {"batch_id": batch_id})
    return len(waiting)


def _waiting(pay: Pay, tx: Transaction, bank: PayoutBank) -> list[Payout]:
    """Return approved transfers of one currency, oldest first, held; those that somebody is taking back just now wait."""
    c, accounts = payouts.c, gateway_accounts.c
    waiting = (c.state == S.APPROVED.value, c.method == PayoutMethod.TRANSFER.value, accounts.is_live == bank.is_real)
    both = payouts.join(gateway_accounts, accounts.id == c.account_id)
    oldest = select(c.currency).select_from(both).where(*waiting).order_by(c.created_at).limit(1)
    mine = select(payouts).select_from(both).where(*waiting, c.currency == oldest.scalar_subquery()).order_by(c.created_at, c.id)
    rows = tx.connection.execute(mine.limit(BATCH_MAX).with_for_update(of=payouts, skip_locked=True))
    return [payout_of(row, pay.cipher) for row in rows]


def hand_over(pay: Pay, batch_id: str) -> None:
    """Give the bank a file; leaves quietly where that was done.  Raises: BankUnavailable."""
    with pay.reading() as tx:
        c = payout_batches.c
        batch = tx.connection.execute(select(payout_batches).where(c.id == batch_id)).one_or_none()
        if batch is None or batch.handed_over_at is not None:
            return
        rows = tx.connection.execute(select(payouts).where(payouts.c.batch_id == batch_id).order_by(payouts.c.created_at, payouts.c.id))
        transfers = tuple(_transfer(payout_of(row, pay.cipher)) for row in rows)
    settings = pay.settings
    file = TransferFile(batch.id, batch.created_at, settings.operator_name, settings.settlement_bank, batch.currency, transfers)
    pay.payout_banks[batch.bank].hand_over(batch.id, write_order(file))
    with pay.transaction() as tx:
        done = update(payout_batches).where(c.id == batch_id, c.handed_over_at.is_(None)).values(handed_over_at=pay.clock.now())
        if tx.connection.execute(done).rowcount:
            tx.record(PayoutFileAction.HANDED_OVER, actor=SYSTEM, object_id=batch_id, channel="job")


def _transfer(payout: Payout) -> Transfer:
    payee, account = payout.payee, payout.payee.account or BankAccount("", "", "")
    return Transfer(payout.id, payout.amount_minor, payee.name, payee.identifier, account, payout.description)


@dataclass(frozen=True)
class ReadReport:
    """What became of the lines of a report: `paid`, `returned`, `under-way`, `unknown`, `contradicting`, `repeated`."""

    lines: int
    results: dict[str, int]

    @property
    def is_clean(self) -> bool:
        """True when every line is about a transfer of ours, and says nothing against what we know."""
        return not set(self.results) & {"unknown", "contradicting"}


def read_reports(pay: Pay, bank: PayoutBank) -> int:
    """Read what a bank has sent that was not read before; return how many files.  Raises: BankUnavailable.

    A file that is no report is told to whoever watches, and the others are read.
    """
    new = [report for report in bank.reports() if not _is_read(pay, bank, report)]
    for report in new:
        try:
            take_report(pay, bank, report, actor=SYSTEM)
        except UnreadableReport as fault:
            log.critical("a bank's report cannot be read", file=report.name, fault=str(fault))
    return len(new)


def _is_read(pay: Pay, bank: PayoutBank, report: Report) -> bool:
    c = payout_reports.c
    known = select(c.name).where(c.bank == bank.name, c.sha256 == _digest(report.content))
    with pay.reading() as tx:
        return tx.connection.execute(known).one_or_none() is not None


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def take_report(pay: Pay, bank: PayoutBank, report: Report, *, actor: str) -> ReadReport:
    """Move each pay-out that a report names, each in a transaction of its own; the same report again changes nothing.

    Raises: UnreadableReport, before any line is taken.
    """
    lines = read_report(report.content)
    results = Counter(_take(pay, line, actor=actor) for line in lines)
    found = ReadReport(len(lines), dict(results))
    row = {"bank": bank.name, "sha256": _digest(report.content), "name": report.name[:200], "lines": len(lines)}
    facts: dict[str, str | int | bool | list[str]] = {"lines": len(lines), **results}
    with pay.transaction() as tx:
        tx.connection.execute(insert(payout_reports).values(row | {"read_at": pay.clock.now()}).on_conflict_do_nothing())
        outcome = "done" if found.is_clean else "failed"
        tx.record(PayoutFileAction.RESULT_READ, actor=actor, outcome=outcome, object_id=_digest(report.content)[:26], data=facts)
    if not found.is_clean:
        log.error("a bank's report does not agree with what was sent", file=report.name, **results)
    return found


_TARGETS = {Standing.PAID: S.PAID, Standing.RETURNED: S.RETURNED}


def _take(pay: Pay, line: ReportLine, *, actor: str) -> str:
    """Take one line; what was said before, or has been overtaken by a return, changes nothing."""
    if not is_public_id(line.id):
        return "unknown"
    with pay.transaction() as tx:
        payout = find_payout(tx.connection, pay.cipher, PayoutId(line.id), lock=True)
        if payout is None or payout.method is not PayoutMethod.TRANSFER:
            return "unknown"
        target = _TARGETS.get(line.standing)
        if target is None:
            return Standing.UNDER_WAY.value
        if payout.state is target or (target is S.PAID and payout.state is S.RETURNED and payout.paid_at is not None):
            return "repeated"
        if not PAYOUT_TABLE.allows(payout.state, target):
            return "contradicting"
        changes = {"paid_at": pay.clock.now()} if target is S.PAID else {"return_reason": line.reason or "NARR"}
        move_payout(pay, tx, payout, target, actor=actor, changes=changes)
        return line.standing.value
