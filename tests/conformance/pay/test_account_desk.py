"""Accounts from the console: opened, switched, and set up at their provider, whose secrets are never shown.  Spec: pay-api.md §23."""

from typing import Any

import pytest
from sqlalchemy import select

from deploy.sandbox.banks import webpay
from pay.models.account import gateway_accounts, get_account
from pay.operations.onboarding import set_credentials
from pay.standards.identifiers import AccountId
from tests.conformance.pay.test_console import ORG, Desk
from tests.factories.banks import CREDENTIALS, Banks, make_banks
from tests.factories.pay import BODY, DECLINED_CARD, World

NEW: dict[str, Any] = {"service_name": "Patentes", "organisation_id": "org-otra", "provider": "webpay", "kind": "test"}


@pytest.fixture
def banks(world: World) -> Banks:
    return make_banks(world)


def open_account(world: World, **changes: Any) -> str:
    olga = Desk(world, "olga", "operator")
    answer = olga.send("/console/open", "/console/open", **NEW | changes)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"]).rpartition("/")[2]


@pytest.mark.rule("pay", "§23")
def test_an_operator_opens_an_account_that_waits_for_its_provider(banks: Banks) -> None:
    account_id = open_account(banks.world)
    with banks.world.pay.db.begin() as connection:
        account = get_account(connection, AccountId(account_id))
    assert (account.service_name, account.organisation_id, account.gateway_ready, account.is_live) == ("Patentes", "org-otra", False, False)
    till = banks.world.add_key(account_id)
    body = {"amount": 5, "reference": "R", "description": "D", "return_url": "https://x.example/"}
    assert banks.world.post("/v1/payments", body, till=till).get_json()["code"] == "P0940"


@pytest.mark.rule("pay", "§23", "pay-design §5")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"service_name": " "}, "service_name"),
        ({"organisation_id": "two words"}, "organisation_id"),
        ({"provider": "cash"}, "provider"),
        ({"provider": "sandbox", "kind": "live"}, "provider"),
    ],
)
def test_an_account_that_cannot_be_is_not_opened(world: World, changes: dict[str, str], field: str) -> None:
    olga = Desk(world, "olga", "operator")
    answer = olga.send("/console/open", "/console/open", **NEW | changes)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.get_data(as_text=True)
    with world.pay.db.begin() as connection:
        assert len(connection.execute(select(gateway_accounts.c.id)).all()) == 1


@pytest.mark.rule("pay", "§23")
@pytest.mark.parametrize("provider", sorted(CREDENTIALS))
def test_credentials_are_kept_when_the_provider_knows_them_and_never_shown(banks: Banks, provider: str) -> None:
    world = banks.world
    account_id = open_account(world, provider=provider, organisation_id=ORG)
    dora, path = Desk(world, "dora"), f"/console/accounts/{account_id}/provider"
    right = CREDENTIALS[provider]
    secret_name = next(name for name in right if "key" in name or "secret" in name)
    wrong = dora.send(path, path, **right | {secret_name: "sk_wrong"})
    assert (wrong.status_code, wrong.get_data(as_text=True).count("sk_wrong")) == (422, 0)
    for typed in ("", "x" * 201, "contraseña", "a\tb"):
        assert dora.send(path, path, **dict.fromkeys(right, typed)).status_code == 422
    banks.wire.deaf = True
    assert dora.send(path, path, **right).status_code == 503
    banks.wire.deaf = False
    kept = dora.send(path, path, **right)
    assert (kept.status_code, 'id="kept"' in kept.get_data(as_text=True)) == (200, True)
    shown = dora.get(path).get_data(as_text=True)
    assert 'id="is-set"' in shown
    assert not [value for value in right.values() if value in shown or value in kept.get_data(as_text=True)]
    till = world.add_key(account_id)
    body = {"amount": 500, "reference": "R", "description": "D", "return_url": "https://x.example/"}
    assert world.post("/v1/payments", body, till=till).status_code == 201


@pytest.mark.rule("pay", "§23", "I9")
def test_who_may_set_up_what(banks: Banks) -> None:
    world = banks.world
    account_id = open_account(world, organisation_id=ORG)
    base = f"/console/accounts/{account_id}"
    for who, provider, features in (("ana", 200, 403), ("dora", 200, 403), ("eva", 403, 403), ("iris", 403, 403)):
        desk = Desk(world, who)
        assert (desk.get(f"{base}/provider").status_code, desk.get(f"{base}/features").status_code) == (provider, features), who
        assert desk.get("/console/open").status_code == 403
    assert Desk(world, "zoe", "org-ajena:owner").get(f"{base}/provider").status_code == 404
    assert Desk(world, "ana").get(f"/console/accounts/{world.till.account_id}/provider").status_code == 404, "the sandbox wants none"


@pytest.mark.rule("pay", "§23", "PA-9")
def test_an_operator_says_what_an_account_may_do(world: World) -> None:
    olga, path = Desk(world, "olga", "operator"), f"/console/accounts/{world.till.account_id}/features"
    assert olga.send(path, path, features=["allow_payouts", "allow_transfer", "is_live"]).status_code == 303
    with world.pay.db.begin() as connection:
        account = get_account(connection, AccountId(world.till.account_id))
    assert (account.allow_payouts, account.allow_transfer, account.allow_recurring, account.payer_emails) == (True, True, False, False)
    assert not account.is_live
    checked = {box["value"] for box in olga.page(path).select("input[type=checkbox][checked]")}
    assert checked == {"allow_payouts", "allow_transfer"}


