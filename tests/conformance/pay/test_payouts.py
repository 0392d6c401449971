"""Pay-outs to people: ordered by API and at the console, by transfer and in cash, once whatever happens.  Spec: PA-8, PA-9."""

import copy
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from pay.models.ledger import ledger_accounts, post
from pay.models.payout import payout_batches, payouts
from pay.models.refund_request import account_controls
from pay.models.sandbox_bank import sandbox_bank_files
from pay.models.webhook import webhook_messages
from pay.operations import payout_files
from pay.operations.payout_files import hand_over, make_batch, take_report
from pay.operations.proofs import prove
from pay.providers.payout_bank import BankUnavailable, FolderBank, Report
from pay.schemas.payout_shapes import EVENTS, PAYOUT, PAYOUTS
from pay.standards import payout_postings
from pay.standards.credit_transfers import write_report
from tests.conformance.pay.test_console import Desk
from tests.conformance.pay.test_counters import Counter
from tests.conformance.pay.test_notices import issue
from tests.factories.pay import World

ORG = "org-municipalidad-quilpalin"
RUN = "12.345.678-5"
ORDER: dict[str, Any] = {
    "amount": 40000,
    "reference": "ASIG-2026-03-1",
    "description": "Asignación de marzo",
    "method": "transfer",
    "payee": {"name": "Rosa Ñancupil", "identifier": RUN, "account": {"bank": "012", "type": "sight", "number": "12345678"}},
}
CASH = {**ORDER, "method": "cash", "payee": {"name": "Rosa Ñancupil", "identifier": RUN}}
pytestmark = pytest.mark.rule("pay", "PA-8", "PA-9")


@pytest.fixture
def office(world: World) -> World:
    """An office that may pay out, has 100 000 to pay out of, and lets a key order 50 000 alone."""
    world.change_account(allow_payouts=True)
    with world.pay.db.begin() as connection:
        controls = {"account_id": world.till.account_id, "refund_alone_minor": 100_000, "payout_alone_minor": 50_000}
        connection.execute(insert(account_controls).values(controls))
        money = payout_postings.funded("d1", body=ORG, bank="treasury", currency="CLP", amount_minor=100_000)
        post(connection, money, world.pay.clock.now())
    return world


def order(world: World, key: str = "k-1", **changes: Any) -> dict[str, Any]:
    answer = world.post("/v1/payouts", ORDER | changes, Idempotency_Key=key)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    return body


def to(number: str) -> dict[str, Any]:
    payee: dict[str, Any] = copy.deepcopy(ORDER["payee"])
    payee["account"]["number"] = number
    return payee


def status(world: World, payout_id: str) -> str:
    return str(world.get(f"/v1/payouts/{payout_id}").get_json()["state"]["status"])


def balances(world: World) -> dict[str, int]:
    with world.pay.reading() as tx:
        return {row.code.split(":")[0]: -row.posted_minor for row in tx.connection.execute(select(ledger_accounts)) if row.posted_minor}


def holds(world: World) -> None:
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


def test_a_transfer_goes_to_the_bank_in_a_file_and_is_paid(office: World) -> None:
    webhook = office.add_webhook(events=[])
    with office.pay.db.begin() as connection:
        connection.execute(text("UPDATE webhooks SET subscriptions = '{payout_sent,payout_paid}' WHERE id = :id"), {"id": webhook})
    made = order(office)
    assert list(Draft202012Validator(PAYOUT).iter_errors(made)) == []
    assert made["state"] == {"status": "approved", "finished": False}
    assert made["payee"]["account"] == {"bank": "012", "type": "sight", "last_digits": "5678"}
    assert balances(office) == {"bank": -100_000, "beneficiary_payable": 60_000, "payouts_reserved": 40_000}
    office.sweep()
    assert status(office, made["payout_id"]) in {"sent", "paid"}
    office.sweep()
    assert status(office, made["payout_id"]) == "paid"
    assert balances(office) == {"bank": -60_000, "beneficiary_payable": 60_000}
    steps = office.get(f"/v1/payouts/{made['payout_id']}/events").get_json()
    assert list(Draft202012Validator(EVENTS).iter_errors(steps)) == []
    assert [step["status"] for step in steps["events"]] == ["proposed", "approved", "sent", "paid"]
    holds(office)
    with office.pay.reading() as tx:
        rows = tx.connection.execute(select(webhook_messages)).all()
    opened = [json.loads(office.pay.cipher.decrypt(row.body_sealed, scope=f"pay:account:{office.till.account_id}")) for row in rows]
    assert sorted(body["event_type"] for body in opened) == ["payout_paid", "payout_sent"]
    assert all(body["resource_type"] == "payout" and "payee" not in body["resource"] for body in opened)
    assert "Rosa" not in json.dumps(opened)


