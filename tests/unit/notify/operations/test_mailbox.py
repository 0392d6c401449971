"""A person's mailbox: whose messages are shown, and reading one."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from notify.context import Notify
from notify.models import messages
from notify.operations import channels
from notify.operations.delivery import deliver
from notify.operations.mailbox import get_item, list_mailbox, mark_read
from notify.operations.mailbox_reminders import Wish, find_wish, forget_wish, keep_wish, remind
from notify.providers.base import RecipientRefused
from notify.schemas.mailbox import show_proof
from notify.standards.mailbox_proof import content_hash
from notify.tasks import jobs
from shared import outbox
from shared.auth import Caller
from shared.clock import FixedClock
from shared.problems import InvalidRequest, NotFound
from shared.tasks import run_all_leased
from tests.factories.notify import World, add_notification
from tests.factories.notify_fixtures import RunJobs


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
    found = list_mailbox(notify, person("abcdefgh12345678", "11111111-1")).items
    assert [item.id for item in found] == [by_run, by_subject]
    assert (found[0].subject, found[0].sender, found[0].read_at) == ("Recibo de Camila", "Colegio Las Araucarias", None)
    assert [item.id for item in list_mailbox(notify, person("abcdefgh12345678")).items] == [by_subject]
    assert list_mailbox(notify, person("stranger-subject", "11111111-2")).items == []


def test_messages_that_wait_are_put_into_mailboxes_together(notify: Notify, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [add_notification(world, "mailbox", to="run:11111111-1") for _ in range(3)]
    with notify.transaction() as tx:
        for one in made:
            tx.enqueue("deliver_mailbox", {"messages": [[str(one), "", ""]]})
    with notify.db.begin() as connection:
        leased = [(row.id, row.lease) for row in outbox.lease_due(connection, notify.clock.now(), limit=10) if row.job == "deliver_mailbox"]
    claimed: list[int] = []
    claim = messages.claim

    def counted(connection: Connection, ids: list[uuid.UUID], now: datetime, lease: timedelta) -> Any:
        claimed.append(len(ids))
        return claim(connection, ids, now, lease)

    monkeypatch.setattr(messages, "claim", counted)
    assert run_all_leased(notify, jobs, "deliver_mailbox", leased, runner="w") == 3
    assert sorted(item.id for item in list_mailbox(notify, person("s", "11111111-1")).items) == sorted(made)
    assert claimed == [3], "at once"


@pytest.mark.rule("notify", "NO-13")
def test_pages_pass_over_none_of_equal_times_and_repeat_none(notify: Notify, world: World, clock: FixedClock) -> None:
    reader = person("abcdefgh12345678", "11111111-1")
    made = []
    for number in range(7):  # under both of her names, four at one moment
        made.append(message(notify, world, "run:11111111-1" if number % 2 else "pairwise:abcdefgh12345678"))
        clock.advance(seconds=number // 4)
    seen, older_than = list[uuid.UUID](), None
    for _ in range(4):
        found = list_mailbox(notify, reader, older_than, size=2)
        seen += [item.id for item in found.items]
        older_than = found.next_older_than
    assert older_than is None
    assert sorted(seen) == sorted(made)
    assert [item.id for item in list_mailbox(notify, reader).items] == seen
    assert list_mailbox(notify, reader, size=7).next_older_than is None
    others = message(notify, world, "run:22222222-2")
    for nobodys in (others, uuid.uuid4()):
        with pytest.raises(NotFound):
            list_mailbox(notify, reader, nobodys)


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


@pytest.mark.rule("notify", "NO-13")
def test_the_proof_names_the_words_and_the_audit_rows_and_says_none_of_them(notify: Notify, world: World, clock: FixedClock) -> None:
    made = message(notify, world, "run:11111111-1")
    reader = person("s", "11111111-1")
    before = show_proof(get_item(notify, reader, made), "https://n.example")
    assert [event["event"] for event in before["events"]] == ["placed"]  # type: ignore[attr-defined]  # a JSON list
    clock.advance(seconds=60)
    item = mark_read(notify, reader, made)
    proof = show_proof(get_item(notify, reader, made), "https://n.example")
    assert proof["content_sha256"] == content_hash(item.sender, item.subject, item.body)
    assert [event["event"] for event in proof["events"]] == ["placed", "opened"]  # type: ignore[attr-defined]
    assert item.body not in str(proof)
    with notify.reading() as tx:
        for event in proof["events"]:  # type: ignore[attr-defined]
            found = tx.connection.execute(text("select core from audit_entries where entry_id = :id"), {"id": event["audit_entry"]})
            core = str(found.scalar_one())
            assert str(made) in core
            assert str(proof["content_sha256"]) in core
    with pytest.raises(NotFound):
        get_item(notify, person("s", "22222222-2"), made)


@pytest.mark.rule("notify", "NO-13")
@pytest.mark.parametrize(("channel", "to"), [("email", "camila@example.com"), ("sms", "+56912345678")])
def test_who_wants_it_is_reminded_once_of_what_stays_unread_without_its_words(
    notify: Notify, world: World, clock: FixedClock, run_jobs: RunJobs, channel: str, to: str
) -> None:
    reader = person("s", "11111111-1")
    keep_wish(notify, reader, Wish(channel, to, after_days=2, language="en"))
    made = message(notify, world, "run:11111111-1")
    read = message(notify, world, "run:11111111-1")
    mark_read(notify, reader, read)
    run_jobs()
    told = notify.email.messages if channel == "email" else notify.sms.messages  # type: ignore[attr-defined]
    assert told == []
    clock.advance(seconds=2 * 24 * 3600 + 1)
    run_jobs()
    (reminder,) = told
    words = reminder.plain_text if channel == "email" else reminder.body
    assert "You have a message from Colegio Las Araucarias" in words
    assert "14.500" not in words
    assert f"{notify.settings.public_url}/mailbox" in words, "where it waits, though no portal is set"
    assert remind(notify, made) is False


def test_a_number_that_nobody_has_ends_the_reminder_and_the_message_waits(
    notify: Notify, world: World, clock: FixedClock, run_jobs: RunJobs
) -> None:
    keep_wish(notify, person("s", "11111111-1"), Wish("sms", "+56912345678"))
    made = message(notify, world, "run:11111111-1")
    notify.sms.faults.append(RecipientRefused("no such number"))  # type: ignore[attr-defined]  # the one in memory
    clock.advance(seconds=24 * 3600 + 1)
    assert run_jobs() > 0
    assert get_item(notify, person("s", "11111111-1"), made).read_at is None
    with notify.reading() as tx:
        assert tx.connection.execute(text("select count(*) from outbox")).scalar_one() == 0


def test_a_person_changes_and_ends_reminders(notify: Notify, world: World) -> None:
    reader = person("s", "11111111-1")
    for bad in (
        Wish("email", "nobody"),
        Wish("sms", "12"),
        Wish("email", "a@b.com", after_days=31),
        Wish("email", "a@b.com", language="xx"),
    ):
        with pytest.raises(InvalidRequest):
            keep_wish(notify, reader, bad)
    keep_wish(notify, reader, Wish("email", "a@b.com"))
    keep_wish(notify, reader, Wish("sms", "+56912345678", after_days=0))
    assert find_wish(notify, reader) == Wish("sms", "56912345678", 0, "es")
    assert find_wish(notify, person("other")) is None
    forget_wish(notify, reader)
    assert find_wish(notify, reader) is None
