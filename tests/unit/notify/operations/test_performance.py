"""What notify counts for open data."""

import uuid

import pytest
from sqlalchemy import select

from notify.context import Notify
from notify.models.days import first_id
from notify.operations.performance import COUNT
from shared.performance.counting import count_days
from shared.performance.tables import performance_days
from tests.factories.notify import World, add_notification


def put(world: World, number: int, **facts: object) -> None:
    made = uuid.UUID(int=first_id(world.notify.clock.now().date()).int + number)
    add_notification(world, id=made, **facts)


@pytest.mark.parametrize(("channel", "done"), [("sms", "delivered"), ("email", "delivered"), ("letter", "sent")])
def test_messages_are_counted_by_channel_and_what_became_of_them(notify: Notify, world: World, channel: str, done: str) -> None:
    for number, status in enumerate((done, done, "permanent-failure", "sending", "cancelled")):
        put(world, number, channel=channel, to="07700900001", status=status)
    put(world, 90, channel=channel, to="07700900001", status=done, kind="test")  # nobody got it
    count_days(notify, COUNT)
    with notify.reading() as tx:
        row = tx.connection.execute(select(performance_days)).one()
    assert (row.service, row.channel, row.started, row.completed, row.failed) == (str(world.service_id), channel, 4, 2, 1)
