"""Bounces and complaints of a day against the e-mails of that day: too many warn a service, more pause its e-mails.

The operator lets a service go on; what was counted before is forgiven then.  Spec: docs/notify/standing.md.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models.notification import Notification
from notify.models.service import Service
from notify.models.standing import STANDINGS, MailTrouble, ServiceStanding, Standing
from notify.models.suppression import Reason
from notify.models.team import Member
from notify.standards.statuses import Channel
from shared.transaction import Transaction

WINDOW = timedelta(hours=24)
TROUBLES_KEPT = timedelta(days=30)
# Fewer than these say nothing, whatever the share.
BOUNCES_MIN = 10
COMPLAINTS_MIN = 3
_LIVE_KINDS = ("normal", "team")


@dataclass(frozen=True)
class Measured:
    """What a service sent in the window, and what came of it."""

    mails: int
    bounces: int
    complaints: int

    def percent(self, troubles: int) -> Decimal:
        """Give the share of the e-mails, in hundredths."""
        return Decimal(100 * troubles) / max(1, self.mails)


@dataclass(frozen=True)
class StandingShown:
    """Where a service stands; `measured` is what led there, `lately` what the last day would say."""

    service_id: uuid.UUID
    service_name: str
    state: Standing
    since: datetime | None
    measured: Measured
    lately: Measured


def note_trouble(notify: Notify, tx: Transaction, service_id: uuid.UUID, notification_id: uuid.UUID, reason: Reason) -> bool:
    """Count a bounce or a complaint; one message counts once for each, false where it was counted before."""
    row = {"notification_id": notification_id, "kind": reason.value, "service_id": service_id, "at": notify.clock.now()}
    return bool(tx.connection.execute(insert(MailTrouble).values(row).on_conflict_do_nothing()).rowcount)


def watch_standings(notify: Notify) -> list[uuid.UUID]:
    """Look at every service with lately many troubles, and at those that are warned; give whose standing changed."""
    since = notify.clock.now() - WINDOW
    counted = select(MailTrouble.service_id).where(MailTrouble.at >= since).group_by(MailTrouble.service_id)
    warned = select(ServiceStanding.service_id).where(ServiceStanding.state == Standing.WARNED.value)
    with notify.transaction() as tx:
        tx.forget(delete(MailTrouble).where(MailTrouble.at < notify.clock.now() - TROUBLES_KEPT))
        troubled = tx.connection.execute(counted.having(func.count() >= min(BOUNCES_MIN, COMPLAINTS_MIN))).scalars().all()
        ids = sorted({*troubled, *tx.connection.execute(warned).scalars()})
    return [service_id for service_id in ids if _watch(notify, service_id)]


def _watch(notify: Notify, service_id: uuid.UUID) -> bool:
    with notify.transaction() as tx:
        row = _locked(tx, service_id, notify.clock.now())
        present = Standing(row.state)
        measured = _measure(tx, service_id, _counted_from(notify, row.counted_from))
        target = judge(notify, measured)
        # Only a person lets a paused service go on.
        if target is present or present is Standing.PAUSED:
            return False
        _move(notify, tx, row, target, measured, by=_WATCH)
    notify.catalogue.forget()
    return True


def judge(notify: Notify, measured: Measured) -> Standing:
    """Tell where figures put a service."""
    settings = notify.settings
    if measured.mails < settings.mail_care_messages_min:
        return Standing.GOOD
    bounced, complained = measured.percent(measured.bounces), measured.percent(measured.complaints)
    for state, bounce_percent, complaint_percent in (
        (Standing.PAUSED, settings.mail_bounce_pause_percent, settings.mail_complaint_pause_percent),
        (Standing.WARNED, settings.mail_bounce_warn_percent, settings.mail_complaint_warn_percent),
    ):
        too_many_bounces = measured.bounces >= BOUNCES_MIN and bounced >= Decimal(bounce_percent)
        if too_many_bounces or (measured.complaints >= COMPLAINTS_MIN and complained >= Decimal(complaint_percent)):
            return state
    return Standing.GOOD


def pause(notify: Notify, member: Member, service_id: uuid.UUID) -> None:
    """Stop a service's e-mails by hand.  Raises: WrongState."""
    _by_hand(notify, member, service_id, Standing.PAUSED)


def resume(notify: Notify, member: Member, service_id: uuid.UUID) -> None:
    """Let a service's e-mails go on, what was counted before forgiven.  Raises: WrongState."""
    _by_hand(notify, member, service_id, Standing.GOOD)


