"""Accept a message: every check in the contract's order, then one transaction, then the answer.

This is the path that carries the load: no ORM, nothing read that the catalogue holds, one commit.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Insert

from notify.context import Notify
from notify.errors import DailyLimitExceeded, RateLimitExceeded
from notify.events import Event
from notify.models.base import scope_of
from notify.models.catalogue import KnownTemplate
from notify.operations import checks
from notify.operations.attachments import attach, attachment_rows
from notify.operations.authentication import Holder
from notify.operations.checks import Recipient
from notify.operations.documents import store_files
from notify.operations.intake import Kept, count, keep_in, take_in, work_ids
from notify.operations.once import Once
from notify.operations.rendering import Content, compose
from notify.operations.requests import SendBody
from notify.standards.file_values import is_file
from notify.standards.sanitise import sanitise_values
from notify.standards.simulator import is_smoke
from notify.standards.statuses import Channel, Status
from shared.audit.entries import new_entry
from shared.outbox import URGENT
from shared.problems import Wait

TRIAL_DAILY = 50
INTERNATIONAL = "international_sms"
_KIND_NAMES = {"normal": "LIVE", "team": "TEAM", "test": "TEST"}
_SECONDS_A_MINUTE = 60
_SECONDS_A_DAY = 24 * 3600


@dataclass(frozen=True)
class Accepted:
    """A message that is kept (or, for smoke recipients, answered as if it were)."""

    id: uuid.UUID
    template: KnownTemplate
    content: Content
    reference: str | None
    sender: str | None
    scheduled_for: datetime | None
    unsubscribe_url: str | None
    sanitised: dict[str, dict[str, object]]


@dataclass(frozen=True)
class Prepared:
    """A message that passed the checks of its service, template and recipient; `also` is what must be written with it."""

    template: KnownTemplate
    content: Content
    recipient: Recipient
    values: dict[str, object]
    sender: str | None
    sanitised: dict[str, dict[str, object]]
    also: tuple[Insert, ...] = ()
    attached: tuple[bytes, ...] = ()


def accept(notify: Notify, holder: Holder, channel: str, read_body: Callable[[], SendBody], once: Once | None = None) -> Accepted:
    """Take one message.  The body is read only after the limits let it pass.  Raises: the kinds of notify.errors.

    What was done with the same key is answered first: it is no new message, and limits, times and templates may have changed since.
    """
    if once and (earlier := once.find(notify)):
        return again(notify, holder, earlier)
    international_count = check_limits(notify, holder, channel)
    body = read_body()
    prepared = prepare(notify, holder, channel, body)
    if prepared.recipient.international and channel == Channel.SMS:
        check_daily(notify, holder, INTERNATIONAL, international_count)
    smoke = is_smoke(prepared.recipient.matched)
    prepared = _with_files(notify, holder, body, prepared, keep=not smoke)
    checks.check_size(channel, prepared.content)
    accepted = Accepted(
        id=notify.ids.uuid7(),
        template=prepared.template,
        content=prepared.content,
        reference=body.reference,
        sender=prepared.sender,
        scheduled_for=body.scheduled_for,
        unsubscribe_url=body.unsubscribe_url,
        sanitised=prepared.sanitised,
    )
    if smoke:
        return accepted
    kept = kept_form(notify, holder, accepted.id, body, prepared)
    if once is None:
        take_in(notify, kept)
        return accepted
    with notify.transaction() as tx:
        if earlier := once.claim(notify, tx.connection, _for_later(accepted)):
            return again(notify, holder, earlier)
        keep_in(tx, [kept])
    count(notify, [kept])
    return accepted


def _for_later(accepted: Accepted) -> dict[str, Any]:
    """Give an acceptance as it is kept under an idempotency key."""
    return {
        "id": str(accepted.id),
        "template": [str(accepted.template.id), accepted.template.version],
        "content": [accepted.content.subject, accepted.content.body],
        "reference": accepted.reference,
        "sender": accepted.sender,
        "scheduled_for": accepted.scheduled_for.isoformat() if accepted.scheduled_for else None,
        "unsubscribe_url": accepted.unsubscribe_url,
        "sanitised": accepted.sanitised,
    }


def again(notify: Notify, holder: Holder, kept: dict[str, Any]) -> Accepted:
    """Give the acceptance of the first request with a key."""
    template_id, version = kept["template"]
    template = notify.catalogue.find_version(holder.service.id, uuid.UUID(template_id), version)
    if template is None:  # versions stay for ever
        raise LookupError("an acceptance without its template")
    at = kept["scheduled_for"]
    return Accepted(
        id=uuid.UUID(kept["id"]),
        template=template,
        content=Content(*kept["content"]),
        reference=kept["reference"],
        sender=kept["sender"],
        scheduled_for=datetime.fromisoformat(at) if at else None,
        unsubscribe_url=kept["unsubscribe_url"],
        sanitised=kept["sanitised"],
    )


def _with_files(notify: Notify, holder: Holder, body: SendBody, prepared: Prepared, *, keep: bool) -> Prepared:
    """Put links in the place of files.  Raises: MessageNotValid, MessageRefused."""
    values, statements = store_files(notify, holder, prepared.values, prepared.recipient.matched, keep=keep)
    attached = attach(notify, holder, body.attachments) if body.attachments else ()
    if values is prepared.values and not attached:
        return prepared
    return replace(prepared, values=values, content=compose(prepared.template, values), also=statements, attached=attached)


def check_limits(notify: Notify, holder: Holder, channel: str) -> int:
    """Take one token of the service's rate and look at its day; give how many texts went abroad today.

    Raises: RateLimitExceeded, DailyLimitExceeded.
    """
    service, kind = holder.service, holder.key.kind
    taken = notify.limits.take(str(service.id), kind, service.rate_per_minute, [channel, INTERNATIONAL], notify.clock.now())
    if not taken.allowed:
        raise RateLimitExceeded(
            f"Exceeded rate limit for key type {_KIND_NAMES[kind]} of {service.rate_per_minute} requests per 60 seconds",
            wait=Wait(service.rate_per_minute, _SECONDS_A_MINUTE, max(1, -(-_SECONDS_A_MINUTE // max(1, service.rate_per_minute)))),
        )
    check_daily(notify, holder, channel, taken.counts[0])
    return taken.counts[1]


def check_daily(notify: Notify, holder: Holder, counter: str, count: int, more: int = 1) -> None:
    """Raises: DailyLimitExceeded unless `more` messages still fit into today's allowance."""
    limit = holder.service.daily[counter]
    if holder.service.restricted and holder.key.kind != "test":
        limit = min(limit, TRIAL_DAILY)
    if count + more > limit:
        now = notify.clock.now()
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        wait = Wait(limit, _SECONDS_A_DAY, max(1, -int((now - midnight).total_seconds())))
        raise DailyLimitExceeded(f"Exceeded send limits ({counter}: {limit}) for today", wait=wait)


