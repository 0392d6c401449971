"""Payments over the telephone: authorised by API in the sandbox, or reported by the service that took them."""

from typing import Any

import pytest

from tests.factories.pay import BODY, GOOD_CARD, World

CARD = {"card_number": GOOD_CARD, "cvc": "123", "expiry_date": "11/29", "cardholder_name": "José Ñancupil"}
REPORT: dict[str, Any] = {
    "amount": 14500,
    "reference": "TEL-1",
    "description": "Multa",
    "processor_id": "ivr-9",
    "provider_id": "ivr-payment-1",
    "payment_outcome": {"status": "success"},
    "card_type": "visa",
    "first_six_digits": "424242",
    "last_four_digits": "4242",
    "card_expiry": "11/29",
    "name_on_card": "José Ñancupil",
    "telephone_number": "+56221234567",
}


@pytest.fixture
def world(world: World) -> World:
    world.change_account(allow_moto=True, allow_moto_api=True, allow_telephone=True)
    return world


def moto(world: World, **changes: Any) -> tuple[str, str]:
    body = {name: value for name, value in BODY.items() if name != "return_url"} | {"authorisation_mode": "moto_api"} | changes
    response = world.post("/v1/payments", body)
    assert response.status_code == 201, response.get_data(as_text=True)
    made = response.get_json()
    assert "next_url" not in made["_links"]
    link = made["_links"]["auth_url_post"]
    assert (link["method"], link["type"], link["href"]) == ("POST", "application/json", "http://localhost/v1/auth")
    return made["payment_id"], link["params"]["one_time_token"]


def authorise(world: World, token: str, **changes: Any) -> tuple[int, dict[str, Any] | None]:
    response = world.client().post("/v1/auth", json=CARD | {"one_time_token": token} | changes)
    return response.status_code, response.get_json(silent=True)


@pytest.mark.rule("pay", "§13", "§6")
def test_a_card_said_on_the_telephone_is_charged_at_once(world: World) -> None:
    payment_id, token = moto(world)
    assert authorise(world, token) == (204, None)
    assert world.status(payment_id) == "success"
    assert authorise(world, token)[1] == {"code": "P1212", "description": "The one_time_token has already been used"}
    world.run_jobs()
    read = world.read(payment_id)
    assert read["settlement_summary"]["captured_date"]
    assert read["card_details"]["cardholder_name"] == "José Ñancupil"
    events = [event["state"]["status"] for event in world.get(f"/v1/payments/{payment_id}/events").get_json()["events"]]
    assert events == ["created", "started", "submitted", "success"]


@pytest.mark.rule("pay", "§13", "§8")
def test_with_delayed_capture_the_service_captures(world: World) -> None:
    payment_id, token = moto(world, delayed_capture=True)
    assert authorise(world, token)[0] == 204
    assert world.status(payment_id) == "capturable"
    assert world.post(f"/v1/payments/{payment_id}/capture").status_code == 204


@pytest.mark.rule("pay", "§13", "§3", "§18")
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"cvc": None}, 422, "P0101"),
        ({"cardholder_name": " "}, 422, "P0101"),
        ({"cvc": 123}, 422, "P0102"),
        ({"cvc": "12"}, 422, "P0102"),
        ({"card_number": "42"}, 422, "P0102"),
        ({"expiry_date": "13/29"}, 422, "P0102"),
        ({"one_time_token": "nonsense"}, 400, "P1211"),
        ({"card_number": "4242424242424241"}, 402, "P0010"),
        ({"card_number": "6759649826438453"}, 402, "P0010"),
        ({"card_number": "4000000000000002"}, 402, "P0010"),
        ({"card_number": "4000000000000119"}, 500, "P0050"),
    ],
)
def test_each_outcome_has_its_answer(world: World, changes: dict[str, Any], status: int, code: str) -> None:
    payment_id, token = moto(world)
    answered, body = authorise(world, token, **changes)
    assert body is not None
    assert (answered, body["code"]) == (status, code)
    assert not any(str(value) in body["description"] for value in CARD.values())
    if status == 402:
        assert world.status(payment_id) == "P0010"


@pytest.mark.rule("pay", "§13", "§6")
def test_the_token_opens_no_page_and_a_new_one_is_had_by_reading(world: World) -> None:
    payment_id, token = moto(world)
    assert world.client().get(f"/secure/{token}").status_code == 404
    again = world.read(payment_id)["_links"]["auth_url_post"]["params"]["one_time_token"]
    assert again != token
    assert authorise(world, again)[0] == 204
    page_token = world.create()["_links"]["next_url_post"]["params"]["chargeTokenId"]
    assert authorise(world, page_token)[0] == 400


@pytest.mark.rule("pay", "§13", "pay-design §5")
def test_prepaid_cards_are_refused_where_the_account_says_so(world: World) -> None:
    world.change_account(block_prepaid=True)
    _, token = moto(world)
    assert authorise(world, token, card_number="4000160000000004")[0] == 402


@pytest.mark.rule("pay", "§14")
def test_a_report_is_a_payment_once(world: World) -> None:
    first, again = (world.post("/v1/payment_notification", REPORT) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    body = first.get_json()
    assert body["payment_id"] == again.get_json()["payment_id"]
    assert (body["authorisation_mode"], body["state"]["status"], body["provider_id"]) == ("external", "success", "ivr-payment-1")
    assert body["refund_summary"]["status"] == "unavailable"
    assert "feedback_url" not in world.get(f"/v1/payments/{body['payment_id']}/receipt").get_json(), "no payer was on our pages"
    refused = world.post(f"/v1/payments/{body['payment_id']}/refunds", {"amount": 1})
    assert refused.get_json()["code"] == "P0603"


@pytest.mark.rule("pay", "§14", "§7")
@pytest.mark.parametrize("code", ["P0010", "P0050"])
def test_a_failure_is_reported_with_its_code(world: World, code: str) -> None:
    made = world.post("/v1/payment_notification", REPORT | {"payment_outcome": {"status": "failed", "code": code}})
    assert (made.status_code, made.get_json()["state"]["code"]) == (201, code)


@pytest.mark.rule("pay", "§14")
@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"amount": None}, 400, "amount"),
        ({"amount": 0}, 422, "amount"),
        ({"provider_id": None}, 400, "provider_id"),
        ({"payment_outcome": None}, 400, "payment_outcome"),
        ({"payment_outcome": {"status": "failed"}}, 422, "payment_outcome"),
        ({"payment_outcome": {"status": "success", "code": "P0010"}}, 422, "payment_outcome"),
        ({"card_type": "gold"}, 422, "card_type"),
        ({"card_expiry": "1129"}, 422, "card_expiry"),
        ({"last_four_digits": "42"}, 422, "last_four_digits"),
        ({"telephone_number": 7}, 400, "telephone_number"),
    ],
)
def test_a_report_that_is_not_right_is_refused(world: World, changes: dict[str, Any], status: int, field: str) -> None:
    response = world.post("/v1/payment_notification", REPORT | changes)
    assert (response.status_code, response.get_json()["field"]) == (status, field)


@pytest.mark.rule("pay", "§14", "§3")
def test_reports_are_for_accounts_that_may(world: World) -> None:
    world.change_account(allow_telephone=False)
    refused = world.post("/v1/payment_notification", REPORT)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "P0930")
