"""A person's mailbox: whose messages are shown, and reading one."""

import uuid

import pytest
from sqlalchemy import text

from notify.context import Notify
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.mailbox import list_mailbox, mark_read
from shared.auth import Caller
from shared.clock import FixedClock
from shared.problems import NotFound
from tests.factories.notify import World, add_notification


def person(subject: str, run: str = "") -> Caller:
    return Caller("portal", subject, frozenset({"notify:mailbox"}), {"run": run} if run else {})


def message(notify: Notify, world: World, to: str) -> uuid.UUID:
    made = add_notification(world, "mailbox", to=to)
    deliver(notify, made, channels.send_mailbox)
    return made


def test_only_the_persons_own_messages_by_subject_or_run_newest_first(notify: Notify, world: World, clock: FixedClock) -> None:
    by_subject = message(notify, world, "pairwise:abcdefgh12345678")
    clock.advance(seconds=1)
    by_run = message(notify, world, "run:11111111-1")
    message(notify, world, "run:22222222-2")
    found = list_mailbox(notify, person("abcdefgh12345678", "11111111-1"))
    assert [item.id for item in found] == [by_run, by_subject]
    assert (found[0].subject, found[0].sender, found[0].read_at) == ("Recibo de Camila", "Colegio Las Araucarias", None)
    assert [item.id for item in list_mailbox(notify, person("abcdefgh12345678"))] == [by_subject]
    assert list_mailbox(notify, person("stranger-subject", "11111111-2")) == []


def test_the_first_reading_counts_and_is_in_the_audit_log_once(notify: Notify, world: World, clock: FixedClock) -> None:
    made = message(notify, world, "run:11111111-1")
    first = mark_read(notify, person("s", "11111111-1"), made)
    clock.advance(seconds=60)
    assert mark_read(notify, person("s", "11111111-1"), made).read_at == first.read_at is not None
    with notify.reading() as tx:
        count = "select count(*) from audit_entries where core like '%notify:mailbox_message:read%'"
        assert tx.connection.execute(text(count)).scalar_one() == 1


@pytest.mark.parametrize("reader", [person("s", "22222222-2"), person("s"), person("s", "not a run")])
def test_nobody_reads_anothers_message(notify: Notify, world: World, reader: Caller) -> None:
    made = message(notify, world, "run:11111111-1")
    with pytest.raises(NotFound):
        mark_read(notify, reader, made)
    with pytest.raises(NotFound):
        mark_read(notify, person("s", "11111111-1"), uuid.uuid4())
