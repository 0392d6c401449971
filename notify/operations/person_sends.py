"""Write to a person the way that person wants it, and by the next way where the first does not arrive.  Spec: requirements NO-15.

A message that failed is followed by one on the next channel there is a template for; each is a message of its own.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Insert, Row, delete, insert, select, update

from notify.context import Notify
from notify.errors import DailyLimitExceeded, MessageRefused, RateLimitExceeded, Refusal, SendingPaused
from notify.events import Event
from notify.models import messages
from notify.models.base import scope_of
from notify.models.preference import PersonSend
from notify.operations import checks
from notify.operations.authentication import Holder
from notify.operations.holders import holder_of
from notify.operations.intake import work_ids
from notify.operations.once import Once
from notify.operations.preferences import Preference, preference_of
from notify.operations.requests import SendBody
from notify.operations.sends import Accepted, accept, again, prepare
from notify.standards.mailbox_address import mailbox_address
from notify.standards.personalisation import same_key
from notify.standards.postal_address import LINE_KEYS
from notify.standards.statuses import COMPLETED, Channel, Status
from shared import trace
from shared.tasks import ALWAYS_PASSING

log = structlog.get_logger("andamio.notify.person_sends")
USUAL = (Channel.MAILBOX, Channel.EMAIL, Channel.SMS, Channel.LETTER)
LOOK_AGAIN = timedelta(minutes=10)
FOLLOWED = timedelta(hours=96)
LOOKED_AT_ONCE = 200
_FAILED = frozenset({Status.PERMANENT_FAILURE, Status.TEMPORARY_FAILURE, Status.TECHNICAL_FAILURE, Status.VALIDATION_FAILED})


@dataclass(frozen=True)
class PersonBody:
    """What is to be said to whom: a template for each channel that may be used, and addresses that the service knows itself."""

    person: str = field(repr=False)
    templates: Mapping[Channel, uuid.UUID]
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    personalisation: dict[str, object] = field(default_factory=dict, repr=False)
    reference: str | None = None
    falls_back: bool = True


def send_to_person(notify: Notify, holder: Holder, body: PersonBody, once: Once | None = None) -> Accepted:
    """Take one message on the best channel there is.  Raises: MessageRefused where there is none, else as `accept`."""
    if once and (earlier := once.find(notify)):
        return again(notify, holder, earlier)  # the ways may have changed since
    ways = _ways(notify, holder, body)
    (channel, recipient), rest = ways[0], ways[1:]
    template_id = body.templates[channel]
    left = {way: body.templates[way] for way, _ in rest} if body.falls_back else {}

    def follow(notification_id: uuid.UUID) -> tuple[Insert, ...]:
        return (_followed(notify, holder, notification_id, replace(body, templates=left)),) if left else ()

    asked = SendBody(
        template_id=template_id,
        recipient=recipient,
        personalisation=body.personalisation,
        reference=body.reference,
        followed_by=follow,
    )
    return accept(notify, holder, channel, lambda: asked, once)


def check_person(notify: Notify, holder: Holder, body: PersonBody) -> None:
    """Look at what is to be said to a person later, on whichever channel, as if it went now.

    Raises: as a send.
    """
    channel, recipient = _ways(notify, holder, body)[0]
    template_id = body.templates[channel]
    prepare(notify, holder, channel, SendBody(template_id=template_id, recipient=recipient, personalisation=body.personalisation))
    for channel, template_id in body.templates.items():
        checks.check_values(checks.get_template(notify, holder, template_id, channel), body.personalisation)


def _ways(notify: Notify, holder: Holder, body: PersonBody) -> list[tuple[Channel, str]]:
    """Give the ways there are now.  Raises: MessageRefused where there is none, SendingPaused where there will be one again."""
    for channel, template_id in body.templates.items():
        checks.get_template(notify, holder, template_id, channel)
    with notify.reading() as tx:
        wish = preference_of(notify, tx.connection, [notify.catalogue.index(mailbox_address(body.person))])
    ways = ways_to(holder, body, wish)
    is_paused = holder.service.mail_paused and holder.key.kind != "test"
    open_ways = [way for way in ways if not (way[0] is Channel.EMAIL and is_paused)]
    if ways and not open_ways:
        checks.check_channel(holder, Channel.EMAIL)
    if not open_ways:
        raise MessageRefused("There is no template for a channel on which this person can be reached")
    return open_ways


def person_json(body: PersonBody) -> dict[str, object]:
    """Give a body as it is kept, to be read by `person_of`."""
    return {
        "person": body.person,
        "templates": {channel.value: str(template) for channel, template in body.templates.items()},
        "email": body.email,
        "phone": body.phone,
        "personalisation": body.personalisation,
        "reference": body.reference,
        "falls_back": body.falls_back,
    }


def person_of(kept: Mapping[str, Any]) -> PersonBody:
    """Read a body that was kept."""
    templates = {Channel(name): uuid.UUID(template) for name, template in kept["templates"].items()}
    return PersonBody(**{**kept, "templates": templates})


def ways_to(holder: Holder, body: PersonBody, wish: Preference | None) -> list[tuple[Channel, str]]:
    """Give the channels that lead to the person, the wanted ones first, each with where it leads."""
    wanted = wish.channels if wish else ()
    by_key = {same_key(key): value for key, value in body.personalisation.items()}
    reach = {
        Channel.MAILBOX: body.person,
        Channel.EMAIL: (wish.email if wish else "") or body.email,
        Channel.SMS: (wish.phone if wish else "") or body.phone,
        Channel.LETTER: ", ".join(str(by_key[same_key(key)]) for key in LINE_KEYS if by_key.get(same_key(key))),
    }
    order = dict.fromkeys((*wanted, *USUAL))
    allowed = holder.service.permissions
    return [(channel, reach[channel]) for channel in order if channel in body.templates and reach[channel] and channel in allowed]


def follow_person_sends(notify: Notify) -> int:
    """Look at messages to people that are due to be looked at; give how many went on to another channel."""
    now = notify.clock.now()
    with notify.transaction() as tx:
        due = select(PersonSend.__table__).where(PersonSend.look_at <= now).order_by(PersonSend.look_at).limit(LOOKED_AT_ONCE)
        rows = tx.connection.execute(due.with_for_update(skip_locked=True)).all()
        later = update(PersonSend).where(PersonSend.notification_id.in_([row.notification_id for row in rows]))
        tx.connection.execute(later.values(look_at=now + LOOK_AGAIN))
    went_on = 0
    for row in rows:
        with trace.going_on(row.request_id, row.journey_id):
            went_on += _look(notify, row)
    return went_on


def _look(notify: Notify, row: Row[Any]) -> bool:
    with notify.reading() as tx:
        found = messages.find_row(tx.connection, row.notification_id)
    status = Status(found.status) if found else None
    if status not in _FAILED:
        is_over = status is None or (status in COMPLETED) or notify.clock.now() - row.created_at > FOLLOWED
        if is_over:
            _forget(notify, row.notification_id)
        return False
    try:
        went_on = _go_on(notify, row)
    except (RateLimitExceeded, DailyLimitExceeded, SendingPaused):
        return False  # looked at again
    except Refusal as refused:
        log.info("no other way to a person", notification=str(row.notification_id), refused=refused.slug)
        went_on = False
    except ALWAYS_PASSING:
        raise
    except Exception as fault:
        # One that breaks us holds nobody else up.
        log.exception("cannot go on to another way", notification=str(row.notification_id), error=type(fault).__name__)
        went_on = False
    _forget(notify, row.notification_id)
    return went_on


def _go_on(notify: Notify, row: Row[Any]) -> bool:
    """Send by the next channel; a repeat after a crash is known by the first message's id."""
    holder = holder_of(notify, row.service_id, row.api_key_id)
    if holder is None:
        return False
    kept = json.loads(notify.cipher.decrypt(row.sealed, scope=scope_of(row.service_id)))
    once = Once(row.service_id, "/after", str(row.notification_id), "")
    made = send_to_person(notify, holder, person_of(kept), once)
    with notify.transaction() as tx:
        data: dict[str, str | int | bool | list[str]] = {"channel": made.template.channel, "after": str(row.notification_id)}
        tx.record(Event.WENT_ON, actor="notify", object_id=str(made.id), channel="job", data=data)
    return True


def _followed(notify: Notify, holder: Holder, notification_id: uuid.UUID, rest: PersonBody) -> Insert:
    kept, now = person_json(rest), notify.clock.now()
    request_id, journey_id = work_ids()
    return insert(PersonSend).values(
        notification_id=notification_id,
        service_id=holder.service.id,
        api_key_id=holder.key.id,
        sealed=notify.cipher.encrypt(json.dumps(kept), scope=scope_of(holder.service.id)),
        request_id=request_id,
        journey_id=journey_id,
        look_at=now + LOOK_AGAIN,
        created_at=now,
    )


def _forget(notify: Notify, notification_id: uuid.UUID) -> None:
    with notify.db.begin() as connection:
        connection.execute(delete(PersonSend).where(PersonSend.notification_id == notification_id))
