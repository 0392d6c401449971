"""Agreements and recurring payments."""

from typing import Any

import pytest

from tests.factories.pay import BODY, World

AGREEMENT = {"reference": "Cuota club", "description": "Cuota mensual", "user_identifier": "socio-7"}
REFUSES_LATER = "5105105105105100"


@pytest.fixture
def world(world: World) -> World:
    world.change_account(allow_recurring=True)
    return world


def create(world: World, **changes: Any) -> dict[str, Any]:
    response = world.post("/v1/agreements", AGREEMENT | changes)
    assert response.status_code == 201, response.get_data(as_text=True)
    return response.get_json()


def activate(world: World, agreement_id: str, card: str = "4242424242424242") -> str:
    return world.paid(card, set_up_agreement=agreement_id)


def charge(world: World, agreement_id: str, **changes: Any) -> dict[str, Any]:
    body = {"amount": 900, "reference": "nov", "description": "Cuota", "authorisation_mode": "agreement", "agreement_id": agreement_id}
    response = world.post("/v1/payments", body | changes)
    assert response.status_code == 201, response.get_data(as_text=True)
    return response.get_json()


@pytest.mark.rule("pay", "A14", "§12", "§5.5")
def test_an_agreement_is_set_up_by_paying_and_charged_later_without_the_payer(world: World) -> None:
    made = create(world)
    assert set(made) == {"agreement_id", "reference", "description", "status", "created_date", "user_identifier"}
    assert made["status"] == "created"
    first = activate(world, made["agreement_id"])
    assert world.read(first)["agreement_id"] == made["agreement_id"]
    read = world.get(f"/v1/agreements/{made['agreement_id']}").get_json()
    assert read["status"] == "active"
    assert read["payment_instrument"]["card_details"] == {
        "last_digits_card_number": "4242",
        "first_digits_card_number": "424242",
        "cardholder_name": "José Ñancupil",
        "expiry_date": "11/29",
        "billing_address": {"line1": "Los Aromos 12", "postcode": "2430000", "city": "Quilpalín", "country": "CL"},
        "card_brand": "Visa",
        "card_type": "credit",
    }
    second = charge(world, made["agreement_id"], agreement_payment_type="recurring")
    assert second["state"]["status"] == "started"
    assert set(second["_links"]) == {"self", "events", "refunds"}, "no page to open and nothing to cancel"
    world.run_jobs()
    paid = world.read(second["payment_id"])
    assert (paid["state"]["status"], paid["agreement_payment_type"]) == ("success", "recurring")
    assert paid["settlement_summary"]["captured_date"]
    assert paid["card_details"]["last_digits_card_number"] == "4242"


@pytest.mark.rule("pay", "A14", "§12", "§7", "§18")
def test_a_final_rejection_makes_the_agreement_inactive_and_paying_again_revives_it(world: World) -> None:
    agreement_id = create(world)["agreement_id"]
    activate(world, agreement_id, REFUSES_LATER)
    rejected = charge(world, agreement_id)["payment_id"]
    world.run_jobs()
    assert world.read(rejected)["state"] == {
        "status": "failed",
        "finished": True,
        "code": "P0010",
        "message": "Payment method rejected",
        "can_retry": False,
    }
    assert world.get(f"/v1/agreements/{agreement_id}").get_json()["status"] == "inactive"
    body = BODY | {"authorisation_mode": "agreement", "agreement_id": agreement_id}
    del body["return_url"]
    refused = world.post("/v1/payments", body)
    assert (refused.status_code, refused.get_json()["description"]) == (
        400,
        "Invalid attribute value: agreement_id. Agreement must be active",
    )
    activate(world, agreement_id)
    assert world.get(f"/v1/agreements/{agreement_id}").get_json()["status"] == "active"


@pytest.mark.rule("pay", "§12")
def test_only_an_active_agreement_is_cancelled_and_its_card_is_forgotten(world: World) -> None:
    agreement_id = create(world)["agreement_id"]
    refused = world.post(f"/v1/agreements/{agreement_id}/cancel")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "P2501")
    activate(world, agreement_id)
    waiting = charge(world, agreement_id)["payment_id"]
    assert [world.post(f"/v1/agreements/{agreement_id}/cancel", Idempotency_Key="end").status_code for _ in range(2)] == [204, 204]
    read = world.get(f"/v1/agreements/{agreement_id}").get_json()
    assert (read["status"], "payment_instrument" in read) == ("cancelled", False)
    assert read["cancelled_date"]
    world.run_jobs()
    assert world.read(waiting)["state"]["can_retry"] is False, "what waited is not charged to an agreement that has ended"


@pytest.mark.rule("pay", "§12")
@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"reference": None}, 400, "P2101", "reference"),
        ({"description": " "}, 400, "P2101", "description"),
        ({"reference": 7}, 400, "P2102", "reference"),
        ({"user_identifier": "a|b"}, 400, "P2102", "user_identifier"),
        ({"description": "x" * 256}, 422, "P0102", "description"),
    ],
)
def test_what_is_not_right_is_refused(world: World, changes: dict[str, Any], status: int, code: str, field: str) -> None:
    response = world.post("/v1/agreements", AGREEMENT | changes)
    body = response.get_json()
    assert (response.status_code, body["code"], body["field"]) == (status, code, field)


@pytest.mark.rule("pay", "§12", "§5.3")
def test_an_account_without_recurring_payments_makes_none(world: World) -> None:
    agreement_id = create(world)["agreement_id"]
    world.change_account(allow_recurring=False)
    assert world.post("/v1/agreements", AGREEMENT).get_json()["code"] == "P0942"
    answer = world.post("/v1/payments", BODY | {"set_up_agreement": agreement_id})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "P0942")


@pytest.mark.rule("pay", "§12", "A17")
def test_agreements_are_found_by_reference_and_status_and_by_nobody_else(world: World) -> None:
    one, other = create(world), create(world, reference="otra")
    activate(world, other["agreement_id"])

    def found(query: str) -> list[str]:
        return [each["agreement_id"] for each in world.get(f"/v1/agreements?{query}").get_json()["results"]]

    assert found("reference=CUOTA CLUB") == [one["agreement_id"]]
    assert found("status=active") == [other["agreement_id"]]
    assert world.get("/v1/agreements?colour=red").status_code == 400
    assert world.get("/v1/agreements?status=red").get_json()["code"] == "P2401"
    assert world.get("/v1/agreements?page=2").get_json()["code"] == "P2402"
    stranger = world.add_account(allow_recurring=True)
    assert world.get("/v1/agreements", till=stranger).get_json()["total"] == 0
    path = f"/v1/agreements/{other['agreement_id']}"
    assert [world.get(path, till=stranger).status_code, world.post(path + "/cancel", till=stranger).status_code] == [404, 404]
    body = {"amount": 9, "reference": "x", "description": "x", "authorisation_mode": "agreement", "agreement_id": other["agreement_id"]}
    assert world.post("/v1/payments", body, till=stranger).get_json()["code"] == "P0102"


@pytest.mark.rule("pay", "§5.4", "§25")
def test_an_agreement_is_made_once_for_a_key(world: World) -> None:
    answers = [world.post("/v1/agreements", AGREEMENT, Idempotency_Key="same") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert len({answer.get_json()["agreement_id"] for answer in answers}) == 1
    assert world.post("/v1/agreements", AGREEMENT | {"reference": "x"}, Idempotency_Key="same").status_code == 409
