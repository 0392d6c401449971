"""Payer pages under attack, and browsers that go away: CSRF, replayed tokens, other hosts' names, redirects that lead elsewhere."""

from collections import Counter
from urllib.parse import urljoin, urlsplit

import pytest

from pay.providers.base import Action
from tests.factories.pay import Browser, World, card_form

EVIL = "evil.example"
HOSTS = ({"Host": EVIL}, {"X-Forwarded-Host": EVIL}, {"Forwarded": f"host={EVIL}"}, {"X-Original-URL": f"https://{EVIL}/"})


@pytest.mark.rule("pay", "§16")
@pytest.mark.parametrize("headers", HOSTS, ids=lambda headers: next(iter(headers)))
def test_another_hosts_name_enters_no_address(world: World, headers: dict[str, str]) -> None:
    world.add_webhook()
    made = world.post("/v1/payments", {"amount": 1, "reference": "R", "description": "D", "return_url": "https://x.example/"}, **headers)
    payment_id = world.create()["payment_id"]
    answers = [made, world.client().get(f"/v1/payments/{payment_id}", headers=world.till.headers | headers)]
    client = world.client()
    link = world.read(payment_id)["_links"]["next_url"]["href"].removeprefix("http://localhost")
    answers += [client.get(link, headers=headers), client.get(f"/card_details/{payment_id}", headers=headers)]
    answers.append(world.client().get("/console", headers=headers))
    for answer in answers:
        assert EVIL not in answer.get_data(as_text=True) + answer.headers.get("Location", "")
    with world.pay.db.begin() as connection:
        bodies = connection.exec_driver_sql("SELECT body_sealed FROM webhook_messages").scalars().all()
    scope = f"pay:account:{world.till.account_id}"
    assert not [body for body in bodies if EVIL in world.pay.cipher.decrypt(body, scope=scope)]


@pytest.mark.rule("pay", "§16")
def test_a_form_from_elsewhere_moves_nothing(world: World) -> None:
    victim, attacker = world.payer(world.create()["payment_id"]), world.payer(world.create()["payment_id"])
    payment_id = victim.path.rpartition("/")[2]
    stolen = attacker.html.partition('name="csrf_token" value="')[2].partition('"')[0]
    for mark in ({}, {"csrf_token": ""}, {"csrf_token": "x"}, {"csrf_token": stolen}):
        answer = victim.client.post(victim.path, data=card_form() | mark)
        assert answer.status_code in {400, 403}, mark
    assert world.status(payment_id) == "started"
    victim.enter()
    for step in ("confirm", "cancel"):
        assert victim.client.post(f"/card_details/{payment_id}/{step}", data={"csrf_token": stolen}).status_code in {400, 403}
    assert world.status(payment_id) == "submitted"
    assert Counter(action for action, _ in world.gateway.calls) == {Action.AUTHORISE: 1}


@pytest.mark.rule("pay", "§16", "§24.12")
@pytest.mark.parametrize(
    "query", ["return_url=https://evil.example/", "next=//evil.example", "lang=//evil.example", "url=%2F%2Fevil.example"]
)
def test_the_way_back_leads_to_the_services_own_address_alone(world: World, query: str) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter()
    payer.press("confirm")
    answer = payer.client.get(f"/return/{payment_id}?{query}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://service.example/return/7f3c")
    for path in (f"//{EVIL}/card_details/{payment_id}", f"/\\{EVIL}", f"/secure//{EVIL}"):
        led = urljoin("http://localhost/", payer.client.get(path).headers.get("Location", ""))
        assert urlsplit(led).hostname == "localhost", path


@pytest.mark.rule("pay", "A8", "§16")
def test_a_token_and_a_session_of_one_payment_open_no_other(world: World) -> None:
    mine, other = world.create()["payment_id"], world.create()["payment_id"]
    payer = world.payer(mine)
    again = Browser(world.client(), payer.link)
    assert again.page.status_code == 404
    for path in ("", "/confirm", "/status", "/methods", "/receipt.pdf"):
        assert payer.client.get(f"/card_details/{other}{path}").status_code == 403


@pytest.mark.rule("pay", "§16", "CH-2", "I3")
@pytest.mark.parametrize("gone_after", ["opening", "card", "confirm"])
def test_a_browser_that_goes_away_comes_back_to_where_it_was(world: World, gone_after: str) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    if gone_after != "opening":
        payer.enter()
    if gone_after == "confirm":
        payer.press("confirm")
        assert "next_url" not in world.read(payment_id)["_links"], "nothing is left to do"
    else:
        payer = world.payer(payment_id)
        assert payer.path == f"/card_details/{payment_id}" + {"opening": "", "card": "/confirm"}[gone_after]
        if gone_after == "opening":
            payer.enter()
        payer.press("confirm")
    world.run_jobs()
    assert world.read(payment_id)["settlement_summary"]["captured_date"]
    assert Counter(action for action, _ in world.gateway.calls) == {Action.AUTHORISE: 1, Action.CAPTURE: 1}
