"""The queue dies and loses everything it held: it costs time, never a message."""

import itertools
import shutil

import pytest
import redis

from shared.worker import queue_name
from tests.fault.conftest import Note
from tests.fault.senders import Sender
from tests.fault.suite import Suite, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("fault")]
MESSAGES = 200
"""More than twice as many as the queue takes messages (shared/relay.py): some wait in it, some before it."""
CANARY = "fault:canary"


def test_messages_that_wait_outlive_a_queue_that_is_killed_and_emptied(suite: Suite, since: str, note: Note) -> None:
    sender = Sender(suite, "queued")
    with suite.frozen("notify-worker"):
        sender.post_all(itertools.repeat("sms", MESSAGES))
        with redis.Redis.from_url(suite.plan.redis_url("notify")) as client:
            until(lambda: client.llen(queue_name("notify", "")) > 0, "the queue holds jobs")
            client.set(CANARY, "1")
        assert _waiting(suite) == MESSAGES
        shutil.rmtree(suite.folder / "valkey" / "appendonlydir")
        death = suite.kill("valkey")
        note("Valkey back after kill -9", death.recovered())
        with redis.Redis.from_url(suite.plan.redis_url("notify")) as client:
            assert client.get(CANARY) is None, "the queue has lost nothing"
    until(lambda: _waiting(suite) < MESSAGES, "the worker goes on")
    note("the first waiting message sent after the queue was lost", death.seconds)
    sender.check_delivered_once(since)
    note(f"{MESSAGES} waiting messages delivered after the queue was lost", death.seconds)
    assert len(sender.accepted) == MESSAGES


def _waiting(suite: Suite) -> int:
    """How many texts are still to be sent, whether the relay has handed them to the queue or not; a job holds several of them."""
    return int(suite.row("notify", "SELECT count(*) FROM notifications WHERE channel = 'sms' AND status = 'created'")[0])
