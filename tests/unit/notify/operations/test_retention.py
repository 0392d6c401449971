"""Days of messages: tables ahead, whole days dropped, counts kept, services that keep less."""

import uuid
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text

from notify.context import Notify
from notify.models import MessageCount, Notification
from notify.models.days import first_id
from notify.operations.retention import keep_days
from tests.factories.notify import World, add_notification, make_world

pytestmark = pytest.mark.rule("notify", "§11")


def put(world: World, day: date, **facts: object) -> uuid.UUID:
    """A notification made on a day, its id too."""
    made = uuid.UUID(int=first_id(day).int + uuid.uuid4().int % 2**79)
    created_at = world.notify.clock.now().replace(year=day.year, month=day.month, day=day.day)
    return add_notification(world, id=made, created_at=created_at, **facts) and made


def rows(notify: Notify) -> int:
    with notify.reading() as tx:
        return int(tx.connection.execute(select(func.count()).select_from(Notification)).scalar_one())


def test_days_are_made_ahead_and_a_message_goes_into_its_day(notify: Notify, world: World) -> None:
    today = notify.clock.now().date()
    assert keep_days(notify).made == [today + timedelta(days=n) for n in range(8)]
    assert keep_days(notify).made == []
    put(world, today)
    with notify.reading() as tx:
        assert tx.connection.execute(text(f"select count(*) from days.notifications_d{today:%Y%m%d}")).scalar_one() == 1


def test_old_days_go_whole_and_their_counts_stay(notify: Notify, world: World, clock: object) -> None:
    today = notify.clock.now().date()
    keep_days(notify)
    for status in ("delivered", "delivered", "permanent-failure"):
        put(world, today, status=status, billable_units=2)
    notify.clock = type(notify.clock)(notify.clock.now() + timedelta(days=7))  # type: ignore[call-arg]  # a fixed clock
    assert keep_days(notify).dropped == []
    notify.clock = type(notify.clock)(notify.clock.now() + timedelta(days=1))  # type: ignore[call-arg]  # likewise
    fresh = put(world, notify.clock.now().date())
    assert today in keep_days(notify).dropped
    with notify.reading() as tx:
        assert list(tx.connection.execute(select(Notification.id)).scalars()) == [fresh]
        counts = tx.connection.execute(select(MessageCount.status, MessageCount.messages, MessageCount.billable_units)).all()
    assert sorted(map(tuple, counts)) == [("delivered", 2, 4), ("permanent-failure", 1, 2)]
    keep_days(notify)
    with notify.reading() as tx:
        assert tx.connection.execute(select(func.sum(MessageCount.messages))).scalar_one() == 3


def test_what_stands_in_no_day_goes_too(notify: Notify, world: World) -> None:
    old = notify.clock.now().date() - timedelta(days=30)
    put(world, old)
    keep_days(notify)
    assert rows(notify) == 0


def test_a_service_that_keeps_less_is_forgotten_sooner(notify: Notify, world: World) -> None:
    brief = make_world(notify, retention_days=3)
    day = notify.clock.now().date() - timedelta(days=5)
    kept = put(world, day)
    put(brief, day)
    keep_days(notify)
    with notify.reading() as tx:
        assert list(tx.connection.execute(select(Notification.id)).scalars()) == [kept]
        assert tx.connection.execute(select(func.sum(MessageCount.messages))).scalar_one() == 1
