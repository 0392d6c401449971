"""Closing a month: its reports stay as they were, and what is posted late is in the next one.  Spec: PA-1, PA-3."""

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from pay.errors import MonthNotToClose
from pay.models.closing import month_closings
from pay.models.ledger import ledger_accounts, ledger_transactions, post
from pay.operations.closings import close_month, keep_files, month_of
from pay.operations.desk import require_account
from pay.operations.proofs import prove
from pay.operations.report_tables import TABLES, table_text
from pay.operations.settlements import import_settlement
from pay.standards import ledger
from pay.standards.ledger import Book, Share
from pay.standards.staff_powers import StaffMember
from tests.conformance.pay.test_console import ORG, Desk
from tests.conformance.pay.test_counters import Counter
from tests.conformance.pay.test_notices import issue
from tests.factories.pay import World

JUNE, JULY = "2026-06", "2026-07"
OWNER = StaffMember("ana", "Ana", (f"{ORG}:owner",))


def go_to(world: World, day: str) -> None:
    """Set the clock of tests to noon of a day."""
    then = datetime.fromisoformat(day + "T16:00:00").replace(tzinfo=UTC)
    world.pay.clock.advance(seconds=(then - world.pay.clock.now()).total_seconds())  # type: ignore[attr-defined]  # the tests' clock


def raw(world: World, name: str, month: str) -> str:
    path = f"/console/accounts/{world.till.account_id}/reports/{name}.csv?month={month}"
    answer = Desk(world, "eva").get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def table(world: World, name: str, month: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw(world, name, month).lstrip("\ufeff"))))


@pytest.fixture
def june(world: World) -> Iterator[World]:
    """A month with a payment that was settled, a refund, and money that nobody explains; it is the second of July."""
    go_to(world, "2026-06-10")
    payment_id, notice, counter = world.paid(amount=10_000), issue(world), Counter(world)
    for receipt in ("A-1", "A-2"):
        counter.confirm(notice["number"], receipt)
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 2000})
    go_to(world, "2026-06-12")
    rows = f"line,kind,reference,amount,fee,currency,date\nL1,payment,{payment_id},10000,200,CLP,2026-06-11\n"
    import_settlement(world.pay, "sandbox", "june.csv", rows.encode(), actor="tests")
    world.run_jobs()
    go_to(world, "2026-07-02")
    yield world
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


def close(world: World, month: str = JUNE) -> int:
    base = f"/console/accounts/{world.till.account_id}/reports"
    status: int = Desk(world, "ana").send(base + "/close", f"{base}/close?month={month}", month=month).status_code
    world.run_jobs()
    return status


@pytest.mark.rule("pay", "PA-1", "PA-3", "I1")
def test_a_closed_month_does_not_change_and_what_comes_late_is_in_the_next(june: World) -> None:
    before = {name: raw(june, name, JUNE) for name in TABLES}
    assert close(june) == 303
    assert {name: raw(june, name, JUNE) for name in TABLES} == before
    account = require_account(june.pay, OWNER, june.till.account_id)
    page = str(Desk(june, "eva").page(f"/console/accounts/{june.till.account_id}/reports?month={JUNE}").select("table"))

    go_to(june, "2026-06-30")  # a posting that carries the old day and is written after the closing
    late = june.paid(amount=700)
    go_to(june, "2026-07-03")
    june.paid(amount=50)
    item = Desk(june, "ana").page(f"/console/accounts/{june.till.account_id}/suspense").select_one("main tbody a")
    assert item is not None
    assert Desk(june, "ana").send(f"{item['href']}/keep", str(item["href"])).status_code == 303

    assert {name: raw(june, name, JUNE) for name in TABLES} == before, "the files are as they were"
    month = month_of(june.pay, account, date(2026, 6, 1))
    again = {name: table_text(june.pay, account, month, name) for name in ("channels", "statement", "entries")}
    assert again == {name: before[name] for name in again}, "and the books still say the same"
    assert page == str(Desk(june, "eva").page(f"/console/accounts/{june.till.account_id}/reports?month={JUNE}").select("table"))

    days = {(row["day"], row["channel"]): row["taken"] for row in table(june, "channels", JULY)}
    assert days == {("2026-07-01", "sandbox"): "700", ("2026-07-03", "sandbox"): "50"}
    assert late in {row["payment_id"] for row in table(june, "entries", JULY)}
    assert table(june, "statement", JULY)[0]["owed"] == table(june, "statement", JUNE)[-1]["owed"]
    with june.pay.db.engine.connect() as connection:
        c = ledger_accounts.c
        owed = connection.execute(select(-c.posted_minor).where(c.code == f"beneficiary_payable:{ORG}")).scalar_one()
    assert table(june, "statement", JULY)[-1]["owed"] == str(owed)
    numbers = [row["transaction"] for month in (JUNE, JULY) for row in table(june, "entries", month)]
    with june.pay.db.engine.connect() as connection:
        posted = {str(number) for number in connection.execute(select(ledger_transactions.c.id)).scalars()}
    assert set(numbers) <= posted


