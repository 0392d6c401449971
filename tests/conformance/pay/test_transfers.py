"""Payments by transfer to our bank account, and money of no account that two persons decide on.  Spec: pay-api §25, pay-design §3, §8."""

import io
from typing import Any

import pytest
from sqlalchemy import select, text

from pay.models.suspense import suspense_items
from pay.operations import transfers
from pay.operations.proofs import prove
from pay.operations.transfers import import_statement
from pay.standards.bank_statements import UnreadableStatement, read_statement
from tests.conformance.pay.test_console import Desk
from tests.conformance.pay.test_notices import issue
from tests.factories.pay import Browser, World

US = ("Tesorería", "61.000.000-8", "Banco de prueba", "Cuenta corriente", "123456789")
HEAD = "movement,date,amount,text\n"
DAY = "2026-06-09"


@pytest.fixture
def world(world: World) -> World:
    object.__setattr__(world.pay.settings, "transfer_account", US)
    world.change_account(allow_transfer=True)
    return world


def choose(world: World) -> tuple[str, str, Browser]:
    """A payer who chooses to transfer; the payment and the number for the message."""
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.page = payer.client.get(f"/card_details/{payment_id}/methods")
    payer.send(f"/card_details/{payment_id}/methods", {"method": "transfer"})
    with world.pay.db.begin() as connection:
        number = connection.execute(text("SELECT number FROM notices WHERE payment_id = :id"), {"id": payment_id}).scalar_one()
    return payment_id, number, payer


def table(*lines: tuple[str, int, str]) -> bytes:
    return (HEAD + "".join(f'{key},{DAY},{amount},"{words}"\n' for key, amount, words in lines)).encode()


def take(world: World, *lines: tuple[str, int, str]) -> dict[str, int]:
    results = import_statement(world.pay, "cartola.csv", table(*lines), actor="tests").results
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()
    return results


def waiting(world: World) -> list[tuple[str, int, str | None]]:
    with world.pay.db.begin() as connection:
        c = suspense_items.c
        rows = connection.execute(select(c.reason, c.amount_minor, c.account_id).where(c.closed_at.is_(None)).order_by(c.amount_minor))
        return [(reason, amount, account) for reason, amount, account in rows]


def balance(world: World, code: str) -> int:
    with world.pay.db.begin() as connection:
        return int(
            connection.execute(text("SELECT posted_minor FROM ledger_accounts WHERE code = :c"), {"c": code}).scalar_one_or_none() or 0
        )


@pytest.mark.rule("pay", "§25", "pay-design §8")
def test_the_method_page_gives_the_account_and_a_number_and_the_statement_pays(world: World) -> None:
    payment_id, number, payer = choose(world)
    assert payer.path.endswith("/transfer")
    for value in (*US, f"{number[:4]} {number[4:8]}", "$14.500"):
        assert value in payer.html, value
    assert world.status(payment_id) == "started"
    spaced = " ".join(number[at : at + 4] for at in range(0, 18, 4))
    assert take(world, ("m-1", 14500, f"Transf de Ana: {spaced} gracias"), ("m-2", -900, "comisión")) == {"matched": 1}
    read = world.read(payment_id)
    assert (read["state"]["status"], read["payment_provider"], read["provider_id"]) == ("success", "transfer", "m-1")
    assert read["settlement_summary"]["settled_date"] == DAY
    assert "card_details" not in read
    assert (balance(world, "bank:transfers"), balance(world, "beneficiary_payable:org-municipalidad-quilpalin")) == (14500, -14500)
    assert payer.client.get(f"/card_details/{payment_id}/transfer").status_code == 303


@pytest.mark.rule("pay", "I11", "pay-design §13.11")
def test_the_same_statement_and_the_same_movement_in_another_one_change_nothing(world: World) -> None:
    _, number, _ = choose(world)
    line = ("m-1", 14500, number)
    assert take(world, line) == {"matched": 1}
    assert take(world, line) == {"repeated": 1}
    assert take(world, line, ("m-2", 700, "sin número")) == {"repeated": 1, "unknown": 1}
    assert balance(world, "bank:transfers") == 15200
    other = "cartola.csv", table(line).replace(DAY.encode(), b"2026-06-10")
    for name, raw in (other, ("c.csv", table(("m-3", 1, ""), ("m-1", 14501, number))), ("c.csv", table(("m-4", 1, ""), ("m-4", 2, "")))):
        with pytest.raises(UnreadableStatement, match="the number of another one"):
            import_statement(world.pay, name, raw, actor="tests")
    assert balance(world, "bank:transfers") == 15200