TERMS = {
    "max_amount": "250.000",
    "attempts_max": "3",
    "posts_per_second": "40",
    "others_per_second": "100",
    "email_collection": "OPTIONAL",
    "language": "es",
}


@pytest.mark.rule("pay", "§20", "§21", "§23", "§25")
def test_an_operator_sets_the_terms_and_they_hold_from_the_next_payment(world: World) -> None:
    olga, path = Desk(world, "olga", "operator"), f"/console/accounts/{world.till.account_id}/terms"
    for name, wrong in (
        *(("max_amount", typed) for typed in ("", "0", "-1", "x", "9" * 30)),
        *(("attempts_max", typed) for typed in ("", "0", "21", "1.5", "²")),
        ("posts_per_second", "10001"),
        ("others_per_second", "99999999"),
        ("email_collection", "ALWAYS"),
        ("language", "cy"),
    ):
        refused = olga.send(path, path, **TERMS | {name: wrong})
        assert (refused.status_code, f'href="#{name}' in refused.get_data(as_text=True)) == (422, True), (name, wrong)
    assert olga.send(path, path, **TERMS).status_code == 303
    shown = olga.page(path)
    assert shown.select_one("#max_amount")["value"] == "250000"  # type: ignore[index]  # it is there
    assert {box["value"] for box in shown.select("input[type=radio][checked]")} == {"OPTIONAL", "es"}
    payment_id = world.create(amount=250_000)["payment_id"]
    payer = world.payer(payment_id)
    payer.enter(DECLINED_CARD, email="")
    assert world.status(payment_id) == "started", "the payer may try again"
    too_much = world.post("/v1/payments", BODY | {"amount": 250_001}).get_json()
    assert (too_much["code"], too_much["description"].endswith("250000")) == ("P0102", True)
    assert [Desk(world, "ana").get(path).status_code, Desk(world, "ana").send(path, "/receipt", **TERMS).status_code] == [403, 403]


@pytest.mark.rule("pay", "§23", "§3")
def test_an_operator_stops_an_account_and_lets_it_go_on(world: World) -> None:
    paid, base = world.paid(), f"/console/accounts/{world.till.account_id}"
    olga, ana = Desk(world, "olga", "operator"), Desk(world, "ana")
    assert ana.send(f"{base}/stop", "/receipt", reason="x").status_code == 403
    assert ana.send(f"{base}/resume", "/receipt").status_code == 403
    assert olga.send(f"{base}/stop", f"{base}/stop", reason=" ").status_code == 422
    assert olga.send(f"{base}/stop", f"{base}/stop", reason="Sin convenio vigente").status_code == 303
    assert "Sin convenio vigente" in ana.page(base).get_text()
    for path, body in (("/v1/payments", BODY), (f"/v1/payments/{paid}/refunds", {"amount": 1})):
        refused = world.post(path, body)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "P0941")
    assert world.read(paid)["state"]["status"] == "success"
    assert olga.send(f"{base}/resume", f"{base}/stop").status_code == 303
    assert world.post(f"/v1/payments/{paid}/refunds", {"amount": 1}).status_code == 202


@pytest.mark.rule("pay", "§23", "pay-design §7.1")
def test_an_office_names_the_bodies_of_its_mall(banks: Banks) -> None:
    world = banks.world
    account_id = open_account(world, organisation_id=ORG)
    dora, path = Desk(world, "dora"), f"/console/accounts/{account_id}/mall"
    lines = "org-a 597055555536\r\norg-b = 597055555537\r\n"
    assert dora.send(path, path, children=lines).status_code == 409, "its provider is not set up"
    set_credentials(world.pay, AccountId(account_id), {"commerce_code": webpay.MALL, "secret": webpay.SECRET}, actor="tests")
    for wrong in (
        "org-a",
        "org-a 59705555553",
        "org-a 597055555536\norg-a 597055555537",
        "a 597055555536\nb 597055555536",
        "x:y 597055555536",
    ):
        assert dora.send(path, path, children=wrong).status_code == 422, wrong
    assert dora.send(path, path, children=lines).status_code == 303
    assert dora.page(path).select_one("#children").get_text().split() == ["org-a", "597055555536", "org-b", "597055555537"]  # type: ignore[union-attr]
    world.till = world.add_key(account_id)
    shares = [{"beneficiary": "org-a", "amount": 10000}, {"beneficiary": "org-b", "amount": 4500}]
    token = banks.leave(world.payer(world.create(allocations=shares)["payment_id"]))
    assert [detail.commerce_code for detail in banks.webpay.transactions[token].details] == ["597055555536", "597055555537"]
    assert Desk(world, "eva").get(path).status_code == 403
    assert Desk(world, "dora").get(f"/console/accounts/{world.add_account().account_id}/mall").status_code == 404, "the sandbox has none"
