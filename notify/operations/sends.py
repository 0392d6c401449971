"""Accept a message: every check in the contract's order, then one transaction, then the answer.

This is the path that carries the load: no ORM, nothing read that the catalogue holds, one commit.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from notify.context import Notify
from notify.errors import DailyLimitExceeded, RateLimitExceeded
from notify.events import Event
from notify.models.base import scope_of
from notify.models.catalogue import KnownTemplate
from notify.operations import checks
from notify.operations.authentication import Holder
from notify.operations.checks import Recipient
from notify.operations.intake import Kept, take_in, work_ids
from notify.operations.rendering import Content, compose
from notify.operations.requests import SendBody
from notify.standards.sanitise import sanitise_values
from notify.standards.simulator import is_smoke
from notify.standards.statuses import Channel, Status
from shared.audit.entries import new_entry

TRIAL_DAILY = 50
INTERNATIONAL = "international_sms"
_KIND_NAMES = {"normal": "LIVE", "team": "TEAM", "test": "TEST"}
_SECONDS_A_MINUTE = 60


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
class _Prepared:
    template: KnownTemplate
    content: Content
    recipient: Recipient
    values: dict[str, object]
    sender: str | None
    sanitised: dict[str, dict[str, object]]


def accept(notify: Notify, holder: Holder, channel: str, read_body: Callable[[], SendBody]) -> Accepted:
    """Take one message.  The body is read only after the limits let it pass.  Raises: the kinds of notify.errors."""
    international_count = _check_limits(notify, holder, channel)
    body = read_body()
    prepared = _prepare(notify, holder, channel, body)
    if prepared.recipient.international and channel == Channel.SMS:
        _check_daily(holder, INTERNATIONAL, international_count)
    checks.check_size(channel, prepared.content)
    notification_id = notify.ids.uuid7()
    if not is_smoke(prepared.recipient.matched):
        _keep(notify, holder, notification_id, body, prepared)
    return Accepted(
        id=notification_id,
        template=prepared.template,
        content=prepared.content,
        reference=body.reference,
        sender=prepared.sender,
        scheduled_for=body.scheduled_for,
        unsubscribe_url=body.unsubscribe_url,
        sanitised=prepared.sanitised,
    )


def _check_limits(notify: Notify, holder: Holder, channel: str) -> int:
    service, kind = holder.service, holder.key.kind
    counters = [channel, INTERNATIONAL]
    taken = notify.limits.take(str(service.id), kind, service.rate_per_minute, counters, notify.clock.now())
    if not taken.allowed:
        raise RateLimitExceeded(
            f"Exceeded rate limit for key type {_KIND_NAMES[kind]} of {service.rate_per_minute} requests per 60 seconds",
            retry_after_seconds=max(1, -(-_SECONDS_A_MINUTE // max(1, service.rate_per_minute))),
        )
    _check_daily(holder, channel, taken.counts[0])
    return taken.counts[1]


def _check_daily(holder: Holder, counter: str, count: int) -> None:
    limit = holder.service.daily[counter]
    if holder.service.restricted and holder.key.kind != "test":
        limit = min(limit, TRIAL_DAILY)
    if count >= limit:
        raise DailyLimitExceeded(f"Exceeded send limits ({counter}: {limit}) for today")


def _prepare(notify: Notify, holder: Holder, channel: str, body: SendBody) -> _Prepared:
    checks.check_channel(holder, channel)
    values, sanitised = sanitise_values(body.personalisation, body.sanitise_for)
    template = checks.get_template(notify, holder, body.template_id, channel)
    content = compose(template, values)
    if channel == Channel.LETTER:
        checks.check_qr(content)
    checks.check_values(template, values)
    checks.check_not_empty(content)
    checks.check_files(notify, holder, channel, values)
    sender = checks.choose_sender(holder, channel, body.sender_id)
    if channel == Channel.LETTER:
        checks.check_letter(holder)
        recipient, _ = checks.check_address(holder, template, values)
    else:
        recipient = checks.check_recipient(notify, holder, channel, body.recipient)
    if channel == Channel.SMS:
        sender = sender or notify.settings.default_sms_sender
    return _Prepared(template, content, recipient, values, sender, sanitised)


def _keep(notify: Notify, holder: Holder, notification_id: uuid.UUID, body: SendBody, prepared: _Prepared) -> None:
    """Write the message, its delivery job and its audit row, all or nothing, together with what other threads write just now."""
    take_in(notify, kept_form(notify, holder, notification_id, body, prepared))


def kept_form(notify: Notify, holder: Holder, notification_id: uuid.UUID, body: SendBody, prepared: _Prepared) -> Kept:
    """Give a message as it is written."""
    channel, service, recipient = prepared.template.channel, holder.service, prepared.recipient
    sealed = {"to": recipient.given, "matched": recipient.matched, "values": prepared.values, "unsubscribe_url": body.unsubscribe_url}
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
    return Kept(row, entry, _counters(holder, channel, recipient), body.scheduled_for, request_id, journey_id)


def _counters(holder: Holder, channel: str, recipient: Recipient) -> tuple[str, ...]:
    if holder.key.kind == "test":
        return ()
    return (channel, INTERNATIONAL) if recipient.international and channel == Channel.SMS else (channel,)