@pytest.mark.rule("pay", "pay-design §13.11")
def test_who_books_a_line_holds_no_other_and_a_file_that_was_cut_off_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (first, number_1, _), (second, number_2, _) = choose(world), choose(world)
    real, seen = transfers._take, []

    def take_one(pay: Any, tx: Any, *rest: Any) -> str:
        if seen:
            with world.pay.db.begin() as other:  # another process, which pays the same bodies out of the same bank
                rows = other.execute(text("SELECT code FROM ledger_accounts WHERE posted_minor <> 0 FOR UPDATE NOWAIT")).all()
                assert "bank:transfers" in {code for (code,) in rows}
        seen.append(rest)
        if len(seen) == 2:
            raise ConnectionResetError
        return real(pay, tx, *rest)

    monkeypatch.setattr(transfers, "_take", take_one)
    lines = (("m-1", 14500, number_1), ("m-2", 14500, number_2))
    with pytest.raises(ConnectionResetError):
        take(world, *lines)
    assert (world.status(first), world.status(second)) == ("success", "started")
    assert take(world, *lines) == {"repeated": 1, "matched": 1}
    assert world.status(second) == "success"


@pytest.mark.rule("pay", "§25", "pay-design §8")
def test_a_transfer_of_the_last_day_counts_though_the_bank_tells_later(world: World) -> None:
    payment_id, number, payer = choose(world)
    assert "11 June 2026" in payer.html  # three days
    world.pay.clock.advance(seconds=5 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    world.sweep()
    raw = table(("m-1", 14500, number)).replace(DAY.encode(), b"2026-06-11")
    assert import_statement(world.pay, "c.csv", raw, actor="tests").results == {"matched": 1}
    assert world.status(payment_id) == "success"


@pytest.mark.rule("pay", "§25", "PA-2")
def test_transfers_do_not_switch_counters_on(world: World) -> None:
    payment_id, _, payer = choose(world)
    assert "cash" not in payer.client.get(f"/card_details/{payment_id}/methods").get_data(as_text=True)
    for path in ("cash", "cash/slip.pdf"):
        answer = payer.client.get(f"/card_details/{payment_id}/{path}")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/card_details/{payment_id}")
    issue(world)
    assert payer.client.get(f"/card_details/{payment_id}/cash").status_code == 200


@pytest.mark.rule("pay", "I3", "pay-design §3", "pay-design §8")
def test_too_much_pays_and_leaves_the_rest_and_too_little_waits_whole(world: World) -> None:
    (more, number_1, _), (less, number_2, _) = choose(world), choose(world)
    assert take(world, ("m-1", 15000, number_1), ("m-2", 14000, number_2)) == {"wrong_amount": 2}
    assert (world.status(more), world.status(less)) == ("success", "started")
    own = world.till.account_id
    assert waiting(world) == [("wrong_amount", 500, own), ("wrong_amount", 14000, own)]
    assert take(world, ("m-3", 14500, number_2), ("m-4", 14500, number_2)) == {"matched": 1, "double": 1}
    assert world.status(less) == "success"
    assert ("double_payment", 14500, own) in waiting(world)


@pytest.mark.rule("pay", "pay-design §8")
def test_money_that_comes_too_late_or_names_two_payments_is_not_guessed_at(world: World) -> None:
    (_, number_1, _), (_, number_2, _) = choose(world), choose(world)
    assert take(world, ("m-1", 29000, f"{number_1} {number_2}")) == {"unknown": 1}
    world.pay.clock.advance(seconds=9 * 86_400)  # type: ignore[attr-defined]  # the clock of tests
    world.sweep()
    assert take(world, ("m-2", 14500, number_1)) == {"late": 1}


@pytest.mark.rule("pay", "§25")
def test_an_account_that_does_not_allow_it_offers_no_transfer(world: World) -> None:
    world.change_account(allow_transfer=False)
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    assert "other-methods" not in payer.html
    answer = payer.client.get(f"/card_details/{payment_id}/transfer")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/card_details/{payment_id}")


CAMT = """<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>
<Ntry><Amt Ccy="CLP">14500</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-06-09</Dt></BookgDt>
<AcctSvcrRef>B-1</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Ustrd>pago {number}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="CLP">900</Amt><CdtDbtInd>DBIT</CdtDbtInd><BookgDt><Dt>2026-06-09</Dt></BookgDt><AcctSvcrRef>B-2</AcctSvcrRef></Ntry>
<Ntry><Amt Ccy="CLP">7</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts><BookgDt><Dt>2026-06-09</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


@pytest.mark.rule("pay", "pay-design §8")
def test_a_statement_of_iso_20022_is_read_and_what_is_only_pending_waits(world: World) -> None:
    payment_id, number, _ = choose(world)
    assert import_statement(world.pay, "c.xml", CAMT.replace("{number}", number).encode(), actor="tests").results == {"matched": 1}
    assert world.status(payment_id) == "success"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a,b\n1,2\n",
        (HEAD + "m,2026-06-09,1.5,x\n").encode(),
        (HEAD + "m,yesterday,15,x\n").encode(),
        (HEAD + ",2026-06-09,15,x\n").encode(),
        (HEAD + "m,2026-06-09,NaN,x\n").encode(),
        b"\xff\xfe",
        b"<x/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        CAMT.replace("14500", "much").encode(),
        CAMT.replace("14500", "-14500").encode(),
        CAMT.replace("14500", "1" + "0" * 30).encode(),
        CAMT.replace("14500", "1e999999999").encode(),
        CAMT.replace('"CLP"', '"pesos"').encode(),
        CAMT.replace(' Ccy="CLP"', "").encode(),
        CAMT.replace('<Amt Ccy="CLP">14500</Amt>', "").encode(),
        CAMT.replace("B-1", "B\u20281").encode(),
        CAMT.replace("<AcctSvcrRef>B-1</AcctSvcrRef>", "<NtryRef>1</NtryRef>").encode(),
        CAMT.replace("Stmt>", "Rpt>").encode(),
        (HEAD + "m\x00,2026-06-09,15,x\n").encode(),
        (HEAD + "m,2026-06-09,1e999999999,x\n").encode(),
        (HEAD + "m,2026-06-09,99999999999999999999,x\n").encode(),
    ],
)
def test_a_statement_that_cannot_be_read_is_refused_whole(raw: bytes) -> None:
    with pytest.raises(UnreadableStatement):
        read_statement(raw, "CLP")


def test_an_entry_of_nothing_is_passed_over() -> None:
    assert read_statement(CAMT.replace("14500", "0").encode(), "CLP") == read_statement((HEAD + "m,2026-06-09,0,x\n").encode(), "CLP") == []


@pytest.mark.rule("pay", "pay-design §13.11")
def test_a_number_that_counts_within_its_statement_is_named_with_it() -> None:
    numbered = CAMT.replace("<AcctSvcrRef>B-1</AcctSvcrRef>", "<NtryRef>1</NtryRef>")
    keys = [read_statement(numbered.replace("<Stmt>", f"<Stmt><Id>{name}</Id>").encode(), "CLP")[0].key for name in ("may", "june")]
    assert keys == ["may:1", "june:1"]


def operator(world: World, name: str, *roles: str) -> Desk:
    return Desk(world, name, *(roles or ("operator",)))


@pytest.mark.rule("pay", "pay-design §3", "§23")
def test_money_of_no_account_needs_two_operators(world: World) -> None:
    first, second = operator(world, "olga"), operator(world, "otto")
    page = "/console/statements"
    answer = first.send(page, page, file=(io.BytesIO(table(("m-1", 700, "¿?"), ("m-2", 800, "¿?"))), "cartola.csv"))
    assert answer.status_code == 200
    items = [link["href"] for link in first.page("/console/unexplained").select("td a, th a") if "/unexplained/" in link["href"]]
    assert len(items) == 2
    for path, account in zip(items, (world.till.account_id, "back"), strict=True):
        assert first.send(f"{path}/propose", path, account="").status_code == 422
        assert first.send(f"{path}/propose", path, account=account).status_code == 303
        assert first.send(f"{path}/approve", path).status_code == 403
        assert second.send(f"{path}/reject", path).status_code == 303
        assert first.send(f"{path}/propose", path, account=account).status_code == 303
        changed = second.send(f"{path}/approve", path, proposal="another")
        assert (changed.status_code, "La propuesta cambió mientras tanto" in changed.get_data(as_text=True)) == (409, True)
        assert second.page(path).select_one("[name=proposal]")["value"] == account
        assert second.send(f"{path}/approve", path, proposal=account).status_code == 303
        assert second.send(f"{path}/approve", path).status_code == 409
    assert waiting(world) == []
    assert balance(world, "beneficiary_payable:org-municipalidad-quilpalin") == -700
    assert (balance(world, "bank:transfers"), balance(world, "bank:treasury")) == (700, 0)
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()


@pytest.mark.rule("pay", "§23", "I9")
def test_only_operators_see_money_of_no_account(world: World) -> None:
    take(world, ("m-1", 700, "¿?"))
    with world.pay.db.begin() as connection:
        item = connection.execute(select(suspense_items.c.id)).scalar_one()
    owner = Desk(world, "ana")
    for path in ("/console/statements", "/console/unexplained", f"/console/unexplained/{item}"):
        assert owner.get(path).status_code == 403
    assert operator(world, "olga").get("/console/unexplained/0000").status_code == 404


@pytest.mark.rule("pay", "pay-design §3")
def test_a_file_that_is_none_is_said_to_be_none(world: World) -> None:
    page, desk = "/console/statements", operator(world, "olga")
    assert desk.send(page, page).status_code == 422
    for size, status in ((3_000_000, 200), (10_000_001, 422)):
        raw = (HEAD + f"m-1,{DAY},-1,x\n").encode().ljust(size)
        answer = desk.send(page, page, file=(io.BytesIO(raw), "x.csv"))
        answer.request.environ["wsgi.input"].close()  # a file, where the form is this large
        assert answer.status_code == status
    answer = desk.send(page, page, file=(io.BytesIO(b"a,b\n"), "x.csv"))
    assert answer.status_code == 422
    assert "movement, date, amount, text" in answer.get_data(as_text=True)
