"""What the wallet counts for open data: decisions, exchanges, and facts that were asked for again."""

import re

from sqlalchemy import select

from shared.performance.counting import count_days
from shared.performance.tables import performance_days, satisfaction_days
from tests.factories.wallet import World
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