def _by_hand(notify: Notify, member: Member, service_id: uuid.UUID, target: Standing) -> None:
    now = notify.clock.now()
    with notify.transaction() as tx:
        row = _locked(tx, service_id, now)
        measured = _measure(tx, service_id, _counted_from(notify, row.counted_from))
        _move(notify, tx, row, target, measured, by=_By(member.actor, "console"))
        row.counted_from = now if target is Standing.GOOD else row.counted_from
    notify.catalogue.forget()


def state_of(notify: Notify, service_id: uuid.UUID) -> Standing:
    """Give where a service stands, without figures."""
    with notify.reading() as tx:
        state = tx.connection.execute(select(ServiceStanding.state).where(ServiceStanding.service_id == service_id)).scalar_one_or_none()
    return Standing(state or Standing.GOOD)


def show_standing(notify: Notify, service_id: uuid.UUID) -> StandingShown:
    """Give where a service stands, and the figures of its last day."""
    joined = select(Service.name, ServiceStanding.__table__).outerjoin(ServiceStanding, ServiceStanding.service_id == Service.id)
    with notify.reading() as tx:
        row = tx.connection.execute(joined.where(Service.id == service_id)).one()
        lately = _measure(tx, service_id, _counted_from(notify, row.counted_from))
    if row.state is None:
        return StandingShown(service_id, row.name, Standing.GOOD, None, Measured(0, 0, 0), lately)
    led = Measured(row.mails, row.bounces, row.complaints)
    return StandingShown(service_id, row.name, Standing(row.state), row.since, led, lately)


def list_standings(notify: Notify) -> list[StandingShown]:
    """Give the services that are warned or paused, the paused first."""
    wanted = select(ServiceStanding.service_id).where(ServiceStanding.state != Standing.GOOD.value)
    with notify.reading() as tx:
        ids = tx.connection.execute(wanted.order_by(ServiceStanding.state, ServiceStanding.since)).scalars().all()
    return [show_standing(notify, service_id) for service_id in ids]


def _locked(tx: Transaction, service_id: uuid.UUID, now: datetime) -> ServiceStanding:
    first = {"service_id": service_id, "state": Standing.GOOD.value, "since": now, "mails": 0, "bounces": 0, "complaints": 0}
    tx.connection.execute(insert(ServiceStanding).values(first).on_conflict_do_nothing())
    return tx.session.execute(select(ServiceStanding).where(ServiceStanding.service_id == service_id).with_for_update()).scalar_one()


def _counted_from(notify: Notify, forgiven: datetime | None) -> datetime:
    since = notify.clock.now() - WINDOW
    return since if forgiven is None else max(since, forgiven)


def _measure(tx: Transaction, service_id: uuid.UUID, since: datetime) -> Measured:
    table = Notification
    sent = (table.service_id == service_id) & table.key_kind.in_(_LIVE_KINDS) & (table.created_at > since)
    mails = select(func.count()).where(sent, table.channel == Channel.EMAIL.value, table.sent_at.is_not(None))
    own = (MailTrouble.service_id == service_id) & (MailTrouble.at > since)
    troubles = select(MailTrouble.kind, func.count()).where(own)
    # What a relay refused at once never left, and counts as an e-mail too.
    refused = select(func.count()).where(own, MailTrouble.notification_id == table.id, table.sent_at.is_(None))
    found: dict[str, int] = {kind: int(number) for kind, number in tx.connection.execute(troubles.group_by(MailTrouble.kind))}
    counted = tx.connection.execute(mails).scalar_one() + tx.connection.execute(refused).scalar_one()
    return Measured(counted, found.get(Reason.BOUNCE.value, 0), found.get(Reason.COMPLAINT.value, 0))


@dataclass(frozen=True)
class _By:
    """Who moves a standing, and from where."""

    actor: str
    channel: str


_WATCH = _By("notify", "job")


def _move(notify: Notify, tx: Transaction, row: ServiceStanding, target: Standing, measured: Measured, *, by: _By) -> None:
    """Move a locked standing along its table, and have people told of what is not good.  Raises: WrongState."""
    action = STANDINGS.check(Standing(row.state), target)
    row.state, row.since = target.value, notify.clock.now()
    row.mails, row.bounces, row.complaints = measured.mails, measured.bounces, measured.complaints
    figures: dict[str, str | int | bool | list[str]] = {
        "mails": measured.mails,
        "bounces": measured.bounces,
        "complaints": measured.complaints,
    }
    tx.record(action, actor=by.actor, object_id=str(row.service_id), channel=by.channel, data=figures)
    if target is not Standing.GOOD:
        tx.enqueue("tell_of_standing", {"service_id": str(row.service_id), "since": row.since.isoformat()})
