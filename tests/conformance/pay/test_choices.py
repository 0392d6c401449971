"""One payment, many ways: card, counter, with an agent's help.  Spec: PA-2, PA-8, CH-1, CH-2; pay-api.md §25."""

import io
import re

import pypdf
import pytest

from tests.conformance.pay.test_console import Desk
from tests.conformance.pay.test_counters import Counter, agree
from tests.conformance.pay.test_notices import DAY, issue, look
from tests.factories.pay import Browser, World


def choose(payer: Browser, payment_id: str, method: str) -> None:
    payer.page = payer.client.get(f"/card_details/{payment_id}/methods?lang=en")
    payer.send(f"/card_details/{payment_id}/methods", {"method": method} if method else {})


@pytest.mark.rule("pay", "PA-8", "CH-2", "§25")
def test_a_payer_chooses_a_counter_and_pays_there_two_days_later(world: World) -> None:
    issue(world)  # the account issues notices, so it offers counters
    made = world.create()
    payer = world.payer(made["payment_id"])
    assert 'id="other-methods"' in payer.html
    choose(payer, made["payment_id"], "cash")
    number = re.sub(r"\D", "", str(re.search(r'id="notice-number">([^<]+)<', payer.html).group(1)))  # type: ignore[union-attr]  # it is there
    assert int(number) % 97 == 1
    slip = payer.client.get(f"/card_details/{made['payment_id']}/cash/slip.pdf")
    assert number[:4] in pypdf.PdfReader(io.BytesIO(slip.data)).pages[0].extract_text()
    choose(payer, made["payment_id"], "cash")
    assert number[:4] in payer.html
    world.pay.clock.advance(seconds=2 * DAY)  # type: ignore[attr-defined]  # the tests' clock
    world.sweep()
    assert world.status(made["payment_id"]) == "started"
    assert Counter(world).confirm(number).get_json()["outcome"] == "applied"
    assert world.status(made["payment_id"]) == "success"
    agree(world)


@pytest.mark.rule("pay", "CH-2", "§25")
def test_who_chose_a_counter_may_still_pay_by_card(world: World) -> None:
    issue(world)
    made = world.create()
    payer = world.payer(made["payment_id"])
    choose(payer, made["payment_id"], "cash")
    choose(payer, made["payment_id"], "card")
    payer.enter()
    payer.press("confirm")
    world.run_jobs()
    assert world.status(made["payment_id"]) == "success"
    for path in ("methods", "cash"):
        answer = payer.client.get(f"/card_details/{made['payment_id']}/{path}")
        assert answer.status_code == 303
    assert payer.client.get(f"/card_details/{made['payment_id']}/cash/slip.pdf").status_code == 200
    agree(world)


@pytest.mark.rule("pay", "§25")
def test_three_days_without_money_end_the_payment(world: World) -> None:
    issue(world)
    made = world.create()
    choose(world.payer(made["payment_id"]), made["payment_id"], "cash")
    world.pay.clock.advance(seconds=4 * DAY)  # type: ignore[attr-defined]  # the tests' clock
    world.sweep()
    assert world.status(made["payment_id"]) == "P0020"


@pytest.mark.rule("pay", "§16")
def test_an_account_without_notices_offers_no_counter(world: World) -> None:
    made = world.create()
    payer = world.payer(made["payment_id"])
    assert "other-methods" not in payer.html
    answer = payer.client.get(f"/card_details/{made['payment_id']}/methods")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/card_details/{made['payment_id']}")


@pytest.mark.rule("pay", "§16")
def test_nothing_chosen_is_explained(world: World) -> None:
    issue(world)
    made = world.create()
    payer = world.payer(made["payment_id"])
    choose(payer, made["payment_id"], "")
    assert payer.page.status_code == 422
    assert "Choose how you want to pay." in payer.html


@pytest.mark.rule("pay", "PA-2", "CH-1")
def test_an_agent_gives_a_link_and_never_sees_a_card(world: World) -> None:
    notice, path = issue(world), f"/console/accounts/{world.till.account_id}/assist"
    agent = Desk(world, "iris")
    answer = agent.send(path, path, number=notice["number"])
    link = re.search(r'id="payer-link">([^<]+)<', answer.get_data(as_text=True))
    assert link
    payer = Browser(world.client(), link.group(1))
    payer.enter()
    payer.press("confirm")
    world.run_jobs()
    assert (look(world, notice["number"])["state"], world.status(notice["payment_id"])) == ("paid", "success")
    assert agent.send(path, path, number=notice["number"]).status_code == 422
    new = agent.send(path, path, amount="3.000", reference="ATENCION-7", description="Copia de acta")
    link = re.search(r'id="payer-link">([^<]+)<', new.get_data(as_text=True))
    assert link
    assert "3.000" in Browser(world.client(), link.group(1)).html


@pytest.mark.rule("pay", "PA-2", "I9")
def test_an_agent_helps_with_the_own_offices_payments_only(world: World) -> None:
    notice, other = issue(world), world.add_account(organisation_id="org-otra")
    path = f"/console/accounts/{other.account_id}/assist"
    agent = Desk(world, "zoe", "org-otra:agent")
    assert agent.send(path, path, number=notice["number"]).status_code == 422
    assert agent.get(f"/console/accounts/{world.till.account_id}/assist").status_code == 404
    assert Desk(world, "eva").get(f"/console/accounts/{world.till.account_id}/assist").status_code == 403
    for wrong in ({}, {"amount": "x", "reference": "a", "description": "b"}, {"amount": "1", "reference": "<", "description": "b"}):
        assert agent.send(path, path, **wrong).status_code == 422