def test_the_same_key_orders_once_and_no_key_orders_nothing(office: World) -> None:
    made = order(office)
    again = office.post("/v1/payouts", ORDER, Idempotency_Key="k-1")
    assert (again.status_code, again.get_json()["payout_id"]) == (200, made["payout_id"])
    assert office.post("/v1/payouts", ORDER | {"amount": 1}, Idempotency_Key="k-1").status_code == 409
    refused = office.post("/v1/payouts", ORDER)
    assert (refused.status_code, refused.get_json()["code"], refused.get_json()["header"]) == (400, "P0101", "Idempotency-Key")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: office.post("/v1/payouts", ORDER, Idempotency_Key="k-2").status_code, range(8)))
    assert answers.count(201) == 1
    assert set(answers) <= {200, 201, 409}
    assert office.get("/v1/payouts").get_json()["total"] == 2
    holds(office)


def test_pay_outs_at_once_never_spend_the_same_money(office: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: office.post("/v1/payouts", ORDER, Idempotency_Key=f"k-{n}").status_code, range(8)))
    assert sorted(answers) == [201, 201, 409, 409, 409, 409, 409, 409]
    assert balances(office)["beneficiary_payable"] == 20_000
    holds(office)


@pytest.mark.parametrize(
    ("changes", "wanted", "field"),
    [
        ({"amount": None}, 400, "amount"),
        ({"amount": "5"}, 400, "amount"),
        ({"amount": 0}, 422, "amount"),
        ({"amount": 10_000_001}, 422, "amount"),
        ({"reference": " "}, 400, "reference"),
        ({"description": "x" * 141}, 422, "description"),
        ({"method": "cheque"}, 422, "method"),
        ({"method": None}, 400, "method"),
        ({"payee": None}, 400, "payee"),
        ({"payee": []}, 400, "payee"),
        ({"payee": {"name": "R", "identifier": "12.345.678-9"}}, 422, "identifier"),
        ({"payee": {"name": "R", "identifier": RUN}}, 400, "account"),
        ({"payee": {"name": "R", "identifier": RUN, "account": {"bank": "12", "type": "sight", "number": "12345"}}}, 422, "bank"),
        ({"payee": {"name": "R", "identifier": RUN, "account": {"bank": "012", "type": "gold", "number": "12345"}}}, 422, "type"),
        ({"payee": {"name": "R", "identifier": RUN, "account": {"bank": "012", "type": "sight", "number": "٣٣٣٣"}}}, 422, "number"),
        ({"payee": {"name": "R", "identifier": RUN, "email": "nobody", "account": {}}}, 422, "email"),
    ],
)
def test_a_wrong_order_is_refused_by_its_field(office: World, changes: dict[str, Any], wanted: int, field: str) -> None:
    answer = office.post("/v1/payouts", ORDER | changes, Idempotency_Key="k-1")
    assert (answer.status_code, answer.get_json()["field"]) == (wanted, field)
    assert office.get("/v1/payouts").get_json()["total"] == 0


def test_an_account_pays_out_only_where_an_operator_allowed_it(world: World) -> None:
    answer = world.post("/v1/payouts", ORDER, Idempotency_Key="k-1")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "P0930")
    live = world.add_account(is_live=True, gateway="khipu", allow_payouts=True)
    assert world.post("/v1/payouts", ORDER, till=live, Idempotency_Key="k-1").get_json()["code"] == "P0940"


@pytest.mark.rule("pay", "I9")
def test_another_account_finds_nothing(office: World) -> None:
    made, other = order(office), office.add_account()
    for path in ("", "/events"):
        assert office.get(f"/v1/payouts/{made['payout_id']}{path}", till=other).status_code == 404
    assert office.post(f"/v1/payouts/{made['payout_id']}/cancel", till=other).status_code == 404
    assert office.get("/v1/payouts", till=other).get_json()["total"] == 0