@pytest.mark.rule("pay", "PA-1")
def test_settlement_is_told_by_day_and_channel_with_what_is_still_to_come(june: World) -> None:
    (tenth, twelfth) = [row for row in table(june, "channels", JUNE) if row["channel"] == "sandbox"]
    assert [tenth[name] for name in ("taken", "given_back", "settled", "fees")] == ["10000", "2000", "0", "0"]
    assert [twelfth[name] for name in ("taken", "given_back", "settled", "fees")] == ["0", "0", "10000", "200"]
    (unexplained,) = table(june, "unexplained", JUNE)
    assert (unexplained["channel"], unexplained["why"], unexplained["decided"]) == ("cash", "double_payment", "")
    page = Desk(june, "ana").page(f"/console/accounts/{june.till.account_id}/reports/close?month={JUNE}")
    listed = page.select_one("#open")
    assert listed is not None
    assert "sandbox: $-2.000" in listed.get_text()
    assert "Dinero sin explicar: 1" in listed.get_text()


@pytest.mark.rule("pay", "PA-1")
def test_months_are_closed_in_order_when_they_are_over_once_and_for_the_whole_office(june: World) -> None:
    other = june.add_account(service_name="Patentes")
    base = f"/console/accounts/{june.till.account_id}/reports"
    assert close(june, JULY) == 409, "it is not over"
    assert close(june) == 303
    assert close(june) == 409, "once"
    assert "Cerrado el" in Desk(june, "eva").page(f"/console/accounts/{other.account_id}/reports?month={JUNE}").get_text()
    go_to(june, "2026-09-02")
    assert close(june, "2026-08") == 409, "July is open"
    assert Desk(june, "ana").page(f"{base}/close?month=2026-08").select_one("#send-close") is None
    assert close(june, "2026-05") == 409, "before the first one"
    assert [close(june, month) for month in (JULY, "2026-08")] == [303, 303]
    with june.pay.db.engine.connect() as connection:
        assert len(connection.execute(select(month_closings)).all()) == 3
    for who, status in (("eva", 403), ("dora", 403), ("zoe", 404)):
        desk = Desk(june, who, *(("org-otra:owner",) if who == "zoe" else ()))
        assert desk.get(f"{base}/close?month={JUNE}").status_code == status
        assert desk.send(base + "/close", "/receipt", month=JUNE).status_code == status


@pytest.mark.rule("pay", "PA-1", "I1")
@pytest.mark.parametrize("table", ["month_closings", "month_files"])
def test_what_a_month_was_closed_with_is_never_changed(june: World, table: str) -> None:
    close(june)
    keep_files(june.pay, require_account(june.pay, OWNER, june.till.account_id).id, date(2026, 6, 1))
    for change in (f"UPDATE {table} SET month = month", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(DBAPIError), june.pay.db.begin() as connection:
            connection.execute(text(change))


@pytest.mark.rule("pay", "PA-1")
def test_closing_waits_for_a_posting_that_is_being_written(world: World) -> None:
    go_to(world, "2026-07-02")
    account = require_account(world.pay, OWNER, world.till.account_id)
    month = month_of(world.pay, account, date(2026, 6, 1))
    posting = ledger.authorised(Book("sandbox", account.id, ORG, "CLP"), "0" * 26, [Share(ORG, 5)])
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ledger_transactions'::regclass")
    with ThreadPoolExecutor(1) as pool, world.pay.db.engine.connect() as writer:
        post(writer, posting, world.pay.clock.now())
        number = writer.execute(select(ledger_transactions.c.id).order_by(ledger_transactions.c.id.desc()).limit(1)).scalar_one()
        with pytest.raises(MonthNotToClose):
            close_month(world.pay, OWNER, account, month, wait_ms=50)
        closing = pool.submit(close_month, world.pay, OWNER, account, month, wait_ms=60_000)
        with world.pay.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
            while not watcher.execute(waiting).scalar_one():
                assert not closing.done()
        writer.commit()
        closing.result()
    with world.pay.db.begin() as connection:
        assert connection.execute(select(month_closings.c.last_transaction)).scalar_one() == number
