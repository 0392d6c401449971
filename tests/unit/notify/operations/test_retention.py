"""Days of messages: tables ahead, whole days dropped, counts kept, services that keep less."""

import uuid
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text, update

from notify.context import Notify
from notify.models import MessageCount, Notification, RetentionMark, Service
from notify.models.days import first_id
from notify.operations import shorter_retention
from notify.operations.retention import keep_days
from notify.operations.shorter_retention import forget_for_shorter
from shared.clock import FixedClock
from tests.factories.counted import forgotten
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
    with forgotten("notify") as gone:
        assert today in keep_days(notify).dropped
    assert gone == {"notifications": 3}, "whole days are counted too"
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


def at_night(notify: Notify) -> None:
    """Two in the morning in Santiago, of the day that it is in UTC."""
    notify.clock = FixedClock(notify.clock.now().replace(hour=6))


def counted(notify: Notify) -> int:
    with notify.reading() as tx:
        return int(tx.connection.execute(select(func.coalesce(func.sum(MessageCount.messages), 0))).scalar_one())


def test_a_service_that_keeps_less_is_forgotten_in_the_night(notify: Notify, world: World) -> None:
    brief, day = make_world(notify, retention_days=3), notify.clock.now().date() - timedelta(days=5)
    kept = {put(world, day), put(brief, notify.clock.now().date() - timedelta(days=3))}
    put(brief, day)
    keep_days(notify)
    assert (forget_for_shorter(notify), rows(notify)) == (0, 3)  # noon is no quiet hour
    at_night(notify)
    with forgotten("notify") as gone:
        assert [forget_for_shorter(notify), forget_for_shorter(notify)] == [1, 0]
    assert gone == {"notifications": 1}
    with notify.reading() as tx:
        assert set(tx.connection.execute(select(Notification.id)).scalars()) == kept
    assert counted(notify) == 1


def test_each_run_does_a_bounded_share_and_each_message_is_counted_once(
    notify: Notify, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text and e-mail are kept for three days, letters for as long as others keep theirs: those stay among what goes."""
    monkeypatch.setattr(shorter_retention, "ROWS_A_BATCH", 2)
    monkeypatch.setattr(shorter_retention, "ROWS_A_RUN", 3)
    brief, today = make_world(notify, retention={"sms": 3, "email": 3}), notify.clock.now().date()
    letters = {put(brief, today - timedelta(days=age), channel="letter", to="Camila") for age in (4, 5, 5, 6)}
    for age in (4, 4, 5, 5, 5, 6, 6):
        put(brief, today - timedelta(days=age), channel="sms" if age % 2 else "email", kind="team" if age == 4 else "normal")
    stays = letters | {put(world, today - timedelta(days=5)), put(brief, today)}
    at_night(notify)
    done = []
    while not done or done[-1]:
        done.append(forget_for_shorter(notify))
    assert (sum(done), max(done)) == (7, 3)
    with notify.reading() as tx:
        assert set(tx.connection.execute(select(Notification.id)).scalars()) == stays
        marks = {row.channel: row.before for row in tx.connection.execute(select(RetentionMark.channel, RetentionMark.before))}
    assert counted(notify) == 7
    assert marks == dict.fromkeys(("sms", "email"), today - timedelta(days=3))


def test_a_day_that_is_done_is_not_looked_at_again_and_a_shorter_time_reaches_further(
    notify: Notify, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief, today = make_world(notify, retention_days=3), notify.clock.now().date()
    looked: list[date] = []
    forget_day = shorter_retention._forget_day

    def watched(notify: Notify, due: shorter_retention._Due, rows_max: int) -> tuple[int, bool]:
        looked.append(due.day)
        return forget_day(notify, due, rows_max)

    monkeypatch.setattr(shorter_retention, "_forget_day", watched)
    at_night(notify)
    put(brief, today - timedelta(days=2))
    assert forget_for_shorter(notify) == 0
    assert looked == [today - timedelta(days=age) for age in (7, 6, 5, 4)]
    looked.clear()
    with notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == brief.service_id).values(retention_days=1))
    assert (forget_for_shorter(notify), looked) == (1, [today - timedelta(days=age) for age in (3, 2)])
    assert rows(notify) == 0
