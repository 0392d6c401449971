"""Settlement files: each line once, compared with what the channel took; what does not fit goes to suspense."""

from io import BytesIO

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from pay.models.ledger import ledger_accounts
from pay.models.settlement import settlement_lines
from pay.operations.disputes import DisputeNews, take_news
from pay.operations.proofs import prove
from pay.operations.settlements import Imported, import_settlement
from pay.operations.suspense import list_open, mark_refunded
from pay.standards.dispute_states import DisputeState
from pay.standards.identifiers import PaymentId
from pay.standards.settlement_files import UnreadableFile, read_settlement
from tests.conformance.pay.test_console import Desk
from tests.factories.banks import MALL, Banks, make_banks
from tests.factories.pay import World

HEAD = "line,kind,reference,amount,fee,currency,date\n"
BENEFICIARY = "org-municipalidad-quilpalin"


def take(world: World, *rows: str, gateway: str = "sandbox", head: str = HEAD) -> Imported:
    raw = (head + "".join(row + "\n" for row in rows)).encode()
    return import_settlement(world.pay, gateway, "november.csv", raw, actor="staff:1")


def posted(world: World) -> dict[str, int]:
    with world.pay.db.begin() as connection:
        found = {row.code.split(":")[0]: row.posted_minor for row in connection.execute(ledger_accounts.select())}
        assert prove(connection).faults == ()
    return {name: amount for name, amount in found.items() if amount}


@pytest.mark.rule("pay", "I11", "pay-design §3", "CH-6", "§10")
def test_the_same_file_twice_and_the_same_lines_in_another_file_give_the_same_books(world: World) -> None:
    payment_id = world.paid()
    refund = world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 4500}).get_json()["refund_id"]
    rows = (f"L1,payment,{payment_id},14500,290,CLP,2026-06-10", f"L2,refund,{refund},-4500,0,CLP,2026-06-11")
    first = take(world, *rows)
    assert (first.results, first.is_clean) == ({"matched": 2}, True)
    books = posted(world)
    assert books == {"bank": 14500 - 290 - 4500, "fees": 290, "beneficiary_payable": -10000}
    assert take(world, *rows).results == {"repeated": 2}
    assert take(world, *reversed(rows)).results == {"repeated": 2}
    assert posted(world) == books
    read = world.read(payment_id)
    assert (read["settlement_summary"]["settled_date"], read["fee"], read["net_amount"]) == ("2026-06-10", 290, 14210)
    settled = world.get("/v1/payments?from_settled_date=2026-06-10&to_settled_date=2026-06-10").get_json()
    assert settled["total"] == 1
    assert world.get("/v1/payments?from_settled_date=2026-06-11").get_json()["total"] == 0
    assert world.get("/v1/refunds?to_settled_date=2026-06-11").get_json()["total"] == 1


@pytest.mark.rule("pay", "pay-design §3", "§3")
def test_what_nobody_waits_for_goes_to_suspense_and_never_out_of_the_books(world: World) -> None:
    first, other = world.paid(), world.paid()
    imported = take(
        world,
        "L1,payment,nobodys,700,0,CLP,2026-06-10",
        f"L2,payment,{first},15000,0,CLP,2026-06-10",
        f"L3,payment,{first},14500,0,CLP,2026-06-10",
        f"L4,payment,{other},14000,0,CLP,2026-06-10",
        "L5,refund,nobodys,-30,0,CLP,2026-06-10",
    )
    assert imported.results == {"unknown": 2, "wrong_amount": 2, "double": 1}
    assert sorted((item.reason.value, item.amount_minor) for item in list_open(world.pay)) == [
        ("double_payment", 14500),
        ("unknown_reference", 700),
        ("wrong_amount", 500),
    ]
    books = posted(world)
    assert books["bank"] == 700 + 15000 + 14500 + 14000 - 30
    assert books["suspense"] == -(700 + 500 + 14500)
    with world.pay.db.begin() as connection:
        codes = {row.code: row.posted_minor for row in connection.execute(select(ledger_accounts))}
    assert codes[f"channel_receivable:sandbox:{world.till.account_id}"] == 500, "what is short is still owed by the channel"


