"""Khipu and Stripe against their simulators: what is fetched counts, what is told does not; money that comes late or twice."""

import json

import pytest
from sqlalchemy import select

from pay.models.ledger import ledger_accounts
from pay.models.suspense import suspense_items
from pay.operations.proofs import prove
from pay.operations.refunds import ask_unfinished
from pay.operations.suspense import apply_to, list_open, mark_refunded
from shared.outbox import outbox
from tests.factories.banks import Banks, make_banks
from tests.factories.pay import Browser, World


@pytest.fixture
def banks(world: World) -> Banks:
    return make_banks(world)


def assert_books_agree(banks: Banks) -> None:
    with banks.world.pay.db.begin() as connection:
        assert prove(connection).faults == ()


def start(banks: Banks, **changes: object) -> tuple[str, Browser, str]:
    payment_id = banks.world.create(**changes)["payment_id"]
    payer = banks.world.payer(payment_id)
    return payment_id, payer, banks.leave(payer)


def suspended(banks: Banks) -> list[tuple[str, str, int]]:
    with banks.world.pay.db.begin() as connection:
        return [(row.reason, row.state, row.amount_minor) for row in connection.execute(select(suspense_items))]


@pytest.mark.rule("pay", "pay-design §7.2", "CH-1")
def test_a_transfer_counts_when_khipu_says_done_and_normal(banks: Banks) -> None:
    banks.account("khipu")
    payment_id, _, token = start(banks)
    banks.khipu.tell(token)
    assert banks.world.status(payment_id) == "started", "a notification proves nothing"
    banks.khipu.finish(token)
    assert banks.world.status(payment_id) == "success"
    banks.khipu.tell(token)
    banks.world.run_jobs()
    read = banks.world.read(payment_id)
    assert read["settlement_summary"]["captured_date"]
    assert read["provider_id"] == token
    assert "card_details" not in read
    assert suspended(banks) == []
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.2")
@pytest.mark.parametrize("detail", ["rejected-by-payer", "marked-as-abuse", "reversed", "fully-refunded"])
def test_a_transfer_that_was_refused_or_is_gone_already_is_declined(banks: Banks, detail: str) -> None:
    banks.account("khipu")
    payment_id, _, token = start(banks)
    banks.khipu.finish(token, detail=detail)
    assert banks.world.status(payment_id) == "P0010"


@pytest.mark.rule("pay", "pay-design §7.2", "pay-design §3", "§11", "I2")
def test_a_transfer_that_the_bank_takes_back_later_is_a_dispute_that_was_lost(banks: Banks) -> None:
    banks.account("khipu")
    payment_id, _, token = start(banks)
    banks.khipu.finish(token)
    banks.world.run_jobs()
    for _ in range(2):
        banks.khipu.take_back(token)
    (dispute,) = banks.world.get("/v1/disputes").get_json()["results"]
    assert (dispute["payment_id"], dispute["status"], dispute["amount"]) == (payment_id, "lost", 14500)
    assert banks.world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 1}).get_json()["code"] == "P0603"
    with banks.world.pay.db.begin() as connection:
        assert {row.posted_minor for row in connection.execute(select(ledger_accounts))} == {0}
    assert_books_agree(banks)


@pytest.mark.rule("pay", "pay-design §7.2", "I3")
def test_another_amount_is_an_error_and_the_money_goes_to_suspense(banks: Banks) -> None:
    banks.account("khipu")
    payment_id, _, token = start(banks)
    banks.khipu.finish(token, amount=14000)
    assert banks.world.status(payment_id) == "P0050"
    assert suspended(banks) == [("wrong_amount", "open", 14000)]
    (item,) = list_open(banks.world.pay)
    apply_to(banks.world.pay, item.id, "org-municipalidad-quilpalin", actor="staff:1", note="agreed with the payer")
    assert list_open(banks.world.pay) == []
    assert_books_agree(banks)


