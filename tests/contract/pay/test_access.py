"""Every route of pay has its rule, and the rule holds."""

import re

import pytest

from tests.factories.pay import World

ID = "0123456789abcdefghijklmnop"
API = {
    "payments.create",
    "payments.search",
    "payments.get",
    "payments.events",
    "payments.cancel",
    "payments.capture",
    "refunds.create",
    "refunds.list_all",
    "refunds.get",
    "receipts.get",
    "receipts.get_file",
    "notices.issue",
    "notices.get",
    "notices.show_slip",
    "notices.cancel",
    "notices.mark_paid_elsewhere",
    "notices.set_amount_hook",
    "notices.issue_batch",
    "notices.show_batch",
    "refund_search.search",
    "agreements.create",
    "agreements.search",
    "agreements.get",
    "agreements.cancel",
    "disputes.search",
    "telephone.notify",
    "payouts.order",
    "payouts.search",
    "payouts.get",
    "payouts.events",
    "payouts.cancel",
    "fees.add",
    "fees.list_all",
}
PAYER = {
    "pages.show_card_page",
    "pages.send_card",
    "pages.wait",
    "pages.show_confirm_page",
    "pages.confirm",
    "pages.cancel",
    "pages.show_end",
    "pages.show_paid",
    "methods.ask",
    "methods.choose",
    "methods.show_cash",
    "methods.show_transfer",
    "methods.show_slip",
    "receipts.show_file",
    "pages.go_back",
    "provider_pages.leave",
    "pages.pay_nothing",
}
OPEN = {"pages.open_link", "pages.open_form", "start.show", "start.check_health", "start.lead_to_security", "telephone.authorise"}
PROVIDERS = {"provider_pages.come_back", "provider_pages.take_notification"}
NOTICE_PAGES = {
    "receipts.ask_code",
    "receipts.send_code",
    "receipts.show",
    "receipts.show_public_file",
    "receipts.show_certificates",
    "receipts.check",
    "notice_pages.ask_number",
    "notice_pages.send_number",
    "notice_pages.show",
    "notice_pages.go_on",
}


def addresses(world: World, endpoints: set[str]) -> list[tuple[str, str]]:
    found = []
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint in endpoints:
            path = re.sub("<[^>]+>", ID, rule.rule)
            found += [(method, path) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


@pytest.fixture(scope="module")
def world(standing_world: World) -> World:
    return standing_world


def test_no_route_is_forgotten_here(world: World) -> None:
    rooms = {"payments", "refunds", "refund_search", "agreements", "disputes", "telephone", "payouts", "fees"}
    rooms |= {"notices", "notice_pages", "receipts", "methods", "provider_pages", "pages", "start"}
    own = {rule.endpoint for rule in world.app.url_map.iter_rules() if rule.endpoint.split(".")[0] in rooms}
    assert own == API | PAYER | OPEN | PROVIDERS | NOTICE_PAGES


@pytest.mark.rule("pay", "§2")
def test_the_api_is_for_holders_of_a_key(world: World) -> None:
    for method, path in addresses(world, API):
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Bearer " + "a" * 67}):
            response = world.client().open(path, method=method, headers=headers, json={})
            assert response.status_code == 401, (method, path)
            assert response.get_json() == {"description": "Credentials are required to access this resource"}


@pytest.mark.rule("pay", "§16")
def test_the_pages_of_a_payment_are_for_its_payer(world: World) -> None:
    for method, path in addresses(world, PAYER):
        client = world.client()
        client.set_cookie(f"payer_{ID}", "guessed")
        assert client.open(path, method=method).status_code == 403, (method, path)


@pytest.mark.rule("pay", "§16")
def test_a_link_is_its_own_proof(world: World) -> None:
    assert world.client().get("/").status_code == 200
    assert world.client().get("/secure/guessed").status_code == 404
    assert world.client().post("/secure", data={"chargeTokenId": "guessed"}).status_code == 404
    assert world.client().post("/secure").status_code == 404
    card = {"card_number": "4242424242424242", "cvc": "123", "expiry_date": "11/29", "cardholder_name": "José"}
    refused = world.client().post("/v1/auth", json=card | {"one_time_token": "guessed"})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "P1211")


@pytest.mark.rule("pay", "§3")
def test_every_refusal_has_the_shape_of_the_contract(world: World) -> None:
    answers = [
        world.get("/v1/nowhere"),
        world.client().delete("/v1/payments", headers=world.till.headers),
        world.get(f"/v1/payments/{ID}"),
        world.post("/v1/payments", {}),
        world.get("/v1/payments?state=x"),
        world.client().post("/v1/payments", data=b"x" * 2_000_000, headers=world.till.headers),
    ]
    assert [answer.status_code for answer in answers] == [404, 405, 404, 400, 422, 413]
    for answer in answers:
        body = answer.get_json()
        assert set(body) <= {"field", "header", "code", "description"}
        assert body["description"]


@pytest.mark.rule("pay", "§3")
def test_a_fault_of_ours_has_the_endpoints_code_and_no_text(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from pay.operations import payments

    def fail(*_args: object) -> None:
        raise RuntimeError("secret text")

    monkeypatch.setattr(payments, "require_payment", fail)
    monkeypatch.setattr(payments, "get_payment", fail)
    for path, code in (("", "P0298"), ("/events", "P0398")):
        response = world.get(f"/v1/payments/{ID}{path}")
        assert (response.status_code, response.get_json()) == (500, {"code": code, "description": "Downstream system error"})


@pytest.mark.rule("pay", "§24.19", "pay-design §7.2")
def test_a_provider_proves_what_it_says_and_a_payer_comes_back_by_a_secret_address(world: World) -> None:
    for method in ("GET", "POST"):
        assert world.client().open("/providers/webpay/return/guessed", method=method).status_code == 403
    assert world.client().post("/v1/api/notifications/nobody", json={}).status_code == 403
    assert world.client().post("/v1/api/notifications/khipu", json={"payment_id": "guessed"}).status_code == 200
