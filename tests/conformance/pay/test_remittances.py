"""Paying bodies and the Treasury what they are owed, with a file that says for what; repeatable, and to zero.  Spec: pay-design §3, §8."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from pay.cli import commands
from pay.errors import NothingToRemit
from pay.models.ledger import ledger_accounts
from pay.models.remittance import Remittance, remittance_entries
from pay.operations.proofs import prove
from pay.operations.remittances import list_creditors, remit, remittance_file, set_format
from pay.standards.remittance_files import RemittanceFormat
from tests.conformance.pay.test_console import Desk
from tests.conformance.pay.test_counters import Counter
from tests.conformance.pay.test_notices import issue
from tests.factories.pay import World

TGR = "beneficiary_payable:tgr"
OWN = "beneficiary_payable:org-municipalidad-quilpalin"
FACTS = {"rut": "12345678-5", "form": "107", "folio": "900123"}
SHARES = [{"beneficiary": "tgr", "amount": 9_000, "purpose": "stamp"}, {"beneficiary": "org-municipalidad-quilpalin", "amount": 5_500}]
pytestmark = pytest.mark.rule("pay", "pay-design §3", "pay-design §8", "I11")


@pytest.fixture
def taken(world: World) -> World:
    """A payment of the Treasury and an office, taken on 8 June; it is the 9th now."""
    world.paid(amount=14_500, allocations=SHARES, metadata=FACTS)
    to_next_day(world)
    return world


def to_next_day(world: World) -> None:
    world.pay.clock.advance(seconds=86_400)  # type: ignore[attr-defined]  # the tests' clock


def yesterday(world: World) -> date:
    day: date = (world.pay.clock.now() - timedelta(days=1)).date()
    return day


def pay_treasury(world: World) -> Remittance:
    return remit(world.pay, TGR, "CLP", yesterday(world), actor="tests")


def owed(world: World, code: str = TGR) -> int:
    return next(each.owed_minor for each in list_creditors(world.pay) if each.account_code == code)


def holds(world: World) -> None:
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


def test_the_treasury_is_paid_to_zero_with_a_line_for_each_part(taken: World) -> None:
    made = pay_treasury(taken)
    assert (made.amount_minor, owed(taken), owed(taken, OWN)) == (9_000, 0, 5_500)
    head, line = remittance_file(taken.pay, made).decode().splitlines()
    assert head == "rut;form;folio;amount;value_date;reference;payment_id;source"
    assert line.startswith("12345678-5;107;900123;9000;2026-06-08;PERM-2026-000042;")
    with taken.pay.reading() as tx:
        bank = tx.connection.execute(select(ledger_accounts.c.posted_minor).where(ledger_accounts.c.code == "bank:treasury")).scalar_one()
    assert bank == -9_000
    holds(taken)


def test_the_same_day_again_is_the_same_remittance_and_the_same_bytes(taken: World) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: pay_treasury(taken), range(6)))
    assert len({each.id for each in made}) == 1
    first = remittance_file(taken.pay, made[0])
    to_next_day(taken)
    taken.paid(amount=14_500, allocations=SHARES)
    assert remittance_file(taken.pay, made[0]) == first
    assert remit(taken.pay, TGR, "CLP", date(2026, 6, 8), actor="tests") == made[0]
    holds(taken)


def test_each_entry_is_settled_once_and_what_goes_back_comes_off_the_next(taken: World) -> None:
    pay_treasury(taken)
    payment_id = taken.paid(amount=20_000, allocations=[{"beneficiary": "tgr", "amount": 20_000}])
    found = taken.get("/v1/payments").get_json()["results"]
    older = next(each["payment_id"] for each in found if each["payment_id"] != payment_id)
    assert taken.post(f"/v1/payments/{older}/refunds", {"amount": 14_500}).status_code == 202
    taken.run_jobs()
    to_next_day(taken)
    second = pay_treasury(taken)
    amounts = [line.split(";")[3] for line in remittance_file(taken.pay, second).decode().splitlines()[1:]]
    assert (second.amount_minor, amounts, owed(taken)) == (11_000, ["20000", "-9000"], 0)
    holds(taken)


def test_a_day_that_is_not_over_or_owes_nothing_pays_nothing(taken: World) -> None:
    with pytest.raises(NothingToRemit):
        remit(taken.pay, TGR, "CLP", taken.pay.clock.now().date(), actor="tests")
    with pytest.raises(NothingToRemit):
        remit(taken.pay, TGR, "CLP", date(2026, 6, 7), actor="tests")
    assert owed(taken) == 9_000


def test_a_notice_says_whose_the_money_is(world: World) -> None:
    notice = issue(world)
    Counter(world).confirm(notice["number"])
    to_next_day(world)
    made = remit(world.pay, OWN, "CLP", yesterday(world), actor="tests")
    assert f";{notice['number']};14500;" in remittance_file(world.pay, made).decode()
    holds(world)


def test_each_body_has_its_file_in_its_own_form(taken: World) -> None:
    set_format(taken.pay, TGR, RemittanceFormat(("folio", "amount", "value_date", "purpose"), "|", "compact"), actor="tests")
    lines = remittance_file(taken.pay, pay_treasury(taken)).decode().splitlines()
    assert lines == ["folio|amount|value_date|purpose", "900123|9000|20260608|stamp"]
    for columns, separator, days in ((("folio", "secret"), ";", "iso"), ((), ";", "iso"), (("folio",), "x", "iso"), (("folio",), ";", "x")):
        with pytest.raises(ValueError, match="columns"):
            RemittanceFormat(columns, separator, days)


def test_what_was_settled_is_never_changed_and_the_proof_sees_what_is_missing(taken: World) -> None:
    pay_treasury(taken)
    with pytest.raises(IntegrityError, match="append-only"), taken.pay.db.begin() as connection:
        connection.execute(text("DELETE FROM remittance_entries"))
    with taken.pay.db.engine.connect() as connection:
        connection.execute(text("ALTER TABLE remittance_entries DISABLE TRIGGER remittance_entries_append_only"))
        first = connection.execute(select(remittance_entries.c.entry_id).order_by(remittance_entries.c.entry_id)).scalars().first()
        connection.execute(remittance_entries.delete().where(remittance_entries.c.entry_id == first))
        [fault] = prove(connection).faults
        connection.rollback()
    assert "leaves -9000 of its entries" in fault


def test_operators_pay_from_the_console_and_nobody_else(taken: World) -> None:
    path, olga = "/console/remittances", Desk(taken, "olga", "operator")
    assert Desk(taken, "ana").get(path).status_code == 403
    assert TGR.partition(":")[2] in olga.page(path).text
    assert "beneficiary_payable" not in olga.page(path).select_one("main").get_text()  # type: ignore[union-attr]  # it is there
    form: dict[str, Any] = {"creditor": f"{TGR}|CLP", "day": "2026-06-08"}
    for _ in range(2):
        assert olga.send(path, path, **form).status_code == 303
    assert owed(taken) == 0
    address = str(olga.page(path).select_one("a[href$='.csv']")["href"])  # type: ignore[index]  # it is there
    assert "900123" in olga.get(address).get_data(as_text=True)
    assert Desk(taken, "ana").get(address).status_code == 403
    assert olga.send(path, path, **form | {"day": "2026-06-07"}).status_code == 409
    assert olga.send(path, path, **form | {"day": "x"}).status_code == 422
    assert olga.send(path, path, **form | {"creditor": "bank:treasury|CLP"}).status_code == 404
    asked = {"creditor": f"{TGR}|CLP", "separator": "tab", "days": "dmy"}
    assert olga.send(f"{path}/format", path, columns="folio, amount", **asked).status_code == 303
    assert olga.send(f"{path}/format", path, columns="iban", **asked).status_code == 422
    assert olga.get(address).get_data(as_text=True).startswith("folio\tamount")


def test_a_command_pays_and_writes_the_file(taken: World, tmp_path: Any) -> None:
    file = tmp_path / "tgr.csv"
    runner: FlaskCliRunner = taken.app.test_cli_runner()
    results = [runner.invoke(commands, ["remit", TGR, "2026-06-08", "--file", str(file)]) for _ in range(2)]
    assert [each.exit_code for each in results] == [0, 0], results[0].output
    assert results[0].output == results[1].output
    assert "900123" in file.read_text()