def test_searches_find_by_state_and_reference_and_refuse_nonsense(office: World) -> None:
    order(office)
    page = office.get("/v1/payouts?state=approved&reference=asig-2026-03-1&display_size=1").get_json()
    assert list(Draft202012Validator(PAYOUTS).iter_errors(page)) == []
    assert (page["total"], page["count"]) == (1, 1)
    assert office.get("/v1/payouts?state=paid").get_json()["total"] == 0
    assert office.get("/v1/payouts?page=2").get_json()["code"] == "P0402"
    wrong = office.get("/v1/payouts?state=x&page=0&display_size=501")
    assert wrong.status_code == 422
    assert "state, page, display_size" in wrong.get_json()["description"]


@pytest.mark.parametrize(
    ("number", "end", "reason"), [("12340001", "returned", "AC01"), ("12340004", "returned", "AC04"), ("12340009", "sent", None)]
)
def test_what_the_bank_says_decides(office: World, number: str, end: str, reason: str | None) -> None:
    made = order(office, payee=to(number))
    for _ in range(3):
        office.sweep()
    found = office.get(f"/v1/payouts/{made['payout_id']}").get_json()
    assert (found["state"]["status"], found.get("return_reason")) == (end, reason)
    assert balances(office)["beneficiary_payable"] == (100_000 if end == "returned" else 60_000)
    holds(office)


def report(world: World, *lines: tuple[str, str, str]) -> Report:
    return Report("r.xml", write_report("R1", "B1", world.pay.clock.now(), lines))


def test_a_paid_transfer_may_come_back_and_old_reports_change_nothing(office: World) -> None:
    bank, payout_id = office.pay.payout_banks["sandbox"], order(office)["payout_id"]
    make_batch(office.pay, bank)
    paid, back = report(office, (payout_id, "ACSC", "")), report(office, (payout_id, "RJCT", "AC04"))
    results = [take_report(office.pay, bank, each, actor="tests").results for each in (paid, paid, back, back, paid)]
    assert results == [{"paid": 1}, {"repeated": 1}, {"returned": 1}, {"repeated": 1}, {"repeated": 1}]
    assert balances(office) == {"bank": -100_000, "beneficiary_payable": 100_000}
    holds(office)


def test_a_report_on_what_was_never_sent_is_told_and_moves_nothing(office: World) -> None:
    bank, made = office.pay.payout_banks["sandbox"], order(office)
    lines = ((made["payout_id"], "ACSC", ""), ("x" * 26, "ACSC", ""), ("0" * 26, "RJCT", ""))
    read = take_report(office.pay, bank, report(office, *lines), actor="tests")
    assert (read.results, read.is_clean) == ({"contradicting": 1, "unknown": 2}, False)
    assert status(office, made["payout_id"]) == "approved"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"<Document/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10">&a;</Document>',
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><TxInfAndSts/></Document>',
    ],
)
def test_a_file_that_is_no_report_is_refused_whole(office: World, content: bytes) -> None:
    made = order(office)
    with pytest.raises(ValueError, match=r"report|XML|pain|line 1"):
        take_report(office.pay, office.pay.payout_banks["sandbox"], Report("r.xml", content), actor="tests")
    assert status(office, made["payout_id"]) == "approved"