@pytest.mark.rule("pay", "I3", "pay-design §7.2")
def test_money_for_an_attempt_that_was_left_goes_to_suspense_once_with_a_refund_proposed(banks: Banks) -> None:
    banks.account("khipu", attempts_max=3)
    payment_id, payer, first = start(banks)
    banks.back(payer, f"/card_details/{payment_id}")
    second = banks.leave(payer)
    banks.khipu.finish(second)
    for _ in range(2):
        banks.khipu.finish(first)
    banks.world.run_jobs()
    assert banks.world.status(payment_id) == "success"
    assert suspended(banks) == [("double_payment", "refund_proposed", 14500)]
    (item,) = list_open(banks.world.pay, banks.world.till.account_id)
    mark_refunded(banks.world.pay, item.id, actor="staff:1", from_bank=False)
    with banks.world.pay.db.begin() as connection:
        left = {row.code.split(":")[0]: row.posted_minor for row in connection.execute(select(ledger_accounts))}
    assert left == {"channel_receivable": 14500, "beneficiary_payable": -14500, "suspense": 0}
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§20", "pay-design §7.2", "I7")
def test_before_a_payment_expires_khipu_is_asked_and_money_that_comes_later_is_late(banks: Banks) -> None:
    banks.account("khipu")
    in_time, _, one = start(banks)
    late, _, other = start(banks)
    banks.khipu.payments[one].status, banks.khipu.payments[one].detail = "done", "normal"
    banks.world.pay.clock.advance(seconds=90 * 60)  # type: ignore[attr-defined]  # the clock of tests
    banks.world.sweep()
    assert (banks.world.status(in_time), banks.world.status(late)) == ("success", "P0020")
    banks.khipu.finish(other, is_late=True)
    assert suspended(banks) == [("late", "refund_proposed", 14500)]
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§9", "pay-design §7.2")
@pytest.mark.parametrize(("at_bank", "status", "left"), [("paid", "success", 0), ("expired", "error", 14500)])
def test_a_refund_by_transfer_waits_until_the_bank_has_confirmed_it(banks: Banks, at_bank: str, status: str, left: int) -> None:
    banks.account("khipu")
    payment_id, _, token = start(banks)
    banks.khipu.finish(token)
    banks.world.run_jobs()
    banks.khipu.confirms_refunds = False
    path = f"/v1/payments/{payment_id}/refunds"
    assert banks.world.post(path, {"amount": 14500}).get_json()["status"] == "submitted"
    banks.world.run_jobs()
    for _ in range(15):
        banks.world.pay.clock.advance(seconds=86_400)  # type: ignore[attr-defined]  # the clock of tests
        ask_unfinished(banks.world.pay)
    assert outbox_of(banks) == [], "no job waits, or was given up, while the bank takes its weeks"
    assert banks.world.get(path).get_json()["_embedded"]["refunds"][0]["status"] == "submitted"
    banks.khipu.confirm_refunds(token, at_bank)
    banks.world.pay.clock.advance(seconds=7200)  # type: ignore[attr-defined]  # the clock of tests
    banks.world.sweep()
    (refund,) = banks.world.get(path).get_json()["_embedded"]["refunds"]
    assert refund["status"] == status
    assert len(banks.khipu.payments[token].refunds) == 1
    assert banks.world.read(payment_id)["refund_summary"]["amount_available"] == left
    assert_books_agree(banks)


def outbox_of(banks: Banks) -> list[str]:
    with banks.world.pay.db.begin() as connection:
        return [row.job for row in connection.execute(outbox.select()) if row.job == "refund_payment"]


def statuses(banks: Banks, path: str) -> list[str]:
    return [refund["status"] for refund in banks.world.get(path).get_json()["_embedded"]["refunds"]]