@pytest.mark.rule("pay", "I11", "pay-design §3")
@pytest.mark.parametrize(
    ("gateway", "head", "row"),
    [
        ("webpay", "buy_order,authorization_code,movement,amount,commission,payment_date\n", "{reference},1213,1,14500,300,2026-06-10"),
        ("khipu", "payment_id,movement_id,amount,fee,currency,date\n", "{token},1,14500,100,CLP,2026-06-10 09:00:00"),
        (
            "stripe",
            "balance_transaction_id,reporting_category,source_id,payment_intent_id,gross,fee,currency,available_on_utc\n",
            "txn_1,charge,ch_1,{provider},14500,400,clp,2026-06-10 00:00:00\npo_1,payout,po_1,,-14100,0,clp,2026-06-10 00:00:00",
        ),
    ],
)
def test_each_channels_file_is_reconciled(world: World, gateway: str, head: str, row: str) -> None:
    banks: Banks = make_banks(world)
    banks.account(gateway)
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    token = banks.leave(payer)
    reference = ""
    if gateway == "webpay":
        banks.back(payer, banks.webpay.pay(token, "4051885600446623"))
        reference = banks.webpay.transactions[token].buy_order
    elif gateway == "khipu":
        banks.khipu.finish(token)
    else:
        banks.stripe.pay(token, "4242424242424242")
    world.run_jobs()
    line = row.format(reference=reference, token=token, provider=world.read(payment_id)["provider_id"])
    assert take(world, *line.split("\n"), gateway=gateway, head=head).results == {"matched": 1}
    assert world.read(payment_id)["settlement_summary"]["settled_date"] == "2026-06-10"
    assert posted(world)["beneficiary_payable"] == -14500


WEBPAY = "buy_order,authorization_code,movement,amount,commission,payment_date\n"
KHIPU = "payment_id,movement_id,amount,fee,currency,date\n"


def owing(world: World) -> dict[str, int]:
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()
        found = {row.code.replace(f":{world.till.account_id}", ""): row.posted_minor for row in connection.execute(select(ledger_accounts))}
    return {code: amount for code, amount in found.items() if amount}


def at_webpay(banks: Banks, **changes: object) -> tuple[str, list[str]]:
    """A payment that was made at Webpay, and its buy orders there."""
    payment_id = banks.world.create(**changes)["payment_id"]
    payer = banks.world.payer(payment_id)
    token = banks.leave(payer)
    banks.back(payer, banks.webpay.pay(token, "4051885600446623"))
    banks.world.run_jobs()
    return payment_id, [detail.buy_order for detail in banks.webpay.transactions[token].details]


@pytest.mark.rule("pay", "I11", "pay-design §3", "pay-design §7.1")
def test_each_child_of_a_mall_has_lines_of_its_own(world: World) -> None:
    banks = make_banks(world)
    banks.account("webpay", MALL)
    shares = [{"beneficiary": "org-a", "amount": 10000}, {"beneficiary": "org-b", "amount": 4500}]
    payment_id, (one, other) = at_webpay(banks, allocations=shares)
    assert world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 1450}).get_json()["status"] == "success"
    rows = (
        f"{one},1213,1,10000,200,2026-06-10",
        f"{other},1213,1,4500,90,2026-06-11",
        f"{one},123456,2,-1000,0,2026-06-12",
        f"{other},123456,2,-450,0,2026-06-12",
    )
    for results in ({"matched": 4}, {"repeated": 4}):
        assert take(world, *rows, gateway="webpay", head=WEBPAY).results == results
    read = world.read(payment_id)
    assert (read["settlement_summary"]["settled_date"], read["fee"]) == ("2026-06-11", 290)
    bodies = {"beneficiary_payable:org-a": -9000, "beneficiary_payable:org-b": -4050}
    assert owing(world) == {"bank:treasury": 14500 - 290 - 1450, "fees:webpay": 290} | bodies
    again = (f"{other},1213,9,4500,0,2026-06-13", f"{other},123456,10,-450,0,2026-06-13", f"{one[:-1]}7,1213,11,5,0,2026-06-13")
    assert take(world, *again, gateway="webpay", head=WEBPAY).results == {"double": 2, "unknown": 1}
    assert owing(world)["suspense:webpay"] == -4505


@pytest.mark.rule("pay", "I11", "pay-design §3", "I3")
def test_money_that_stands_in_suspense_is_settled_as_what_it_is_and_not_found_anew(world: World) -> None:
    banks = make_banks(world)
    banks.account("khipu", attempts_max=3)
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    left = banks.leave(payer)
    banks.back(payer, f"/card_details/{payment_id}")
    paid = banks.leave(payer)
    for token in (paid, left):
        banks.khipu.finish(token)
    world.run_jobs()
    rows = (f"{paid},1,14500,0,CLP,2026-06-10", f"{left},1,14500,0,CLP,2026-06-12")
    assert take(world, *rows, gateway="khipu", head=KHIPU).results == {"matched": 2}
    (item,) = list_open(world.pay)
    assert owing(world) == {"bank:treasury": 29000, "beneficiary_payable:" + BENEFICIARY: -14500, "suspense:khipu": -14500}
    assert world.read(payment_id)["settlement_summary"]["settled_date"] == "2026-06-10"
    mark_refunded(world.pay, item.id, actor="staff:1", from_bank=False)
    assert take(world, f"{left},2,-14500,0,CLP,2026-06-13", gateway="khipu", head=KHIPU).results == {"matched": 1}
    assert owing(world) == {"bank:treasury": 14500, "beneficiary_payable:" + BENEFICIARY: -14500}
    assert take(world, f"{left},3,14500,0,CLP,2026-06-14", gateway="khipu", head=KHIPU).results == {"unknown": 1}