@pytest.mark.rule("pay", "I5", "I7", "pay-design §4.2")
def test_a_crash_at_any_point_hands_over_the_same_file_once(office: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = office.pay.payout_banks["sandbox"]
    made = [order(office, f"k-{n}", amount=10_000)["payout_id"] for n in range(3)]
    with pytest.raises(RuntimeError), monkeypatch.context() as patched:  # the process dies while it makes the file: nothing was made
        patched.setattr(payout_files, "move_payout", lambda *_args, **_kw: (_ for _ in ()).throw(RuntimeError))
        make_batch(office.pay, bank)
    assert {status(office, each) for each in made} == {"approved"}
    assert make_batch(office.pay, bank) == 3
    with office.pay.reading() as tx:
        batch_id = tx.connection.execute(select(payout_batches.c.id)).scalar_one()
    for _ in range(2):  # it dies after the bank has the file, and before we know
        hand_over(office.pay, batch_id)
        with office.pay.db.begin() as connection:
            connection.execute(update(payout_batches).values(handed_over_at=None))
    office.run_jobs()
    assert make_batch(office.pay, bank) == 0
    with office.pay.reading() as tx:
        [content] = tx.connection.execute(select(sandbox_bank_files.c.content)).scalars().all()
    assert all(content.count(payout_id.encode()) == 1 for payout_id in made)
    for _ in range(2):
        office.sweep()
    assert {status(office, each) for each in made} == {"paid"}
    assert balances(office) == {"bank": -70_000, "beneficiary_payable": 70_000}
    holds(office)


def test_a_folder_takes_each_file_once_and_whole(tmp_path: Path) -> None:
    bank = FolderBank(tmp_path)
    with pytest.raises(BankUnavailable):
        bank.hand_over("B1", b"one")
    for name in ("out", "in", "taken"):
        (tmp_path / name).mkdir()
    bank.hand_over("B1", b"one")
    bank.hand_over("B1", b"another")
    assert (tmp_path / "out" / "B1.xml").read_bytes() == b"one"
    (tmp_path / "out" / "B1.xml").rename(tmp_path / "taken" / "B1.xml")
    bank.hand_over("B1", b"one")
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "in" / "r.xml").write_bytes(b"x")
    assert [each.name for each in bank.reports()] == ["r.xml"]


def test_what_is_not_on_its_way_is_taken_back_and_what_is_cannot(office: World) -> None:
    made = order(office)
    path = f"/v1/payouts/{made['payout_id']}/cancel"
    assert [office.post(path).status_code for _ in range(2)] == [204, 204]
    assert balances(office) == {"bank": -100_000, "beneficiary_payable": 100_000}
    sent = order(office, "k-2")
    make_batch(office.pay, office.pay.payout_banks["sandbox"])
    assert office.post(f"/v1/payouts/{sent['payout_id']}/cancel").status_code == 409
    holds(office)


def fetch(counter: Counter, code: str, *, run: str = RUN, receipt: str = "C-1", verb: str = "pay") -> Any:
    body = {"code": code, "identifier": run, "receipt_number": receipt, "paid_at": counter.world.pay.clock.now().isoformat()}
    return counter.world.client().post(f"/partners/v1/payouts/{verb}", json=body, headers=counter.headers)


def test_cash_is_fetched_once_with_the_code_and_the_identity_card(office: World) -> None:
    made, counter, other = order(office, **CASH), Counter(office), Counter(office, "Otra caja")
    assert (made["state"]["status"], len(made["cash_code"])) == ("collectable", 12)
    code = made["cash_code"]
    assert fetch(counter, code, verb="check").get_json()["amount"] == 40_000
    assert fetch(counter, code, run="11.111.111-1").status_code == 404
    first, again = fetch(counter, code), fetch(counter, code)
    assert (first.status_code, first.get_json()) == (200, again.get_json())
    assert fetch(counter, code, receipt="C-2").status_code == 404
    assert fetch(other, code, receipt="C-1").status_code == 404
    found = office.get(f"/v1/payouts/{made['payout_id']}").get_json()
    assert (found["state"], found["receipt_number"]) == ({"status": "paid", "finished": True}, "C-1")
    assert "cash_code" not in found
    assert balances(office) == {"bank": -100_000, "beneficiary_payable": 60_000, "partner_payable": 40_000}
    holds(office)


def test_many_tills_at_once_hand_out_once(office: World) -> None:
    code = order(office, **CASH)["cash_code"]
    tills = [Counter(office, f"Caja {n}") for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda till: fetch(till, code).status_code, tills))
    assert sorted(answers) == [200, 404, 404, 404, 404, 404]
    holds(office)


def test_a_receipt_number_is_for_one_pay_out(office: World) -> None:
    counter, codes = Counter(office), [order(office, f"k-{n}", **CASH)["cash_code"] for n in range(2)]
    assert fetch(counter, codes[0]).status_code == 200
    assert fetch(counter, codes[1]).status_code == 409
    assert fetch(counter, codes[1], receipt="C-2").status_code == 200


