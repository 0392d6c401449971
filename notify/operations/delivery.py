"""Hand a message over: claim it, call the provider with no transaction open, note the outcome.

A worker that dies after the provider's yes leaves the claim to run out; the next try says the same reference again, and the
provider drops the repeat.  Spec: notify-api §10, §12.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import update

from notify.context import Notify
from notify.events import Event
from notify.models import messages
from notify.models.catalogue import KnownService, KnownTemplate, find_template_version
from notify.models.messages import Message
from notify.models.notification import Notification
from notify.operations.callbacks import enqueue_callback
from notify.operations.receipts import apply_receipt
from notify.providers.base import HandOver, ProviderRefused, ProviderUnavailable, RecipientRefused
from notify.standards.simulator import outcome
from notify.standards.statuses import Status
from shared.context import Transaction
from shared.tasks import RetryLater

CLAIM_SECONDS_MORE = 10
ATTEMPTS_MAX = 48
WAIT_SECONDS_MAX = 300

Send = Callable[[Notify, "Work"], HandOver]


class Work:
    """A claimed message with what is needed to send it."""

    def __init__(self, message: Message, service: KnownService, template: KnownTemplate) -> None:
        self.message = message
        self.service = service
        self.template = template


def deliver(notify: Notify, notification_id: uuid.UUID, send: Send, *, billable_units: Callable[[Work], int] = lambda _work: 1) -> None:
    """Hand one message over once.  Leaves quietly when it is not there to be sent.  Raises: RetryLater."""
    work = _claim(notify, notification_id)
    if work is None:
        return
    units = billable_units(work)
    if work.message.is_test:
        _simulate(notify, work, units)
        return
    try:
        done = send(notify, work)
    except ProviderUnavailable as fault:
        _not_now(notify, work, fault)
    except RecipientRefused:
        _settle(notify, work, Status.PERMANENT_FAILURE)
    except ProviderRefused:
        _settle(notify, work, Status.TECHNICAL_FAILURE)
    else:
        _handed_over(notify, work, done, units)


def _claim(notify: Notify, notification_id: uuid.UUID) -> Work | None:
    now = notify.clock.now()
    lease = timedelta(seconds=notify.settings.provider_timeout_seconds + CLAIM_SECONDS_MORE)
    with notify.transaction() as tx:
        row = messages.claim(tx.connection, notification_id, now, lease)
        if row is None:
            present = messages.find_row(tx.connection, notification_id)
            if present is not None and present.status == Status.CREATED and present.claimed_until:
                raise RetryLater(max(1.0, (present.claimed_until - now).total_seconds()), "another worker holds the claim")
            return None
        template = find_template_version(tx.connection, row.service_id, row.template_id, row.template_version)
    service = notify.catalogue.find_service(row.service_id)
    if template is None or service is None:  # foreign keys forbid it
        raise LookupError("a notification without its template or service")
    return Work(messages.open_row(row, notify.cipher), service, template)


def _handed_over(notify: Notify, work: Work, done: HandOver, units: int) -> None:
    """Note the yes.  A receipt may have come first: then only what we know besides is added."""
    now = notify.clock.now()
    facts = {"sent_at": now, "provider": done.provider, "provider_reference": done.provider_reference, "billable_units": units}
    target = Status.SENT if done.status is Status.SENDING and work.message.international and work.message.channel == "sms" else done.status
    with notify.transaction() as tx:
        action = messages.move(tx.connection, work.message.id, Status.CREATED, target, now, **facts)
        if action is None:
            tx.connection.execute(update(Notification).where(Notification.id == work.message.id).values(claimed_until=None, **facts))
            return
        _record(tx, work.message, Event.HANDED_OVER, done.provider, Status.SENDING)
        if target is Status.DELIVERED:
            _record(tx, work.message, action, done.provider, target)
            enqueue_callback(tx, work.service, work.message, target, now)


def _settle(notify: Notify, work: Work, target: Status) -> None:
    now = notify.clock.now()
    with notify.transaction() as tx:
        action = messages.move(tx.connection, work.message.id, Status.CREATED, target, now)
        if action:
            _record(tx, work.message, action, "", target)
            enqueue_callback(tx, work.service, work.message, target, now)


def _not_now(notify: Notify, work: Work, fault: ProviderUnavailable) -> None:
    if work.message.attempts >= ATTEMPTS_MAX:
        _settle(notify, work, Status.TECHNICAL_FAILURE)
        return
    with notify.transaction() as tx:
        messages.release(tx.connection, work.message.id)
    raise RetryLater(min(WAIT_SECONDS_MAX, 2.0 ** min(work.message.attempts, 10)), str(fault))


def _simulate(notify: Notify, work: Work, units: int) -> None:
    """Do for a test key what a provider would: hand-over, then a receipt through the ordinary path."""
    _handed_over(notify, work, HandOver("simulator", f"simulator-{work.message.id}"), units)
    apply_receipt(notify, work.message.id, outcome(work.message.matched).value, provider="simulator")


def _record(tx: Transaction, message: Message, action: Event, provider: str, target: Status) -> None:
    data = {"channel": message.channel, "status": target.value, "attempts": message.attempts}
    tx.record(action, actor=f"provider:{provider}" if provider else "notify", object_id=str(message.id), channel="job", data=data)
