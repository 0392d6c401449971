"""Notify's processes die while messages are under way: what was accepted arrives once."""

import pytest

from tests.fault.conftest import Note
from tests.fault.senders import Sender
from tests.fault.suite import Suite, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("fault")]
BETWEEN_KILLS = 20


@pytest.mark.parametrize("channel", ["sms", "email"])
@pytest.mark.rule("notify", "§10", "§12")
def test_a_worker_that_dies_after_the_providers_yes_does_not_send_twice(suite: Suite, since: str, note: Note, channel: str) -> None:
    """The worst moment: the message is out, and the process that would have noted it is gone."""
    sender = Sender(suite, f"yes-{channel}")
    with suite.frozen("side"):  # the provider takes its time
        [notification_id] = [sender.post(channel)]
        until(lambda: _is_claimed(suite, notification_id), "the worker stands before the provider")
        hold = suite.held("notify", "notifications")
        hold.__enter__()
    try:
        until(lambda: bool(suite.messages(channel, since)), "the provider took it")
        until(lambda: suite.is_waited_for("notify", "notifications"), "the worker is about to note it")
        death = suite.kill("notify-worker")
    finally:
        hold.__exit__(None, None, None)
    sender.check_delivered_once(since)
    note(f"one {channel} finished after its worker's death", death.seconds)


def _is_claimed(suite: Suite, notification_id: str | None) -> bool:
    return suite.row("notify", "SELECT claimed_until IS NOT NULL FROM notifications WHERE id = %s", notification_id) == (True,)


@pytest.mark.rule("notify", "§10")
def test_messages_accepted_while_processes_die_arrive_once(suite: Suite, since: str, note: Note) -> None:
    sender = Sender(suite, "dying")

    def kill_one_after_another() -> None:
        for program in ("notify-worker", "notify", "relay", "notify-worker"):
            sender.wait_for_accepted(len(sender.accepted) + BETWEEN_KILLS)
            death = suite.kill(program)
            note(f"{program} back after kill -9", death.recovered())

    sender.post_during(["sms", "sms", "email"], kill_one_after_another)
    sender.check_delivered_once(since)
    assert sender.lost, "nothing was broken while the client posted"