def test_guessing_closes_the_code(office: World) -> None:
    code, counter = order(office, **CASH)["cash_code"], Counter(office)
    for _ in range(5):
        assert fetch(counter, code, run="11.111.111-1", verb="check").status_code == 404
    assert fetch(counter, code).status_code == 404
    assert fetch(counter, "123456789012").status_code == 400
    assert fetch(counter, code, run="nobody").status_code == 400


def test_cash_that_nobody_fetches_is_the_offices_again_after_ninety_days(office: World) -> None:
    made, counter = order(office, **CASH), Counter(office)
    office.pay.clock.advance(seconds=timedelta(days=90).total_seconds())  # type: ignore[attr-defined]  # the tests' clock
    assert fetch(counter, made["cash_code"]).status_code == 404
    office.sweep()
    assert status(office, made["payout_id"]) == "expired"
    assert balances(office) == {"bank": -100_000, "beneficiary_payable": 100_000}
    holds(office)


def form(**changes: str) -> dict[str, str]:
    values = {
        "amount": "60.000",
        "reference": "ASIG-2",
        "description": "Asignación",
        "method": "transfer",
        "name": "Rosa Ñancupil",
        "run": RUN,
    }
    return values | {"bank": "012", "type": "sight", "number": "1234-5678"} | changes


@pytest.fixture
def base(office: World) -> str:
    return f"/console/accounts/{office.till.account_id}/payouts"


def sent(answer: Any) -> str:
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def test_over_the_limit_another_person_decides_and_never_who_ordered(office: World, base: str) -> None:
    ana, beto = Desk(office, "ana"), Desk(office, "beto")
    path = sent(ana.send(f"{base}/new", f"{base}/new", **form()))
    assert "Espera" in ana.page(path).text or "Waits" in ana.page(path).text
    assert ana.page(path).select_one("#approve") is None
    assert ana.send(f"{path}/approve", base).status_code == 403
    assert Desk(office, "dora").send(f"{path}/approve", base).status_code == 403
    assert balances(office)["beneficiary_payable"] == 100_000
    sent(beto.send(f"{path}/approve", path))
    assert beto.send(f"{path}/approve", path).status_code == 409
    assert balances(office)["beneficiary_payable"] == 40_000
    assert "Ñancupil" not in Desk(office, "eva").page(path).text
    with pytest.raises(IntegrityError, match="two_persons"), office.pay.db.begin() as connection:
        connection.execute(update(payouts).values(decided_by=payouts.c.ordered_by))


def test_a_key_over_the_limit_waits_for_a_person_too(office: World, base: str) -> None:
    made = order(office, amount=50_001)
    assert made["state"]["status"] == "proposed"
    sent(Desk(office, "beto").send(f"{base}/{made['payout_id']}/reject", f"{base}/{made['payout_id']}"))
    assert status(office, made["payout_id"]) == "rejected"
    assert balances(office)["beneficiary_payable"] == 100_000
    holds(office)


def test_the_same_form_twice_is_one_order(office: World, base: str) -> None:
    ana, carried = Desk(office, "ana"), office.pay.ids.pick("0123456789abcdefghijklmnopqrstuv", 26)
    paths = {sent(ana.send(f"{base}/new", f"{base}/new", payout_id=carried, **form(amount="10.000"))) for _ in range(2)}
    assert paths == {f"{base}/{carried}"}
    assert balances(office)["beneficiary_payable"] == 90_000


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "x"},
        {"amount": "200.000"},
        {"run": "12.345.678-9"},
        {"method": ""},
        {"bank": "1"},
        {"number": "12"},
        {"type": ""},
        {"name": ""},
    ],
)
def test_a_wrong_form_says_what_to_do(office: World, base: str, changes: dict[str, str]) -> None:
    Desk(office, "ana").send(f"/console/accounts/{office.till.account_id}/payout-limit", f"{base}", limit="900.000")
    answer = Desk(office, "ana").send(f"{base}/new", f"{base}/new", **form(**changes))
    assert answer.status_code == 422
    assert "govuk-error-summary" in answer.get_data(as_text=True)
    assert office.get("/v1/payouts").get_json()["total"] == 0


