"""What the wallet counts for open data: decisions, exchanges, and facts that were asked for again."""

import re

from sqlalchemy import select

from shared.performance.counting import count_days
from shared.performance.tables import performance_days, satisfaction_days
from tests.factories.wallet import CONSUMER, PUBLIC_URL, World
from wallet.operations.performance import COUNT


def counts(world: World) -> dict[tuple[str, str], tuple[int, int, int]]:
    count_days(world.wallet, COUNT)
    with world.wallet.reading() as tx:
        rows = tx.connection.execute(select(performance_days)).all()
    return {(row.product, row.channel): (row.started, row.completed, row.failed) for row in rows}


def test_decisions_and_exchanges_are_counted(world: World) -> None:
    consent = world.granted()
    refused = world.ask()
    world.decide(world.browser(), refused.json["view_uri"], "refuse")
    world.ask()
    assert world.fetch(world.exchange_body(consent)).status_code == 200
    assert counts(world) == {("decision", "web"): (3, 2, 0), ("exchange", "api"): (1, 1, 0)}


def test_the_service_to_which_a_person_goes_back_can_ask_how_it_went_once_she_has_decided(world: World) -> None:
    asked = world.ask()
    path = f"/consent-requests/{asked.json['request_id']}"
    reader = world.app.test_client()
    assert "feedback_uri" not in reader.get(path, headers=world.bearer(CONSUMER)).json
    browser = world.browser()
    world.decide(browser, asked.json["view_uri"], "refuse")
    address = reader.get(path, headers=world.bearer(CONSUMER)).json["feedback_uri"].removeprefix(PUBLIC_URL)
    browser.post(address, data=hidden(browser.get(address).text) | {"mark": "3"})
    with world.wallet.reading() as tx:
        row = tx.connection.execute(select(satisfaction_days)).one()
    assert (row.product, row.channel, row.mark, row.answers) == ("decision", "web", 3, 1)


def test_what_was_taken_back_is_not_asked_about(world: World) -> None:
    path = f"/consent-requests/{world.ask().json['request_id']}"
    client = world.app.test_client()
    assert client.delete(path, headers=world.bearer(CONSUMER)).status_code == 204
    assert "feedback_uri" not in client.get(path, headers=world.bearer(CONSUMER)).json


def test_the_page_after_a_withdrawal_asks_how_it_went(world: World) -> None:
    consent = world.granted()
    browser = world.browser()
    ask = browser.get(f"/consents/{consent}/withdraw")
    page = browser.post(f"/consents/{consent}/withdraw", data=hidden(ask.text))
    address = re.search(r'id="satisfaction" href="([^"]+)"', page.text)
    assert address
    browser.post(address[1], data=hidden(browser.get(address[1]).text) | {"mark": "7"})
    with world.wallet.reading() as tx:
        row = tx.connection.execute(select(satisfaction_days)).one()
    assert (row.product, row.mark, row.answers) == ("withdrawal", 7, 1)


def hidden(page: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return {"csrf_token": found[1]}
