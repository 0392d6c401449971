"""Keep accepted messages: the rows, their audit rows and their delivery jobs in one transaction, many messages at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Insert

from notify.context import Notify
from notify.models import messages
from shared import trace
from shared.audit.entries import Entry
from shared.outbox import URGENT
from shared.transaction import Transaction

JOBS = {"sms": "deliver_sms", "email": "deliver_email", "letter": "render_letter", "mailbox": "deliver_mailbox"}
CHECK_LETTER = "check_letter"
URGENT_AHEAD = timedelta(seconds=120)
"""The relay takes what has been due for longest first: an urgent message is due before whatever came in the last two minutes."""
ALONE = frozenset({JOBS["letter"], CHECK_LETTER})
JOB_MESSAGES_MAX = 24
"""How many messages one delivery job holds; a letter, which takes long to set, has a job of its own."""


@dataclass(frozen=True)
class Kept:
    """A message that passed every check, as it is written.

    `counters` are the daily allowances it uses, `also` is written with it, `queue` is the one its delivery goes by.
    """

    row: dict[str, object]
    entry: Entry
    counters: tuple[str, ...]
    scheduled_for: datetime | None
    request_id: str
    journey_id: str
    also: tuple[Insert, ...] = ()
    first_job: str = ""
    queue: str = ""

    @property
    def accepted_at(self) -> datetime:
        """When it was accepted."""
        return cast(datetime, self.row["created_at"])

    @property
    def work(self) -> list[str]:
        """The message in a job's payload: its id, and the request and journey it came with."""
        return [str(self.row["id"]), self.request_id, self.journey_id]


def take_in(notify: Notify, kept: Kept) -> None:
    """Keep one message, together with those that other threads accept at the same moment."""

    def write(batch: Sequence[Kept]) -> list[None]:
        return keep(notify, batch)

    notify.grouped("intake", write).put(kept)


def keep(notify: Notify, batch: Sequence[Kept]) -> list[None]:
    """Write messages and leave their delivery in the outbox, all or nothing; then count them against today."""
    with notify.transaction() as tx:
        keep_in(tx, batch)
    count(notify, batch)
    return [None] * len(batch)


def keep_in(tx: Transaction, batch: Sequence[Kept]) -> None:
    """Write messages within a transaction that others have a part in."""
    messages.insert_many(tx, [each.row for each in batch])
    tx.add(each.entry for each in batch)
    for each in batch:
        for statement in each.also:
            tx.connection.execute(statement)
    now_due: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for each in batch:
        job = each.first_job or JOBS[str(each.row["channel"])]
        if each.scheduled_for is None:
            now_due[(job, each.queue)].append(each)
        else:
            tx.enqueue(job, {"messages": [each.work]}, due_at=each.scheduled_for)
    for (job, queue), members in now_due.items():
        size = 1 if job in ALONE else JOB_MESSAGES_MAX
        due_at = batch[0].accepted_at - URGENT_AHEAD if queue == URGENT else None
        for begin in range(0, len(members), size):
            tx.enqueue(job, {"messages": [each.work for each in members[begin : begin + size]]}, due_at=due_at, queue=queue)


def count(notify: Notify, batch: Sequence[Kept]) -> None:
    """Count kept messages against their services' day."""
    used: dict[tuple[str, str], int] = defaultdict(int)
    for each in batch:
        for counter in each.counters:
            used[(str(each.row["service_id"]), counter)] += 1
    if used:
        notify.limits.count(used, notify.clock.now())


def work_ids() -> tuple[str, str]:
    """Give the request and the journey that the present work belongs to."""
    return trace.request_id(), trace.journey_id()
