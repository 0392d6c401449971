"""From create to refund over HTTP, as the acceptance list of the contract asks."""

import re

import pytest

from tests.factories.pay import BODY, DECLINED_CARD, ERROR_CARD, EXPIRED_CARD, GOOD_CARD, WRONG_CVC_CARD, World

ALWAYS = {
    "payment_id",
    "amount",
    "currency",
    "description",
    "reference",
    "language",
    "state",
    "payment_provider",
    "created_date",
    "refund_summary",
    "settlement_summary",
    "delayed_capture",
    "moto",
    "return_url",
    "authorisation_mode",
    "_links",
}


@pytest.mark.rule("pay", "A2", "§5.5", "§6")
def test_create_answers_with_every_member_that_is_always_there(world: World) -> None:
    response = world.post("/v1/payments", BODY)
    body = response.get_json()
    assert response.status_code == 201
    assert set(body) == ALWAYS
    assert re.fullmatch("[0-9a-v]{26}", body["payment_id"])
    assert response.headers["Location"] == f"http://localhost/v1/payments/{body['payment_id']}" == body["_links"]["self"]["href"]
    assert (response.headers["Pragma"], response.headers["Cache-Control"]) == ("no-cache", "no-store")
    assert body["state"] == {"status": "created", "finished": False}
    assert body["refund_summary"] == {"status": "pending", "amount_available": 14500, "amount_submitted": 0}
    assert body["created_date"] == "2026-06-08T16:00:00.000Z"
    assert set(body["_links"]) == {"self", "next_url", "next_url_post", "events", "refunds", "cancel"}
    token = body["_links"]["next_url_post"]["params"]["chargeTokenId"]
    assert body["_links"]["next_url"] == {"href": f"http://localhost/secure/{token}", "method": "GET"}
    assert body["_links"]["next_url_post"] == {
        "type": "application/x-www-form-urlencoded",
        "params": {"chargeTokenId": token},
        "href": "http://localhost/secure",
        "method": "POST",
    }


@pytest.mark.rule("pay", "A6", "§7", "§8", "§16", "§24.18")
def test_a_good_card_is_confirmed_and_the_payment_succeeds_at_once(world: World) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    assert world.status(payment_id) == "started"
    payer.enter(GOOD_CARD)
    assert payer.path.endswith("/confirm")
    assert world.status(payment_id) == "submitted"
    payer.press("confirm")
    assert payer.page.headers["Location"] == BODY["return_url"]
    assert world.status(payment_id) == "success"
    events = world.get(f"/v1/payments/{payment_id}/events").get_json()
    assert [event["state"]["status"] for event in events["events"]] == ["created", "started", "submitted", "success"]
    assert events["payment_id"] == payment_id
    assert events["_links"] == {"self": {"href": f"http://localhost/v1/payments/{payment_id}/events", "method": "GET"}}
    assert set(events["events"][0]) == {"payment_id", "state", "updated", "_links"}


@pytest.mark.rule("pay", "§6", "§18")
def test_a_captured_payment_shows_the_card_and_when_the_money_moved(world: World) -> None:
    body = world.read(world.paid())
    assert body["settlement_summary"] == {"capture_submit_time": "2026-06-08T16:00:00.000Z", "captured_date": "2026-06-08"}
    assert body["refund_summary"] == {"status": "available", "amount_available": 14500, "amount_submitted": 0}
    assert body["card_details"] == {
        "last_digits_card_number": "4242",
        "first_digits_card_number": "424242",
        "cardholder_name": "José Ñancupil",
        "expiry_date": "11/29",
        "billing_address": {"line1": "Los Aromos 12", "postcode": "2430000", "city": "Quilpalín", "country": "CL"},
        "card_brand": "Visa",
        "card_type": "credit",
        "wallet_type": None,
    }
    assert (body["card_brand"], body["email"]) == ("Visa", "jose@example.cl")
    assert body["provider_id"]
    assert set(body["_links"]) == {"self", "events", "refunds"}


@pytest.mark.rule("pay", "A7", "§18", "§7")
@pytest.mark.parametrize(
    ("card", "status", "code", "message"),
    [
        (DECLINED_CARD, "failed", "P0010", "Payment method rejected"),
        (EXPIRED_CARD, "failed", "P0010", "Payment method rejected"),
        (WRONG_CVC_CARD, "failed", "P0010", "Payment method rejected"),
        (ERROR_CARD, "error", "P0050", "Payment provider returned an error"),
        ("4012888888881881", "error", "P0050", "Payment provider returned an error"),
    ],
)
def test_each_decline_number_ends_as_the_contract_says(world: World, card: str, status: str, code: str, message: str) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter(card)
    assert f'data-code="{code}"' in payer.html
    assert f'href="/return/{payment_id}"' in payer.html
    body = world.read(payment_id)
    assert body["state"] == {"status": status, "finished": True, "code": code, "message": message}
    assert set(body["_links"]) == {"self", "events", "refunds"}
    assert body["refund_summary"]["status"] == "unavailable"
    found = world.get("/v1/payments").get_json()["results"][0]
    assert found["_links"]["cancel"] is None
    assert found["_links"]["capture"] is None


