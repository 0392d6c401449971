"""Providers as the operator sees and steers them: what each did lately, and its weight.  Spec: notify-api §20 (provider details)."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.events import Event
from notify.models.notification import Notification
from notify.models.provider_setting import ProviderSetting
from notify.models.team import Member
from notify.operations.usage import FAILED
from notify.standards.statuses import Channel, Status
from shared.problems import InvalidRequest, NotFound
from shared.web import gettext_noop

STEERED = (Channel.EMAIL, Channel.SMS, Channel.LETTER)
LATELY = timedelta(hours=24)
WEIGHT_MAX = 1000


@dataclass(frozen=True)
class ProviderCard:
    """A provider and its last 24 hours; `weight` 0 is paused; `seconds` from acceptance to hand-over, on average."""

    channel: str
    name: str
    weight: int
    can_be_weighted: bool
    handed_over: int = 0
    delivered: int = 0
    failed: int = 0
    seconds: float = 0


def list_providers(notify: Notify) -> list[ProviderCard]:
    """Give the providers that are set up, and others that handed messages over lately."""
    table, since = Notification, notify.clock.now() - LATELY
    wait = func.avg(func.extract("epoch", table.sent_at - table.created_at))
    wanted = (
        select(table.channel, table.provider, table.status, func.count(), wait)
        .where(table.created_at >= since, table.provider.is_not(None), table.sent_at.is_not(None), table.key_kind != "test")
        .group_by(table.channel, table.provider, table.status)
    )
    with notify.reading() as tx:
        rows = tx.connection.execute(wanted).all()
    weights = {
        (channel, name): weight
        for channel in STEERED
        for name, weight in (set_up(notify, channel) | notify.catalogue.provider_weights(channel)).items()
    }
    named = weights.keys() | {(row[0], row[1]) for row in rows}
    cards = []
    for channel, name in sorted(named):
        own = [(Status(row[2]), int(row[3]), float(row[4] or 0)) for row in rows if (row[0], row[1]) == (channel, name)]
        total = sum(number for _, number, _ in own)
        cards.append(
            ProviderCard(
                channel,
                name,
                weights.get((channel, name), 1),
                name in set_up(notify, channel),
                total,
                sum(number for status, number, _ in own if status is Status.DELIVERED),
                sum(number for status, number, _ in own if status in FAILED),
                sum(number * seconds for _, number, seconds in own) / total if total else 0,
            )
        )
    return cards


def set_up(notify: Notify, channel: str) -> dict[str, int]:
    """Give the weights that the settings say, by provider; the mailbox has one way."""
    if channel == Channel.SMS:
        return {route.name: route.weight for route in notify.sms_routes}
    if channel == Channel.LETTER:
        return {route.name: route.weight for route in notify.print_routes}
    return {route.name: route.weight for route in notify.email_routes} if channel == Channel.EMAIL else {}


def set_weight(notify: Notify, member: Member, channel: str, name: str, weight: int) -> None:
    """Give a provider another share; 0 pauses it.  Raises: NotFound, InvalidRequest."""
    if name not in set_up(notify, channel):
        raise NotFound(gettext_noop("There is no such provider."))
    if not 0 <= weight <= WEIGHT_MAX:
        raise InvalidRequest(gettext_noop("A share is a number from 0 to 1000."))
    changed = {"weight": weight, "changed_by": member.actor, "changed_at": notify.clock.now()}
    with notify.transaction() as tx:
        added = insert(ProviderSetting).values(channel=channel, name=name, **changed)
        tx.connection.execute(added.on_conflict_do_update(index_elements=["channel", "name"], set_=changed))
        data: dict[str, str | int | bool | list[str]] = {"channel": channel, "weight": weight}
        tx.record(Event.PROVIDER_CHANGED, actor=member.actor, object_id=name, channel="console", data=data)
    notify.catalogue.forget()
