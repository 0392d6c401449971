"""Delivery of many at a time: faults of one leave the others, providers say when, receipts may be first."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select, text, update

from notify.context import Notify
from notify.models import Notification
from notify.operations import channels
from notify.operations.delivery import ATTEMPTS_MAX, Due, deliver_many
from notify.operations.receipts import apply_receipt
from notify.providers.base import HandOver, ProviderUnavailable, RecipientRefused, Text
from notify.providers.memory import MemorySms
from notify.standards.statuses import Channel
from shared.clock import FixedClock
from shared.tasks import RetryLater
from tests.factories.notify import World, add_notification
from tests.factories.notify_fixtures import RunJobs

pytestmark = pytest.mark.rule("notify", "§10")
JOB = "deliver_sms"


def statuses(notify: Notify, ids: list[uuid.UUID]) -> list[str]:
    with notify.reading() as tx:
        rows = dict(tx.connection.execute(select(Notification.id, Notification.status)).all())  # type: ignore[arg-type]  # pairs
    return [rows[key] for key in ids]


def waiting(notify: Notify) -> list[tuple[Any, ...]]:
    with notify.reading() as tx:
        query = "select payload, extract(epoch from due_at - :now), state from outbox order by id"
        return [tuple(row) for row in tx.connection.execute(text(query), {"now": notify.clock.now()})]


def deliver(notify: Notify, ids: list[uuid.UUID]) -> None:
    deliver_many(notify, JOB, [Due(key) for key in ids], channels.send_sms, billable_units=channels.sms_fragments)


def sms(notify: Notify) -> MemorySms:
    assert isinstance(notify.sms, MemorySms)
    return notify.sms


@pytest.mark.parametrize("threads", [1, 4])
def test_each_of_many_is_handed_over_once(notify: Notify, world: World, threads: int) -> None:
    notify.settings = type(notify.settings)(**{**vars(notify.settings), "delivery_threads": threads})
    ids = [add_notification(world) for _ in range(10)]
    deliver(notify, ids)
    deliver(notify, ids)
    assert statuses(notify, ids) == ["sending"] * 10
    assert sorted(text.reference for text in sms(notify).messages) == sorted(map(str, ids))
    assert sms(notify).calls == 10


def test_one_not_now_and_one_no_leave_the_others(notify: Notify, world: World) -> None:
    ids = [add_notification(world) for _ in range(4)]
    sms(notify).faults += [ProviderUnavailable("busy", retry_after_seconds=77), RecipientRefused("gone")]
    deliver(notify, ids)
    assert sorted(statuses(notify, ids)) == ["created", "permanent-failure", "sending", "sending"]
    [(payload, seconds, _)] = waiting(notify)
    assert (len(payload["messages"]), float(seconds)) == (1, 77.0)


@pytest.mark.parametrize(("theirs", "least", "most"), [(None, 1.0, 2.0), (0, 1.0, 2.0), (30, 30, 30), (10**9, 3600, 3600)])
def test_the_next_try_is_not_before_they_say_and_within_an_hour(
    notify: Notify, world: World, theirs: float | None, least: float, most: float
) -> None:
    made = add_notification(world)
    sms(notify).faults.append(ProviderUnavailable("busy", retry_after_seconds=theirs))
    with pytest.raises(RetryLater) as later:
        deliver(notify, [made])
    assert least <= later.value.seconds <= most


def test_a_short_wait_said_every_time_does_not_use_up_the_tries_in_minutes(notify: Notify, world: World) -> None:
    made = add_notification(world, attempts=40)
    sms(notify).faults.append(ProviderUnavailable("every breaker is open", retry_after_seconds=30))
    with pytest.raises(RetryLater) as later:
        deliver(notify, [made])
    assert later.value.seconds == 300


def test_a_poisonous_one_among_many_ends_where_people_see_it_and_is_sent_when_replayed(
    notify: Notify, world: World, run_jobs: RunJobs, clock: FixedClock
) -> None:
    ids = [add_notification(world) for _ in range(24)]
    with notify.db.begin() as connection:
        good = connection.execute(select(Notification.sealed).where(Notification.id == ids[7])).scalar_one()
        connection.execute(update(Notification).where(Notification.id == ids[7]).values(sealed=b"\x01rubbish of no use"))
    deliver(notify, ids)
    clock.advance(seconds=5)
    run_jobs()
    assert statuses(notify, ids) == ["sending"] * 7 + ["created"] + ["sending"] * 16
    assert [state for _, _, state in waiting(notify)] == ["dead"]
    with notify.db.begin() as connection:
        connection.execute(update(Notification).where(Notification.id == ids[7]).values(sealed=good))
        from shared import outbox

        assert outbox.replay(connection, clock.now()) == 1
    clock.advance(seconds=60)
    run_jobs()
    assert statuses(notify, ids) == ["sending"] * 24


def test_a_receipt_before_the_send_returns_is_kept(notify: Notify, world: World) -> None:
    class Hasty(MemorySms):
        """Its receipt comes while it still answers."""

        def send(self, handed: Text) -> HandOver:
            apply_receipt(notify, uuid.UUID(handed.reference), "delivered", provider="gateway", channel=Channel.SMS)
            return super().send(handed)

    notify.sms = Hasty()
    ids = [add_notification(world) for _ in range(3)]
    deliver(notify, ids)
    assert statuses(notify, ids) == ["delivered"] * 3
    with notify.reading() as tx:
        facts = tx.connection.execute(select(Notification.provider, Notification.billable_units)).all()
    assert {tuple(row) for row in facts} == {("memory", 1)}


@pytest.mark.parametrize("lie", ["read", "", "DELIVERED ", "0", "' or 1=1 --", "x" * 300])
def test_a_lying_receipt_never_sends_again_nor_breaks(notify: Notify, world: World, lie: str) -> None:
    made = add_notification(world, status="sending")
    apply_receipt(notify, made, lie, provider="gateway", channel=Channel.SMS)
    assert statuses(notify, [made])[0] in {"delivered", "technical-failure"}
    apply_receipt(notify, made, "delivered", provider="gateway", channel=Channel.SMS)
    deliver(notify, [made])
    assert sms(notify).calls == 0


def test_receipts_of_several_messages_at_once_keep_their_order(notify: Notify, world: World) -> None:
    from notify.operations.receipts import Applied, Receipt, apply_many

    one, two = add_notification(world, status="sending"), add_notification(world, status="sending")
    words = [(one, "pending"), (two, "delivered"), (one, "permanent-failure"), (two, "delivered"), (uuid.uuid4(), "delivered")]
    applied = apply_many(notify, [Receipt(key, word, "gateway", "", "", Channel.SMS) for key, word in words])
    assert applied == [Applied.CHANGED, Applied.CHANGED, Applied.CHANGED, Applied.REPEATED, Applied.UNKNOWN]
    assert statuses(notify, [one, two]) == ["temporary-failure", "delivered"]


def test_messages_in_another_workers_hands_are_looked_at_again_when_its_claim_ends(notify: Notify, world: World) -> None:
    held = add_notification(world, claimed_until=notify.clock.now().replace(minute=30))
    free = add_notification(world)
    deliver(notify, [held, free])
    assert statuses(notify, [held, free]) == ["created", "sending"]
    [(payload, seconds, _)] = waiting(notify)
    assert (payload["messages"][0][0], float(seconds)) == (str(held), 1800.0)


def test_waiting_for_the_next_minute_of_a_cap_is_no_try(notify: Notify, world: World) -> None:
    """Or what a sender's cap holds back for hours would end as a failure that nobody met."""
    made = add_notification(world, attempts=ATTEMPTS_MAX - 1)
    held = ProviderUnavailable("the sender's cap is reached", retry_after_seconds=60, is_held_back=True)
    sms(notify).faults += [held, held]
    for _ in range(2):
        deliver(notify, [made])
        [(payload, seconds, state)] = waiting(notify)
        assert (payload["messages"][0][0], state) == (str(made), "waiting")
        assert 60 <= seconds <= 120
        with notify.db.begin() as connection:
            connection.execute(text("delete from outbox"))
    assert statuses(notify, [made]) == ["created"]
    deliver(notify, [made])
    assert statuses(notify, [made]) == ["sending"]


def test_what_waits_behind_a_slow_provider_is_left_before_its_claim_runs_out(notify: Notify, world: World, clock: FixedClock) -> None:
    """Another worker could take it meanwhile, and both would send it."""

    class Slow(MemorySms):
        """Takes twice as long as it may."""

        def send(self, handed: Text) -> HandOver:
            clock.advance(seconds=2 * notify.settings.provider_timeout_seconds)
            return super().send(handed)

    notify.sms = slow = Slow()
    ids = [add_notification(world) for _ in range(3)]
    deliver(notify, ids)
    assert len(slow.messages) == 2
    [(payload, _, _)] = waiting(notify)
    (left,) = [uuid.UUID(each[0]) for each in payload["messages"]]
    assert statuses(notify, [left]) == ["created"]
    deliver(notify, [left])
    assert statuses(notify, ids) == ["sending"] * 3
    assert slow.calls == 3