@pytest.mark.rule("pay", "§9", "pay-design §7.2", "pay-design §4.2", "I2")
@pytest.mark.parametrize("is_heard", [False, True])
def test_a_refund_whose_answer_is_lost_is_paid_once_and_never_taken_for_another(banks: Banks, is_heard: bool) -> None:
    banks.account("khipu")
    payment_id, _, token = start(banks)
    banks.khipu.finish(token)
    banks.world.run_jobs()
    path = f"/v1/payments/{payment_id}/refunds"
    banks.world.post(path, {"amount": 4000})
    banks.world.run_jobs()
    assert statuses(banks, path) == ["success"]
    banks.world.pay.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the clock of tests
    banks.wire.deaf, banks.wire.cut = is_heard, not is_heard
    banks.world.post(path, {"amount": 4000})
    banks.world.run_jobs()
    banks.wire.deaf = banks.wire.cut = False
    banks.world.pay.clock.advance(seconds=30)  # type: ignore[attr-defined]  # the clock of tests
    banks.world.run_jobs()
    assert statuses(banks, path) == ["success", "success" if is_heard else "submitted"], "the first one's entry is not the second one's"
    assert len(banks.khipu.payments[token].refunds) == 1 + is_heard
    for _ in range(5):
        banks.world.pay.clock.advance(seconds=150)  # type: ignore[attr-defined]  # the clock of tests
        banks.world.run_jobs()
    assert statuses(banks, path) == ["success", "success"]
    assert len(banks.khipu.payments[token].refunds) == 2
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§9", "pay-design §7.2")
def test_a_second_refund_by_transfer_waits_for_the_first_and_then_goes(banks: Banks) -> None:
    banks.account("khipu")
    payment_id, _, token = start(banks)
    banks.khipu.finish(token)
    banks.world.run_jobs()
    banks.khipu.confirms_refunds = False
    path = f"/v1/payments/{payment_id}/refunds"
    for _ in range(2):
        banks.world.post(path, {"amount": 4000})
        banks.world.run_jobs()
        banks.world.pay.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the clock of tests
    assert len(banks.khipu.payments[token].refunds) == 1
    banks.khipu.confirm_refunds(token)
    banks.world.pay.clock.advance(seconds=7200)  # type: ignore[attr-defined]  # the clock of tests
    banks.world.sweep()
    assert [entry["status"] for entry in banks.khipu.payments[token].refunds] == ["paid", "pending"]
    assert statuses(banks, path) == ["success", "submitted"]
    banks.khipu.confirm_refunds(token, "expired")
    banks.world.pay.clock.advance(seconds=7200)  # type: ignore[attr-defined]  # the clock of tests
    banks.khipu.payments[token].refunds[0]["status"] = "paid"
    banks.world.sweep()
    assert statuses(banks, path) == ["success", "error"]
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§9", "pay-design §4.2")
def test_a_refund_that_waits_at_stripe_is_asked_for_and_not_made_again(banks: Banks) -> None:
    banks.account("stripe")
    payment_id, payer, token = start(banks)
    banks.stripe.pay(token, "4242424242424242")
    banks.back(payer, banks.stripe.sessions[token]["success_url"])
    banks.world.run_jobs()
    banks.stripe.refund_status = "pending"
    path = f"/v1/payments/{payment_id}/refunds"
    banks.world.post(path, {"amount": 500})
    banks.stripe.answers.clear()  # a key is forgotten after a day
    for _ in range(2):
        banks.world.pay.clock.advance(seconds=86_400)  # type: ignore[attr-defined]  # the clock of tests
        banks.world.sweep()
    assert statuses(banks, path) == ["submitted"]
    (made,) = banks.stripe.refunds.values()
    made["status"] = "succeeded"
    banks.world.pay.clock.advance(seconds=86_400)  # type: ignore[attr-defined]  # the clock of tests
    banks.world.sweep()
    assert statuses(banks, path) == ["success"]
    assert len(banks.stripe.refunds) == 1
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§7", "§9")
def test_stripe_reserves_captures_and_refunds_through_its_library(banks: Banks) -> None:
    banks.account("stripe")
    payment_id, payer, token = start(banks)
    assert not banks.stripe.pay(token, "4000000000000002")
    assert banks.stripe.pay(token, "4242424242424242")
    banks.back(payer, banks.stripe.sessions[token]["success_url"])
    banks.world.run_jobs()
    read = banks.world.read(payment_id)
    assert (read["state"]["status"], read["card_details"]["card_brand"], read["card_details"]["expiry_date"]) == (
        "success",
        "Visa",
        "11/29",
    )
    assert read["settlement_summary"]["captured_date"]
    (intent,) = banks.stripe.intents.values()
    assert (intent["status"], intent["id"]) == ("succeeded", read["provider_id"])
    banks.stripe.faults.append("lost")
    refund = banks.world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 500}).get_json()
    assert refund["status"] == "success", "the answer was lost, and it is found under our name"
    assert intent["refunded"] == 500
    assert banks.world.read(payment_id)["refund_summary"]["amount_submitted"] == 500
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§8")
def test_a_held_stripe_payment_that_is_cancelled_is_freed(banks: Banks) -> None:
    banks.account("stripe")
    payment_id, payer, token = start(banks, delayed_capture=True)
    banks.stripe.pay(token, "4242424242424242")
    banks.back(payer, banks.stripe.sessions[token]["success_url"])
    assert banks.world.status(payment_id) == "capturable"
    assert banks.world.post(f"/v1/payments/{payment_id}/cancel").status_code == 204
    assert [intent["status"] for intent in banks.stripe.intents.values()] == ["canceled"]
    assert_books_agree(banks)


@pytest.mark.rule("pay", "§11")
def test_stripe_disputes_come_with_a_right_signature_only(banks: Banks) -> None:
    banks.account("stripe")
    payment_id, payer, token = start(banks)
    banks.stripe.pay(token, "4242424242424242")
    banks.back(payer, banks.stripe.sessions[token]["success_url"])
    banks.world.run_jobs()
    (intent,) = banks.stripe.intents
    told = {"id": "dp_1", "payment_intent": intent, "amount": 14500, "reason": "fraudulent", "status": "needs_response"}
    forged = json.dumps({"type": "charge.dispute.created", "data": {"object": told}}).encode()
    path = "/v1/api/notifications/stripe"
    assert banks.world.client().post(path, data=forged, headers={"Stripe-Signature": "t=1,v1=00"}).status_code == 403
    assert banks.world.get("/v1/disputes").get_json()["total"] == 0
    banks.stripe.tell("charge.dispute.created", told)
    banks.stripe.tell("charge.dispute.closed", told | {"status": "lost"})
    (dispute,) = banks.world.get("/v1/disputes").get_json()["results"]
    assert (dispute["payment_id"], dispute["status"], dispute["reason"]) == (payment_id, "lost", "fraudulent")
    assert banks.world.client().post("/v1/api/notifications/nobody", json={}).status_code == 403
    assert_books_agree(banks)
