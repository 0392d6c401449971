"""The Idempotency-Key: one effect, whatever the number and the timing of the requests."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from pay.models.payment import payments
from tests.factories.pay import BODY, World


@pytest.mark.rule("pay", "A13", "§5.4", "§25")
def test_a_replay_answers_200_with_the_payment_as_it_is_now(world: World) -> None:
    first = world.post("/v1/payments", BODY, Idempotency_Key="order-42")
    payment_id = first.get_json()["payment_id"]
    world.payer(payment_id)
    again = world.post("/v1/payments", dict(reversed(BODY.items())), Idempotency_Key="order-42")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json()["payment_id"] == payment_id
    assert again.get_json()["state"]["status"] == "started"


@pytest.mark.rule("pay", "A13", "§5.4")
def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    world.post("/v1/payments", BODY, Idempotency_Key="order-42")
    other = world.post("/v1/payments", BODY | {"amount": 1}, Idempotency_Key="order-42")
    assert (other.status_code, other.get_json()) == (
        409,
        {
            "header": "Idempotency-Key",
            "code": "P0191",
            "description": "The `Idempotency-Key` you sent in the request header has already been used to create a payment.",
        },
    )


@pytest.mark.rule("pay", "§5.4")
def test_a_key_belongs_to_its_account(world: World) -> None:
    other = world.add_account()
    made = [world.post("/v1/payments", BODY, till=till, Idempotency_Key="same") for till in (world.till, other)]
    assert [response.status_code for response in made] == [201, 201]


@pytest.mark.rule("pay", "§5.4", "§20")
def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    world.post("/v1/payments", BODY, Idempotency_Key="daily")
    world.pay.clock.advance(seconds=24 * 3600 - 1)
    world.sweep()
    assert world.post("/v1/payments", BODY, Idempotency_Key="daily").status_code == 200
    world.pay.clock.advance(seconds=2)
    world.sweep()
    assert world.post("/v1/payments", BODY, Idempotency_Key="daily").status_code == 201


@pytest.mark.rule("pay", "§5.4")
@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "can have a size between 1 and 255"),
        ("a" * 256, "can have a size between 1 and 255"),
        ("a b", "can only contain alphanumeric characters and hyphens"),
        ("a_b", "can only contain alphanumeric characters and hyphens"),
    ],
)
def test_a_key_of_another_form_is_refused(world: World, key: str, words: str) -> None:
    response = world.post("/v1/payments", BODY, Idempotency_Key=key)
    assert (response.status_code, response.get_json()) == (
        422,
        {"header": "Idempotency-Key", "code": "P0102", "description": f"Header [Idempotency-Key] {words}"},
    )


@pytest.mark.rule("pay", "A13", "I5", "§5.4")
def test_twenty_identical_requests_at_once_make_one_payment(world: World) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: world.post("/v1/payments", BODY, Idempotency_Key="rush"), range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(201) == 1
    assert set(statuses) <= {200, 201, 409}
    assert len({answer.get_json()["payment_id"] for answer in answers if answer.status_code != 409}) == 1
    with world.pay.db.begin() as connection:
        assert connection.execute(select(func.count()).select_from(payments)).scalar_one() == 1


@pytest.mark.rule("pay", "§25", "I5")
def test_a_refund_may_be_repeated_with_its_key(world: World) -> None:
    payment_id = world.paid()
    path = f"/v1/payments/{payment_id}/refunds"
    answers = [world.post(path, {"amount": 14500}, Idempotency_Key="back") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].get_json() == answers[1].get_json()
    assert world.post(path, {"amount": 1}, Idempotency_Key="back").status_code == 409
    assert world.read(payment_id)["refund_summary"]["amount_submitted"] == 14500


@pytest.mark.rule("pay", "§25", "I5")
def test_cancel_and_capture_may_be_repeated_with_their_key(world: World) -> None:
    payment_id = world.create()["payment_id"]
    path = f"/v1/payments/{payment_id}/cancel"
    assert [world.post(path, Idempotency_Key="end").status_code for _ in range(2)] == [204, 204]
    assert world.post(path).status_code == 400
    delayed = world.create(delayed_capture=True)["payment_id"]
    payer = world.payer(delayed)
    payer.enter()
    payer.press("confirm")
    assert [world.post(f"/v1/payments/{delayed}/capture", Idempotency_Key="take").status_code for _ in range(2)] == [204, 204]