@pytest.mark.rule("pay", "A9", "§8", "§24.10")
def test_the_payer_cancels_and_the_payment_has_failed(world: World) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.press("cancel")
    assert 'data-code="P0030"' in payer.html
    assert world.read(payment_id)["state"]["status"] == "failed"
    assert world.status(payment_id) == "P0030"


@pytest.mark.rule("pay", "A9", "§8")
def test_the_service_cancels_from_each_open_state(world: World) -> None:
    created, started, submitted = (world.create()["payment_id"] for _ in range(3))
    world.payer(started)
    world.payer(submitted).enter()
    for payment_id in (created, started, submitted):
        response = world.client().post(f"/v1/payments/{payment_id}/cancel", headers=world.till.headers, content_type="application/json")
        assert (response.status_code, response.data) == (204, b"")
        assert world.read(payment_id)["state"] == {
            "status": "cancelled",
            "finished": True,
            "code": "P0040",
            "message": "Payment was cancelled by the service",
        }


@pytest.mark.rule("pay", "A9", "§8")
def test_a_finished_payment_is_not_cancelled(world: World) -> None:
    for payment_id in (world.paid(), world.paid(DECLINED_CARD)):
        response = world.post(f"/v1/payments/{payment_id}/cancel")
        assert (response.status_code, response.get_json()["code"]) == (400, "P0501")


@pytest.mark.rule("pay", "A10", "§8")
def test_delayed_capture_waits_for_the_service_and_may_be_repeated(world: World) -> None:
    payment_id = world.create(delayed_capture=True)["payment_id"]
    assert world.post(f"/v1/payments/{payment_id}/capture").get_json() == {"code": "P1003", "description": "Payment cannot be captured"}
    payer = world.payer(payment_id)
    payer.enter()
    payer.press("confirm")
    assert payer.page.headers["Location"] == BODY["return_url"]
    body = world.read(payment_id)
    assert body["state"]["status"] == "capturable"
    assert body["refund_summary"]["status"] == "unavailable"
    assert {"capture", "cancel"} <= set(body["_links"])
    assert "next_url" not in body["_links"]
    assert [world.post(f"/v1/payments/{payment_id}/capture").status_code for _ in range(2)] == [204, 204]
    world.run_jobs()
    assert world.post(f"/v1/payments/{payment_id}/capture").status_code == 204
    assert world.read(payment_id)["settlement_summary"]["captured_date"] == "2026-06-08"
    assert world.post(f"/v1/payments/{world.paid()}/capture").status_code == 409


@pytest.mark.rule("pay", "§8", "§9")
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "", "P0200"),
        ("GET", "/events", "P0300"),
        ("POST", "/cancel", "P0500"),
        ("POST", "/capture", "P1000"),
        ("POST", "/refunds", "P0600"),
        ("GET", "/refunds", "P0800"),
        ("GET", "/refunds/0123456789abcdefghijklmnop", "P0700"),
    ],
)
@pytest.mark.parametrize("unknown", ["0123456789abcdefghijklmnop", "nonsense", "%00"])
def test_an_unknown_payment_is_not_found(world: World, method: str, path: str, code: str, unknown: str) -> None:
    body = {"amount": 1} if path == "/refunds" and method == "POST" else None
    response = world.client().open(f"/v1/payments/{unknown}{path}", method=method, json=body, headers=world.till.headers)
    assert (response.status_code, response.get_json()) == (404, {"code": code, "description": "Not found"})


@pytest.mark.rule("pay", "A18", "§20", "I12")
def test_after_ninety_minutes_open_payments_expire_and_authorisations_are_voided(world: World) -> None:
    created, started, submitted = (world.create()["payment_id"] for _ in range(3))
    world.payer(started)
    world.payer(submitted).enter()
    world.pay.clock.advance(seconds=90 * 60 - 1)
    world.sweep()
    assert [world.status(payment_id) for payment_id in (created, started, submitted)] == ["created", "started", "submitted"]
    world.pay.clock.advance(seconds=1)
    world.sweep()
    for payment_id in (created, started, submitted):
        assert world.read(payment_id)["state"] == {"status": "failed", "finished": True, "code": "P0020", "message": "Payment expired"}
    assert [action.value for action, _ in world.gateway.calls] == ["authorise", "void"]


@pytest.mark.rule("pay", "A10", "§8", "§20", "I12")
def test_a_delayed_payment_expires_after_120_hours(world: World) -> None:
    payment_id = world.create(delayed_capture=True)["payment_id"]
    payer = world.payer(payment_id)
    payer.enter()
    payer.press("confirm")
    world.pay.clock.advance(seconds=120 * 3600 - 1)
    world.sweep()
    assert world.status(payment_id) == "capturable"
    world.pay.clock.advance(seconds=1)
    world.sweep()
    assert world.status(payment_id) == "P0020"


@pytest.mark.rule("pay", "§1")
def test_a_trailing_slash_is_tolerated(world: World) -> None:
    payment_id = world.create()["payment_id"]
    assert world.get(f"/v1/payments/{payment_id}/").status_code == 200
    assert world.post("/v1/payments/", BODY).status_code == 201


@pytest.mark.rule("pay", "§1", "§24.14")
def test_unknown_members_are_ignored(world: World) -> None:
    made = world.create(expires_at="2026-06-30", surprise={"a": [1]})
    assert not {"expires_at", "surprise"} & set(made)
