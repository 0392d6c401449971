"""Hand messages over: claim them, call the provider with no transaction open, note the outcomes; many at a time.

A worker that dies after a provider's yes leaves the claims to run out; the next try says the same references again, and the
provider drops the repeats.  Spec: notify-api §10, §12.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import structlog
from sqlalchemy import Row

from notify.context import Notify
from notify.models import messages
from notify.models.catalogue import KnownService, KnownTemplate
from notify.models.messages import Message
from notify.operations.rendering import Content, compose
from notify.operations.settling import Outcome, settle
from notify.operations.suppressions import suppressed_among
from notify.providers.base import HandOver, ProviderRefused, ProviderUnavailable, RecipientRefused
from notify.standards.simulator import outcome
from notify.standards.statuses import Status
from shared import trace
from shared.tasks import ALWAYS_PASSING, RetryLater, wait_seconds

CLAIM_SECONDS_MORE = 10
ATTEMPTS_MAX = 48
WAIT_SECONDS_MAX = 300
THEIR_WAIT_SECONDS_MAX = 3600

log = structlog.get_logger("andamio.notify.delivery")
Send = Callable[[Notify, "Work"], HandOver]
Units = Callable[["Work"], int]


@dataclass(frozen=True)
class Due:
    """A message that a job names: its id, and the request and journey it came with."""

    id: uuid.UUID
    request_id: str = ""
    journey_id: str = ""


@dataclass(frozen=True)
class Work:
    """A claimed message with what is needed to send it."""

    message: Message
    service: KnownService
    template: KnownTemplate

    @cached_property
    def content(self) -> Content:
        """The filled template."""
        return compose(self.template, self.message.values)


def deliver(notify: Notify, notification_id: uuid.UUID, send: Send, *, billable_units: Units = lambda _work: 1) -> None:
    """Hand one message over once.  Leaves quietly when it is not there to be sent.  Raises: RetryLater."""
    deliver_many(notify, "", [Due(notification_id, trace.request_id(), trace.journey_id())], send, billable_units=billable_units)


def deliver_many(notify: Notify, job: str, due: Sequence[Due], send: Send, *, billable_units: Units = lambda _work: 1) -> None:
    """Hand messages over, each once.  One that must wait gets a job of its own; where there is one alone, this job waits.

    Raises: RetryLater, or what is wrong with a message that is alone.
    """
    by_id = {each.id: each for each in due}
    threads = max(1, min(notify.settings.delivery_threads, len(due)))
    rounds = -(-len(due) // threads)
    lease = timedelta(seconds=notify.settings.provider_timeout_seconds * rounds + CLAIM_SECONDS_MORE)
    now = notify.clock.now()
    with notify.transaction() as tx:
        rows = messages.claim(tx.connection, list(by_id), now, lease)
        others = by_id.keys() - {row.id for row in rows}
        held = messages.find_held(tx.connection, others) if others else []
        suppressed = suppressed_among(tx.connection, rows)
    _wait_for_others(notify, job, by_id, held, now)
    one_try = _OneTry(notify, job, send, billable_units, frozenset(suppressed), alone=len(due) == 1)
    work = [(row, by_id[row.id]) for row in rows]
    latest = now + lease - timedelta(seconds=notify.settings.provider_timeout_seconds)
    with ThreadPoolExecutor(threads, thread_name_prefix="deliver") as pool:
        for begin in range(0, len(work), threads):
            if begin and notify.clock.now() > latest:
                _leave(notify, job, work[begin:], now + lease)
                return
            some = work[begin : begin + threads]
            settle(notify, [one_try.run(*some[0])] if len(some) == 1 else list(pool.map(lambda each: one_try.run(*each), some)))


def _leave(notify: Notify, job: str, work: Sequence[tuple[Row[Any], Due]], end: datetime) -> None:
    """Leave messages for when their claims have run out: the others took so long that another worker might send these at the same time."""
    by_queue: dict[str, list[Due]] = defaultdict(list)
    for row, due in work:
        by_queue[messages.queue_of(row)].append(due)
    with notify.transaction() as tx:
        for queue, some in by_queue.items():
            tx.enqueue(job, payload(some), due_at=end, queue=queue)


def _wait_for_others(notify: Notify, job: str, by_id: dict[uuid.UUID, Due], held: Sequence[Row[Any]], now: datetime) -> None:
    """See to messages that another worker has in hand: if it dies they are sent when its claim has run out."""
    ends = [(by_id[row.id], row.claimed_until or now) for row in held]
    if len(by_id) == 1:
        for _, end in ends:
            raise RetryLater(max(1.0, (end - now).total_seconds()), "another worker holds the claim")
    with notify.transaction() as tx:
        for each, end in ends:
            tx.enqueue(job, payload([each]), due_at=max(end, now + timedelta(seconds=1)))


def payload(due: Sequence[Due]) -> dict[str, object]:
    """Give the payload of a delivery job."""
    return {"messages": [[str(each.id), each.request_id, each.journey_id] for each in due]}


@dataclass(frozen=True)
class _OneTry:
    """One try at each message of a job; `suppressed` are those whose address bounced or complained before, `alone` says that the job
    holds no other.
    """

    notify: Notify
    job: str
    send: Send
    billable_units: Units
    suppressed: frozenset[uuid.UUID]
    alone: bool

    def run(self, row: Row[Any], due: Due) -> Outcome:
        """Try one message.  Raises: when it is alone, what must not be hidden."""
        with trace.working_on(due.request_id, due.journey_id):
            try:
                return replace(self._try(row, due), request_id=due.request_id, journey_id=due.journey_id)
            except (*ALWAYS_PASSING, RetryLater):
                if self.alone:
                    raise
                return Outcome(row, retry=(self.job, payload([due]), wait_seconds(2)))
            except Exception as fault:
                if self.alone:
                    settle(self.notify, [Outcome(row)])
                    raise
                # One that cannot be sent at all: alone in a job it will fail for people to see, and the others go on.
                log.exception("message failed", notification=str(due.id), error=type(fault).__name__)
                return Outcome(row, retry=(self.job, payload([due]), 1.0))

    def _try(self, row: Row[Any], due: Due) -> Outcome:
        work = _open(self.notify, row)
        units = self.billable_units(work)
        if work.message.is_test:
            return _simulated(work, row, units)
        if row.id in self.suppressed:
            return Outcome(row, Status.PERMANENT_FAILURE)
        try:
            done = self.send(self.notify, work)
        except ProviderUnavailable as fault:
            return self._not_now(work, row, due, fault)
        except RecipientRefused as refused:
            return Outcome(row, Status.PERMANENT_FAILURE, refused_with=refused.status)
        except ProviderRefused:
            return Outcome(row, Status.TECHNICAL_FAILURE)
        abroad = done.status is Status.SENDING and work.message.international and work.message.channel == "sms"
        return Outcome(row, Status.SENT if abroad else done.status, done, units)

    def _not_now(self, work: Work, row: Row[Any], due: Due, fault: ProviderUnavailable) -> Outcome:
        """Say when to try again: after a wait that doubles, not before the provider says; after the last try it has failed.

        A short wait that somebody says every time would use up the tries in minutes.  One that was held back has not been tried.
        """
        if fault.is_held_back:
            # Not all at the same moment, or most would be held back once more.
            seconds = (fault.retry_after_seconds or 0) * (1 + random.random())  # noqa: S311 - jitter, not a secret
            return Outcome(row, retry=(self.job, payload([due]), seconds), was_held_back=True)
        if work.message.attempts >= ATTEMPTS_MAX:
            return Outcome(row, Status.TECHNICAL_FAILURE)
        own = min(float(WAIT_SECONDS_MAX), wait_seconds(work.message.attempts))
        theirs = fault.retry_after_seconds
        seconds = own if theirs is None else min(float(THEIR_WAIT_SECONDS_MAX), max(own, theirs))
        if self.alone:
            settle(self.notify, [Outcome(row)])
            raise RetryLater(seconds, str(fault))
        return Outcome(row, retry=(self.job, payload([due]), seconds))


def _open(notify: Notify, row: Row[Any]) -> Work:
    message = messages.open_row(row, notify.cipher)
    template = notify.catalogue.find_version(message.service_id, message.template_id, message.template_version)
    service = notify.catalogue.find_service(message.service_id)
    if template is None or service is None:
        raise LookupError("a notification without its template or service")
    return Work(message, service, template)


def _simulated(work: Work, row: Row[Any], units: int) -> Outcome:
    """Do for a test key what a provider would: the hand-over, then its receipt."""
    return Outcome(row, Status.SENDING, HandOver("simulator", f"simulator-{work.message.id}"), units, receipt=outcome(work.message.matched))