def test_only_an_operator_books_what_an_office_put_in_and_once(office: World, base: str) -> None:
    path = base.replace("/payouts", "/deposit")
    assert Desk(office, "ana").get(path).status_code == 403
    olga = Desk(office, "olga", "operator")
    for _ in range(2):
        sent(olga.send(path, path, amount="5.000", reference="MOV-77"))
    assert balances(office)["beneficiary_payable"] == 105_000
    assert olga.send(path, path, amount="6.000", reference="MOV-77").status_code == 422
    assert olga.send(path, path, amount="", reference="").status_code == 422
    holds(office)


def test_an_operator_brings_the_banks_report_as_a_file(office: World, base: str) -> None:
    made = order(office)
    make_batch(office.pay, office.pay.payout_banks["sandbox"])
    olga, path = Desk(office, "olga", "operator"), base.replace("/payouts", "/payout-report")
    content = report(office, (made["payout_id"], "ACSC", "")).content
    sent(olga.send(path, base, report=(io.BytesIO(content), "r.xml")))
    assert status(office, made["payout_id"]) == "paid"
    assert olga.send(path, base, report=(io.BytesIO(b"x"), "r.xml")).status_code == 422
    assert Desk(office, "ana").send(path, base, report=(io.BytesIO(content), "r.xml")).status_code == 403


@pytest.mark.rule("pay", "I2", "§9")
def test_what_a_counter_took_goes_back_by_a_pay_out(office: World, base: str) -> None:
    notice, counter, ana = issue(office), Counter(office), Desk(office, "ana")
    counter.confirm(notice["number"])
    payment_id = notice["payment_id"]
    path = f"/console/payments/{payment_id}/pay-out"
    assert ana.page(f"/console/payments/{payment_id}").select_one("#refund")["href"] == path  # type: ignore[index]  # it is there
    assert ana.send(path, path, **form(amount="14.501")).status_code == 422
    made = sent(ana.send(path, path, **form(amount="10.000")))
    assert office.read(payment_id)["refund_summary"] == {"status": "available", "amount_available": 4500, "amount_submitted": 10_000}
    holds(office)
    assert ana.send(path, path, **form(amount="4.501")).status_code == 422
    sent(ana.send(f"{made}/cancel", made))
    assert office.read(payment_id)["refund_summary"]["amount_available"] == 14_500
    sent(ana.send(path, path, **form(amount="14.500")))
    for _ in range(2):
        office.sweep()
    assert office.read(payment_id)["refund_summary"] == {"status": "full", "amount_available": 0, "amount_submitted": 14_500}
    assert ana.get(path).status_code == 200
    holds(office)


def test_finance_finds_pay_outs_in_the_reports(office: World, base: str) -> None:
    made = order(office)
    for _ in range(2):
        office.sweep()
    eva, reports = Desk(office, "eva"), base.replace("/payouts", "/reports")
    assert f"{made['payout_id']},ASIG-2026-03-1,transfer,40000,CLP,paid" in eva.get(f"{reports}/payouts.csv").get_data(as_text=True)
    entries = eva.get(f"{reports}/entries.csv").get_data(as_text=True)
    assert entries.count(made["payout_id"]) == 6
    assert "Rosa" not in entries


def test_the_proof_names_a_pay_out_that_is_not_as_booked(office: World) -> None:
    made = order(office)
    with office.pay.db.begin() as connection:
        connection.execute(update(payouts).values(state="sent"))
        assert prove(connection).faults == (f"pay-out {made['payout_id']} is sent and has the postings payout:reserved",)
        connection.execute(update(payouts).values(state="approved", amount_minor=1))
        assert prove(connection).faults == (f"pay-out {made['payout_id']} is of 1, 40000 was set aside",)


def test_nothing_of_the_person_stands_in_the_database_in_clear(office: World) -> None:
    order(office), order(office, "k-2", **CASH)
    with office.pay.reading() as tx:
        rows = tx.connection.execute(text("SELECT to_jsonb(p)::text FROM payouts p UNION ALL SELECT payload::text FROM outbox")).scalars()
        stored = " ".join(rows)
    assert not any(part in stored for part in ("Ñancupil", "12345678", "12.345.678"))
