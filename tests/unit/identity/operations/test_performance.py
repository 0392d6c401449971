"""What identity counts for open data: sign-ins by service."""

from sqlalchemy import select

from identity.operations.performance import COUNT
from shared.performance.counting import count_days
from shared.performance.tables import performance_days
from tests.factories.identity import House


def test_sign_ins_are_counted_by_service_and_what_became_of_them(house: House) -> None:
    house.browser().sign_in()
    house.browser().sign_in()
    house.browser().authorize()  # opened, and left
    count_days(house.identity, COUNT)
    with house.identity.reading() as tx:
        row = tx.connection.execute(select(performance_days)).one()
    assert (row.product, row.channel, row.started, row.completed, row.failed) == ("sign-in", "web", 3, 2, 0)
    house.clock.advance(seconds=3 * 3600)
    count_days(house.identity, COUNT)
    with house.identity.reading() as tx:
        row = tx.connection.execute(select(performance_days)).one()
    assert (row.started, row.completed, row.failed) == (3, 2, 1)  # abandoned
