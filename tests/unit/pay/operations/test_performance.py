"""What pay counts for open data, from payments that were really made, and the question at their end."""

import re
from urllib.parse import urlsplit

from sqlalchemy import select

from pay.operations.performance import COUNT
from shared.performance.counting import count_days
from shared.performance.tables import performance_days, satisfaction_days
from tests.factories.pay import DECLINED_CARD, World


def test_payments_are_counted_by_what_became_of_them(world: World) -> None:
    world.paid()
    world.paid()
    world.paid(DECLINED_CARD)
    world.create()
    count_days(world.pay, COUNT)
    with world.pay.reading() as tx:
        row = tx.connection.execute(select(performance_days)).one()
    assert (row.product, row.channel, row.started, row.completed, row.failed) == ("payment", "web", 4, 2, 1)


def test_the_page_that_ends_a_payment_asks_and_the_answer_is_counted_for_its_account(world: World) -> None:
    payer = world.payer(world.create()["payment_id"])
    payer.enter(DECLINED_CARD)
    address = re.search(r'id="satisfaction" href="([^"]+)"', payer.html)
    assert address
    payer.page = payer.client.get(address[1])
    payer.send(address[1], {"mark": "2"})
    with world.pay.reading() as tx:
        row = tx.connection.execute(select(satisfaction_days)).one()
    assert (row.service, row.product, row.mark, row.answers) == (world.till.account_id, "payment", 2, 1)


def test_the_service_finds_the_question_with_the_receipt_and_it_has_one_answer(world: World) -> None:
    payment_id = world.paid()
    payer = world.payer(world.create()["payment_id"])
    receipt = world.get(f"/v1/payments/{payment_id}/receipt").get_json()
    assert "feedback_url" not in world.client().get(f"/v1/receipts/{receipt['code']}").get_json(), "for whoever is shown it"
    address = urlsplit(receipt["feedback_url"]).path
    for mark in ("6", "1"):
        payer.page = payer.client.get(address)
        payer.send(address, {"mark": mark})
    with world.pay.reading() as tx:
        row = tx.connection.execute(select(satisfaction_days)).one()
    assert (row.service, row.product, row.channel, row.mark, row.answers) == (world.till.account_id, "payment", "web", 6, 1)