def prepare(notify: Notify, holder: Holder, channel: str, body: SendBody, known: KnownTemplate | None = None) -> Prepared:
    """Check a message against its service, template and recipient, in the contract's order.  `known` is a version to be used whatever
    became of the template.  Raises: the kinds of notify.errors.
    """
    checks.check_channel(holder, channel)
    values, sanitised = sanitise_values(body.personalisation, body.sanitise_for)
    values = holder.service.rules.written(values)
    template = known or checks.get_template(notify, holder, body.template_id, channel)
    content = compose(template, {key: "…" if is_file(value) else value for key, value in values.items()})  # its link comes later
    if channel == Channel.LETTER:
        checks.check_qr(content)
    checks.check_values(template, values)
    checks.check_not_empty(content)
    checks.check_files(channel, values)
    sender = checks.choose_sender(holder, channel, body.sender_id)
    recipient = checks.check_whom(notify, holder, template, body.recipient, values)
    if channel == Channel.SMS:
        sender = sender or notify.settings.default_sms_sender
    return Prepared(template, content, recipient, values, sender, sanitised)


def kept_form(notify: Notify, holder: Holder, notification_id: uuid.UUID, body: SendBody, prepared: Prepared) -> Kept:
    """Give a message as it is written."""
    channel, service, recipient = prepared.template.channel, holder.service, prepared.recipient
    sealed: dict[str, object] = {
        "to": recipient.given,
        "matched": recipient.matched,
        "values": prepared.values,
        "unsubscribe_url": body.unsubscribe_url,
    }
    if prepared.attached:
        sealed["attachments"] = len(prepared.attached)
    row: dict[str, object] = {
        "id": notification_id,
        "service_id": service.id,
        "api_key_id": holder.key.id,
        "key_kind": holder.key.kind,
        "channel": channel,
        "template_id": prepared.template.id,
        "template_version": prepared.template.version,
        "status": Status.CREATED.value,
        "reference": body.reference,
        "sealed": notify.cipher.encrypt(json.dumps(sealed), scope=scope_of(service.id)),
        "recipient_index": notify.catalogue.index(recipient.matched),
        "sender": prepared.sender,
        "postage": recipient.postage,
        "international": recipient.international,
        "rate_multiplier": recipient.multiplier,
        "scheduled_for": body.scheduled_for,
        "created_at": notify.clock.now(),
    }
    request_id, journey_id = work_ids()
    entry = new_entry(
        notify.clock,
        notify.ids,
        action=Event.ACCEPTED,
        outcome="done",
        actor=holder.named,
        object_id=str(notification_id),
        request_id=request_id,
        journey_id=journey_id,
        data={"channel": channel, "template": str(prepared.template.id), "version": prepared.template.version, "key": holder.key.kind},
    )
    followed = body.followed_by(notification_id) if body.followed_by else ()
    also = (*prepared.also, *attachment_rows(notify, notification_id, prepared.attached), *followed)
    used = _counters(holder, channel, recipient)
    return Kept(row, entry, used, body.scheduled_for, request_id, journey_id, also, queue=URGENT if prepared.template.urgent else "")


def _counters(holder: Holder, channel: str, recipient: Recipient) -> tuple[str, ...]:
    if holder.key.kind == "test":
        return ()
    return (channel, INTERNATIONAL) if recipient.international and channel == Channel.SMS else (channel,)
