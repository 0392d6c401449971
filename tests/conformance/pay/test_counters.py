"""Counters and partners: verify, activate, confirm, release, daily files.  Spec: pay-design.md §6, §8, §13.3, §13.10, §13.11."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from werkzeug.test import TestResponse

from pay.models.partner import partner_keys, partner_receipts, partners
from pay.models.suspense import suspense_items
from pay.models.webhook import webhook_messages, webhooks
from pay.operations.partners import revoke_partner_key
from pay.operations.proofs import prove
from pay.standards.identifiers import ALPHABET
from pay.standards.keys import make_key, token_hash
from tests.conformance.pay.test_notices import DAY, Hook, go_and_pay, hook, issue, look
from tests.factories.pay import World

__all__ = ["hook"]
HEAD = "receipt_number,notice_number,amount,paid_at,branch"


class Counter:
    """A till of a partner."""

    def __init__(self, world: World, name: str = "Caja Vecina", **changes: Any) -> None:
        self.world, self.id, self.key_id = world, world.pay.ids.pick(ALPHABET, 26), uuid.uuid4()
        token, now = world.pay.ids.pick(ALPHABET, 26), world.pay.clock.now()
        hashed = token_hash(token, world.pay.key_secret)
        with world.pay.db.begin() as connection:
            connection.execute(insert(partners).values({"id": self.id, "name": name, "created_at": now} | changes))
            key = {"id": self.key_id, "partner_id": self.id, "token_hash": hashed, "created_by": "tests", "created_at": now}
            connection.execute(insert(partner_keys).values(key))
        self.headers = {"Authorization": f"Bearer {make_key(token, world.pay.key_secret)}"}

    def verify(self, number: str) -> TestResponse:
        return self.world.client().get(f"/partners/v1/notices/{number}", headers=self.headers)

    def call(self, number: str, verb: str, **body: Any) -> TestResponse:
        return self.world.client().post(f"/partners/v1/notices/{number}/{verb}", json=body, headers=self.headers)

    def activate(self, number: str, transaction: str = "t-1") -> TestResponse:
        return self.call(number, "activate", transaction_id=transaction)

    def confirm(self, number: str, receipt: str = "R-1", amount: int = 14500, **changes: Any) -> TestResponse:
        paid_at = self.world.pay.clock.now().isoformat()
        return self.call(
            number, "confirm", **({"receipt_number": receipt, "amount": amount, "paid_at": paid_at, "branch": "Sucursal 7"} | changes)
        )

    def send(self, *lines: str, head: str = HEAD) -> TestResponse:
        body = "\r\n".join([head, *lines]) + "\r\n"
        headers = self.headers | {"Content-Type": "text/csv"}
        return self.world.client().post("/partners/v1/daily-files", data=body.encode(), headers=headers)


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


def held(world: World) -> list[tuple[str, str, int]]:
    with world.pay.db.engine.connect() as connection:
        rows = connection.execute(suspense_items.select().order_by(suspense_items.c.created_at, suspense_items.c.amount_minor)).all()
    return [(row.reason, row.state, row.amount_minor) for row in rows]


def agree(world: World) -> None:
    world.run_jobs()
    with world.pay.reading() as tx:
        assert prove(tx.connection).faults == ()


@pytest.mark.rule("pay", "pay-design §8", "PA-8", "I2")
def test_cash_at_a_counter_settles_the_notice_and_its_payment(world: World, counter: Counter) -> None:
    notice = issue(world)
    number = notice["number"]
    seen = counter.verify(number).get_json()
    assert (seen["is_payable"], seen["amount"], seen["paid_to"]) == (True, 14500, "Permisos de circulación")
    assert "payer" not in seen
    held_by_us = counter.activate(number)
    assert held_by_us.status_code == 200
    assert look(world, number)["state"] == "activated"
    done = counter.confirm(number)
    assert (done.status_code, done.get_json()["outcome"]) == (200, "applied")
    paid = look(world, number)
    assert (paid["state"], paid["payment_state"]["status"]) == ("paid", "success")
    payment = world.read(notice["payment_id"])
    assert (payment["payment_provider"], payment["provider_id"]) == ("cash", "R-1")
    assert "card_details" not in payment
    assert payment["settlement_summary"]["captured_date"] == "2026-06-08"
    assert held(world) == []
    agree(world)
    assert world.get(f"/v1/payments/{notice['payment_id']}/receipt").status_code == 200


@pytest.mark.rule("pay", "I10", "pay-design §8")
def test_each_call_again_is_answered_alike(world: World, counter: Counter) -> None:
    number = issue(world)["number"]
    first, again = counter.activate(number), counter.activate(number)
    assert first.get_json() == again.get_json()
    one, two = counter.confirm(number), counter.confirm(number)
    assert one.get_json() == two.get_json()
    assert counter.confirm(number, amount=14501).status_code == 409
    other = issue(world)["number"]
    assert counter.confirm(other).status_code == 409
    assert held(world) == []
    agree(world)


@pytest.mark.rule("pay", "I10")
def test_a_lock_is_one_tills_for_ten_minutes(world: World, counter: Counter) -> None:
    number, other = issue(world)["number"], Counter(world, "Banco de Quilpalín")
    token = counter.activate(number).get_json()["token"]
    assert other.verify(number).get_json()["is_payable"] is False
    assert other.activate(number).status_code == 409
    assert counter.activate(number, "t-2").status_code == 409
    assert other.call(number, "release", token="guessed").status_code == 409
    assert "pay-now" not in world.client().get(f"/notice/{number}").get_data(as_text=True)
    assert world.post(f"/v1/notices/{number}/cancel").status_code == 409
    for _ in range(2):
        released = counter.call(number, "release", token=token)
        assert (released.status_code, released.get_json()["state"]) == (200, "open")
    assert other.activate(number).status_code == 200
    world.pay.clock.advance(seconds=601)  # type: ignore[attr-defined]  # the tests' clock
    assert counter.activate(number, "t-3").status_code == 200
    counter.confirm(number)
    assert counter.call(number, "release", token=token).status_code == 409
    agree(world)


@pytest.mark.rule("pay", "I3", "I10")
def test_a_second_payment_goes_to_suspense_and_proposes_a_refund(world: World, counter: Counter) -> None:
    notice = issue(world)
    payer = go_and_pay(world, notice["number"])
    payer.enter()
    payer.press("confirm")
    world.run_jobs()
    assert counter.activate(notice["number"]).status_code == 409
    late = counter.confirm(notice["number"]).get_json()
    assert (late["outcome"], late["reason"]) == ("held", "double_payment")
    assert held(world) == [("double_payment", "refund_proposed", 14500)]
    assert counter.confirm(notice["number"]).get_json() == late
    assert len(held(world)) == 1
    agree(world)


@pytest.mark.rule("pay", "I3")
def test_money_while_a_bank_is_asked_is_held_too(world: World, counter: Counter) -> None:
    notice = issue(world)
    go_and_pay(world, notice["number"]).enter()
    assert counter.activate(notice["number"]).status_code == 409
    assert counter.confirm(notice["number"]).get_json()["reason"] == "double_payment"
    agree(world)


@pytest.mark.rule("pay", "I3", "pay-design §8")
def test_wrong_and_late_money_is_held_and_never_dropped(world: World, counter: Counter) -> None:
    wrong, late, gone = issue(world), issue(world, payable_until="2026-07-01"), issue(world)
    assert counter.confirm(wrong["number"], "R-1", 14000).get_json()["reason"] == "wrong_amount"
    world.post(f"/v1/notices/{gone['number']}/cancel")
    assert counter.confirm(gone["number"], "R-2").get_json()["reason"] == "late"
    world.pay.clock.advance(seconds=30 * DAY)  # type: ignore[attr-defined]  # the tests' clock
    assert counter.confirm(late["number"], "R-3").get_json()["reason"] == "late"
    assert sorted(held(world)) == [("late", "refund_proposed", 14500)] * 2 + [("wrong_amount", "open", 14000)]
    assert look(world, wrong["number"])["state"] == "open"
    agree(world)


@pytest.mark.rule("pay", "I3", "I10")
def test_many_tills_at_once_settle_a_notice_once(world: World) -> None:
    number = issue(world)["number"]
    tills = [Counter(world, f"Caja {n}") for n in range(6)]

    def pay_there(till: Counter) -> str:
        till.activate(number)
        answer = till.confirm(number)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        outcome: str = answer.get_json()["outcome"]
        return outcome

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(pay_there, tills))
    assert outcomes == ["applied", *["held"] * 5]
    assert len(held(world)) == 5
    agree(world)


@pytest.mark.rule("pay", "pay-design §6")
def test_a_till_takes_what_is_owed_now(world: World, hook: Hook, counter: Counter) -> None:
    number = issue(world)["number"]
    assert counter.verify(number).get_json()["amount"] == 15000
    assert counter.activate(number).get_json()["amount"] == 15000
    hook.answer = 16000
    assert counter.activate(number).get_json()["amount"] == 15000
    assert counter.confirm(number, amount=15000).get_json()["outcome"] == "applied"
    agree(world)


@pytest.mark.rule("pay", "pay-design §8")
def test_a_partner_takes_no_more_than_it_may(world: World) -> None:
    number, small = issue(world)["number"], Counter(world, max_amount_minor=14499)
    assert small.verify(number).get_json()["is_payable"] is False
    assert small.activate(number).status_code == 409


@pytest.mark.rule("pay", "pay-design §8")
def test_a_notice_does_not_expire_in_the_hand_of_a_till(world: World, counter: Counter) -> None:
    number = issue(world, due_date="2026-06-08", payable_until="2026-06-08")["number"]
    until_midnight = timedelta(hours=11, minutes=55)
    world.pay.clock.advance(seconds=until_midnight.total_seconds())  # type: ignore[attr-defined]  # the tests' clock
    assert counter.activate(number).status_code == 200
    world.pay.clock.advance(seconds=540)  # type: ignore[attr-defined]  # the tests' clock
    world.sweep()
    assert counter.confirm(number).get_json()["outcome"] == "applied"
    agree(world)


@pytest.mark.rule("pay", "§2")
def test_strangers_and_ended_keys_are_turned_away(world: World, counter: Counter) -> None:
    number = issue(world)["number"]
    for headers in ({}, world.till.headers, {"Authorization": "Bearer x"}, {"Authorization": "Bearer " + "a" * 58}):
        assert world.client().get(f"/partners/v1/notices/{number}", headers=headers).status_code == 401
    assert world.client().get("/v1/payments", headers=counter.headers).status_code == 401
    revoke_partner_key(world.pay, counter.key_id, actor="operator:test")
    assert counter.verify(number).status_code == 401
    assert Counter(world, disabled_at=world.pay.clock.now()).verify(number).status_code == 401


@pytest.mark.rule("pay", "pay-design §8")
@pytest.mark.parametrize(
    "change",
    [
        {"receipt": ""},
        {"receipt": "x" * 41},
        {"amount": 0},
        {"amount": "14500"},
        {"amount": True},
        {"paid_at": "ayer"},
        {"paid_at": "2026-06-08T16:00:00"},
        {"branch": "x" * 61},
        {"branch": 7},
    ],
)
def test_a_confirmation_that_cannot_be_read_is_refused(world: World, counter: Counter, change: dict[str, Any]) -> None:
    number = issue(world)["number"]
    answer = counter.confirm(number, **change)
    assert (answer.status_code, answer.get_json()["type"]) == (400, "urn:andamio:problem:invalid-request")
    for verb in ("activate", "release"):
        assert counter.call(number, verb).status_code == 400
    assert counter.confirm("100100000000000007").status_code == 404


@pytest.mark.rule("pay", "I11", "pay-design §8")
def test_a_daily_file_is_booked_line_by_line_and_comes_again_without_effect(world: World, counter: Counter) -> None:
    good, twice, cheap = issue(world), issue(world), issue(world)
    at = "2026-06-08T11:00:00-04:00"
    lines = [
        f"F-1,{good['number']},14500,{at},Sucursal 7",
        f"F-2,{twice['number']},14500,{at},Sucursal 7",
        f"F-3,{twice['number']},14500,{at},Sucursal 8",
        f"F-4,{cheap['number']},100,{at},Sucursal 7",
        f"F-5,999999999999999999,700,{at},Sucursal 7",
        f"F-6,{good['number']},x,{at},Sucursal 7",
        f"F-7,{good['number']},14500,ayer,Sucursal 7",
    ]
    first, again = counter.send(*lines).get_json(), counter.send(*lines).get_json()
    assert (first["lines"], first["applied"], first["held"]) == (7, 2, 3)
    assert [fault["line"] for fault in first["faults"]] == [7, 8]
    assert again == first
    assert sorted(held(world)) == [
        ("double_payment", "refund_proposed", 14500),
        ("unknown_reference", "open", 700),
        ("wrong_amount", "open", 100),
    ]
    with world.pay.db.engine.connect() as connection:
        assert len(connection.execute(partner_receipts.select()).all()) == 5
    agree(world)


@pytest.mark.rule("pay", "pay-design §8")
def test_money_of_a_file_counts_by_when_it_was_taken(world: World, counter: Counter) -> None:
    number = issue(world, payable_until="2026-06-30")["number"]
    world.pay.clock.advance(seconds=22 * DAY + 12 * 3600)  # type: ignore[attr-defined]  # the tests' clock
    assert counter.send(f"F-1,{number},14500,2026-06-30T20:00:00-04:00,").get_json()["applied"] == 1
    agree(world)


@pytest.mark.rule("pay", "pay-design §8")
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a,b\r\n1,2\r\n", b'receipt_number,notice_number\r\n"'])
def test_what_is_no_daily_file_is_refused_whole(world: World, counter: Counter, content: bytes) -> None:
    answer = world.client().post("/partners/v1/daily-files", data=content, headers=counter.headers)
    assert (answer.status_code, answer.get_json()["type"]) == (400, "urn:andamio:problem:file-unreadable")


def test_a_cash_payment_is_not_refunded_through_the_counter(world: World, counter: Counter) -> None:
    notice = issue(world)
    counter.confirm(notice["number"])
    refund = world.post(f"/v1/payments/{notice['payment_id']}/refunds", {"amount": 100})
    assert (refund.status_code, refund.get_json()["status"]) == (202, "error")
    assert world.read(notice["payment_id"])["refund_summary"]["amount_submitted"] == 0
    agree(world)


@pytest.mark.rule("pay", "§25", "§15")
def test_a_service_that_asks_hears_that_a_notice_was_paid(world: World, counter: Counter) -> None:
    webhook = world.add_webhook(events=[])
    with world.pay.db.begin() as connection:
        connection.execute(update(webhooks).where(webhooks.c.id == webhook).values(subscriptions=["payment_notice_paid"]))
    notice = issue(world)
    counter.confirm(notice["number"])
    counter.confirm(notice["number"])
    with world.pay.reading() as tx:
        [row] = tx.connection.execute(select(webhook_messages)).all()
    body = json.loads(world.pay.cipher.decrypt(row.body_sealed, scope=f"pay:account:{world.till.account_id}"))
    assert (body["event_type"], body["resource"]["notice_number"]) == ("payment_notice_paid", notice["number"])
    assert body["resource"]["payment_id"] == notice["payment_id"]
