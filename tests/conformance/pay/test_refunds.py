"""Refunds: their body, their guard, their sum."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pay.operations.proofs import prove
from pay.providers.base import Action, Outcome, Verdict
from tests.factories.pay import DECLINED_CARD, World


def refund(world: World, payment_id: str, **body: Any) -> tuple[int, dict[str, Any]]:
    response = world.post(f"/v1/payments/{payment_id}/refunds", body)
    return response.status_code, response.get_json()


@pytest.mark.rule("pay", "§9", "§18")
def test_a_refund_in_the_sandbox_succeeds_at_once(world: World) -> None:
    payment_id = world.paid()
    status, body = refund(world, payment_id, amount=4500, refund_amount_available=14500)
    own = f"http://localhost/v1/payments/{payment_id}"
    assert status == 202
    assert body == {
        "refund_id": body["refund_id"],
        "created_date": "2026-06-08T16:00:00.000Z",
        "amount": 4500,
        "status": "success",
        "settlement_summary": {"captured_date": "2026-06-08"},
        "_links": {
            "self": {"href": f"{own}/refunds/{body['refund_id']}", "method": "GET"},
            "payment": {"href": own, "method": "GET"},
        },
    }
    assert world.get(f"/v1/payments/{payment_id}/refunds/{body['refund_id']}").get_json() == body
    listed = world.get(f"/v1/payments/{payment_id}/refunds").get_json()
    assert listed == {
        "payment_id": payment_id,
        "_links": {"self": {"href": f"{own}/refunds", "method": "GET"}, "payment": {"href": own, "method": "GET"}},
        "_embedded": {"refunds": [body]},
    }
    assert world.read(payment_id)["refund_summary"] == {"status": "available", "amount_available": 10000, "amount_submitted": 4500}


@pytest.mark.rule("pay", "§9")
@pytest.mark.parametrize(
    ("body", "status", "code", "description"),
    [
        ({}, 400, "P0601", "Missing mandatory attribute: amount"),
        ({"amount": None}, 400, "P0601", "Missing mandatory attribute: amount"),
        ({"amount": "1"}, 400, "P0602", "Invalid attribute value: amount. Must be a valid numeric format"),
        ({"amount": 1.0}, 400, "P0602", "Invalid attribute value: amount. Must be a valid numeric format"),
        ({"amount": True}, 400, "P0602", "Invalid attribute value: amount. Must be a valid numeric format"),
        ({"amount": 0}, 422, "P0602", "Invalid attribute value: amount. Must be greater than or equal to 1"),
        ({"amount": 10_000_001}, 422, "P0602", "Invalid attribute value: amount. Must be less than or equal to 10000000"),
    ],
)
def test_a_bad_amount_is_refused_in_the_words_of_the_contract(
    world: World, body: dict[str, Any], status: int, code: str, description: str
) -> None:
    payment_id = world.create()["payment_id"]
    assert refund(world, payment_id, **body) == (status, {"field": "amount", "code": code, "description": description})


@pytest.mark.rule("pay", "§9")
def test_a_body_that_is_no_json_has_the_code_of_refunds(world: World) -> None:
    response = world.client().post("/v1/payments/x/refunds", data=b"{", headers=world.till.headers)
    assert (response.status_code, response.get_json()["code"]) == (400, "P0697")


@pytest.mark.rule("pay", "A11", "§9")
def test_the_guard_refuses_a_caller_who_does_not_know_what_is_left(world: World) -> None:
    payment_id = world.paid()
    refund(world, payment_id, amount=500)
    for guess in (14500, 13999, 0, "14000"):
        status, body = refund(world, payment_id, amount=1, refund_amount_available=guess)
        assert (status, body) == (412, {"code": "P0604", "description": "Refund amount available mismatch."})
    assert refund(world, payment_id, amount=1, refund_amount_available=14000)[0] == 202


@pytest.mark.rule("pay", "§9")
def test_what_cannot_be_refunded_says_why(world: World) -> None:
    fresh, declined, full, part = world.create()["payment_id"], world.paid(DECLINED_CARD), world.paid(), world.paid()
    assert refund(world, full, amount=14500)[0] == 202
    reasons = {fresh: "pending", declined: "unavailable", full: "full"}
    for payment_id, reason in reasons.items():
        text = f"The payment is not available for refund. Payment refund status: {reason}"
        assert refund(world, payment_id, amount=1) == (400, {"code": "P0603", "description": text})
    assert refund(world, part, amount=14501)[1]["description"].endswith("amount_not_available")
    assert world.read(full)["refund_summary"]["status"] == "full"


@pytest.mark.rule("pay", "§9", "pay-design §3")
def test_a_refund_that_the_bank_refuses_gives_its_amount_back(world: World) -> None:
    payment_id = world.paid()
    world.gateway.refuse[Action.REFUND] = Outcome(Verdict.DECLINED, "psp-1")
    assert refund(world, payment_id, amount=14500)[1]["status"] == "error"
    assert world.read(payment_id)["refund_summary"] == {"status": "available", "amount_available": 14500, "amount_submitted": 0}
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()


@pytest.mark.rule("pay", "§5.3", "§9")
def test_a_suspended_account_refunds_nothing(world: World) -> None:
    payment_id = world.paid()
    world.change_account(disabled_reason="fraud review")
    assert refund(world, payment_id, amount=1)[1]["code"] == "P0941"


@pytest.mark.rule("pay", "A11", "I2", "§9")
def test_two_refunds_of_everything_at_once_end_in_one(world: World) -> None:
    payment_id = world.paid()
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(answer[0] for answer in pool.map(lambda _: refund(world, payment_id, amount=14500), range(2)))
    assert statuses == [202, 400]


@pytest.mark.rule("pay", "A11", "I1", "I2", "§9")
def test_twenty_refunds_at_once_never_exceed_what_was_taken(world: World) -> None:
    payment_id = world.paid()
    with ThreadPoolExecutor(20) as pool:
        statuses = [answer[0] for answer in pool.map(lambda _: refund(world, payment_id, amount=2000), range(20))]
    assert statuses.count(202) == 7
    assert set(statuses) == {202, 400}
    assert world.read(payment_id)["refund_summary"] == {"status": "available", "amount_available": 500, "amount_submitted": 14000}
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()
