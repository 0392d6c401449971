"""Accounts from the console: opened, switched, and set up at their provider, whose secrets are never shown.  Spec: pay-api.md §23."""

from typing import Any

import pytest
from sqlalchemy import select

from pay.models.account import gateway_accounts, get_account
from pay.standards.identifiers import AccountId
from tests.conformance.pay.test_console import ORG, Desk
from tests.factories.banks import CREDENTIALS, Banks, make_banks
from tests.factories.pay import World

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