@pytest.mark.rule("pay", "I11", "pay-design §3", "§11")
def test_what_webpay_keeps_back_for_a_dispute_is_told_from_refunds(world: World) -> None:
    banks = make_banks(world)
    banks.account("webpay")
    payment_id, (order,) = at_webpay(banks)

    def news(state: DisputeState) -> None:
        take_news(world.pay, DisputeNews("webpay", "CB-1", PaymentId(payment_id), state, 14500, "fraudulent"))

    sold, kept, paid_again = f"{order},1213,1,14500,0,2026-06-10", f"{order},0,2,-14500,0,2026-06-11", f"{order},0,3,14500,0,2026-06-20"
    assert take(world, sold, gateway="webpay", head=WEBPAY).results == {"matched": 1}
    news(DisputeState.NEEDS_RESPONSE)
    assert take(world, kept, gateway="webpay", head=WEBPAY).results == {"matched": 1}
    (dispute,) = world.get("/v1/disputes").get_json()["results"]
    assert dispute["settlement_summary"] == {"settled_date": "2026-06-11"}
    assert owing(world) == {"dispute_hold": 14500, "beneficiary_payable:" + BENEFICIARY: -14500}
    news(DisputeState.WON)
    for results in ({"matched": 1}, {"repeated": 1}):
        assert take(world, paid_again, gateway="webpay", head=WEBPAY).results == results
    assert owing(world) == {"bank:treasury": 14500, "beneficiary_payable:" + BENEFICIARY: -14500}
    third = f"{order},0,4,14500,0,2026-06-21"
    assert take(world, third, gateway="webpay", head=WEBPAY).results == {"double": 1}


@pytest.mark.rule("pay", "pay-design §3")
@pytest.mark.parametrize(
    "text",
    [
        "line,kind\nL1,payment\n",
        HEAD + "L1,payment,x,abc,0,CLP,2026-06-10\n",
        HEAD + "L1,payment,x,1.5,0,CLP,2026-06-10\n",
        HEAD + "L1,payment,x,100,101,CLP,2026-06-10\n",
        HEAD + "L1,payment,x,100,-1,CLP,2026-06-10\n",
        HEAD + "L1,payment,x,0,0,CLP,2026-06-10\n",
        HEAD + "L1,payment,,100,0,CLP,2026-06-10\n",
        HEAD + "L1,gift,x,100,0,CLP,2026-06-10\n",
        HEAD + "L1,payment,x,100,0,CLP,10/06/2026\n",
        HEAD + "L1,payment,x,100\n",
        HEAD + "L1,payment,x,NaN,0,CLP,2026-06-10\n",
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(standing_world: World, text: str) -> None:
    with pytest.raises(UnreadableFile, match="line"):
        import_settlement(standing_world.pay, "sandbox", "x.csv", text.encode(), actor="staff:1")
    with standing_world.pay.db.begin() as connection:
        assert connection.execute(select(settlement_lines)).all() == []


@pytest.mark.rule("pay", "pay-design §3")
@pytest.mark.parametrize(("gateway", "raw"), [("nobody", b""), ("sandbox", b"\xff\xfe")])
def test_other_files_are_refused(gateway: str, raw: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read_settlement(gateway, raw)


@pytest.mark.rule("pay", "§23", "I11", "pay-design §3")
def test_operators_give_the_channels_files_to_the_console(world: World) -> None:
    page, olga = "/console/settlements", Desk(world, "olga", "operator")
    raw = (HEAD + f"L1,payment,{world.paid()},14500,0,CLP,2026-06-10\nL2,payment,nobodys,700,0,CLP,2026-06-10\n").encode()

    def send(content: bytes, channel: str = "sandbox") -> tuple[int, str]:
        answer = olga.send(page, page, channel=channel, file=(BytesIO(content), "cartola\0.csv"))
        return answer.status_code, " ".join(BeautifulSoup(answer.get_data(as_text=True), "html.parser").get_text(" ").split())

    status, said = send(raw)
    assert (status, "Como se esperaba 1" in said, "Sin un número que conozcamos 1" in said) == (200, True, True)
    status, said = send(raw)
    assert (status, "Conocido de un archivo anterior 2" in said, said.count("cartola")) == (200, True, 1)
    for content, channel, fault in (
        (b"", "sandbox", "Elija el archivo"),
        (raw, "cash", "Elija el medio"),
        (b"a,b\n1,2\n", "webpay", "no column"),
    ):
        status, said = send(content, channel)
        assert (status, fault in said) == (422, True), fault
    assert owing(world)["bank:treasury"] == 15200
    assert [Desk(world, "ana").get(page).status_code, Desk(world, "ana").send(page, "/receipt").status_code] == [403, 403]
