"""Lists of recipients that a team keeps: every row is looked at before one is kept, and again by the template it is sent with.

What stands in a list is seen by who may send for the service, leaves it as an upload or as a file with a row in the log, and goes when the
team deletes it or its time is over.  Spec: notify-api §20 (contact lists); NO-3.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from notify.context import Notify
from notify.events import Event
from notify.models.base import scope_of
from notify.models.catalogue import KnownTemplate
from notify.models.contact_list import ContactList
from notify.models.team import Member
from notify.operations.bulk import RECIPIENTS
from notify.operations.by_hand import recipient_fault
from notify.operations.services import rules_of
from notify.operations.uploads import WRONG_MAX, Checked, WrongRow, guess, keep_upload, needed
from notify.standards.csv_rows import InvalidSheet, Sheet, csv_line
from notify.standards.postal_address import LINE_KEYS
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop

KEPT_DAYS = (30, 90, 365)
LISTS_MAX = 50
NAME_CHARACTERS_MAX = 255
_CARD = ("id", "channel", "name", "columns", "rows", "created_at", "used_at", "keep_until")


class TooManyLists(ValueError):
    """The service keeps as many lists as it may."""


@dataclass(frozen=True)
class NewList:
    """A list as a person asks to keep it."""

    channel: Channel
    name: str
    days: int
    sheet: Sheet = field(repr=False)


@dataclass(frozen=True)
class ListCard:
    """A list as it is shown: nothing of whom it holds."""

    id: uuid.UUID
    channel: str
    name: str
    columns: tuple[str, ...]
    rows: int
    created_at: datetime
    used_at: datetime | None
    keep_until: datetime


def check_list(notify: Notify, service_id: uuid.UUID, channel: Channel, sheet: Sheet) -> Checked:
    """Look at the recipient of every row.  Raises: InvalidSheet where no column says who it is."""
    names = [*LINE_KEYS, "postcode"] if channel is Channel.LETTER else [RECIPIENTS[channel]]
    match, rules = guess(sheet.columns, names), rules_of(notify, service_id)
    if not match:
        raise InvalidSheet("No column says who the recipients are")
    wrong: list[WrongRow] = []
    right: list[int] = []
    for number, cells in enumerate(sheet.rows, 1):
        values: dict[str, object] = {name: cells[at] for name, at in match.items() if cells[at]}
        fault = recipient_fault(channel, str(values.get(names[0], "")), values, rules)
        if fault is None:
            right.append(number)
        else:
            wrong.append(WrongRow(number, [("recipient", fault)]))
    return Checked(len(wrong), wrong[:WRONG_MAX], right)


def keep_list(notify: Notify, member: Member, service_id: uuid.UUID, wanted: NewList) -> uuid.UUID:
    """Keep a list whose rows are right.  Raises: TooManyLists."""
    list_id, now = notify.ids.uuid4(), notify.clock.now()
    row = {
        "id": list_id,
        "service_id": service_id,
        "channel": wanted.channel.value,
        "name": wanted.name,
        "columns": [column[:255] for column in wanted.sheet.columns],
        "rows": len(wanted.sheet.rows),
        "sealed": notify.cipher.encrypt(json.dumps(wanted.sheet.rows), scope=scope_of(service_id)),
        "created_by": member.actor,
        "created_at": now,
        "keep_until": now + timedelta(days=wanted.days),
    }
    with notify.transaction() as tx:
        if tx.connection.execute(select(func.count()).where(_of(notify, service_id))).scalar_one() >= LISTS_MAX:
            raise TooManyLists
        tx.connection.execute(insert(ContactList), row)
        _record(tx, Event.LIST_KEPT, member.actor, list_id, rows=len(wanted.sheet.rows), days=wanted.days)
    return list_id


def list_lists(notify: Notify, service_id: uuid.UUID) -> list[ListCard]:
    """Give a service's lists, by name."""
    with notify.reading() as tx:
        rows = tx.connection.execute(_CARDS.where(_of(notify, service_id)).order_by(ContactList.name, ContactList.id)).all()
    return [_card(row) for row in rows]


def fitting_lists(notify: Notify, template: KnownTemplate) -> list[ListCard]:
    """Give the lists of a template's service that have a column for all that each message of it needs."""
    wanted = [name for name in needed(template) if name not in LINE_KEYS]
    cards = [card for card in list_lists(notify, template.service_id) if card.channel == template.channel]
    return [card for card in cards if len(guess(card.columns, wanted)) == len(wanted)]


def get_list(notify: Notify, service_id: uuid.UUID, list_id: uuid.UUID) -> ListCard:
    """Give a list of a service, without its rows.  Raises: NotFound."""
    with notify.reading() as tx:
        row = tx.connection.execute(_CARDS.where(_of(notify, service_id), ContactList.id == list_id)).one_or_none()
    if row is None:
        raise NotFound(_GONE)
    return _card(row)


def use_list(notify: Notify, member: Member, template: KnownTemplate, list_id: uuid.UUID) -> uuid.UUID:
    """Make a list a file that waits to be sent with a template, to be looked at row by row as any other.  Raises: NotFound."""
    card, rows = _take(notify, template.service_id, list_id)
    upload_id = keep_upload(notify, member, template, card.name, Sheet(card.columns, rows))
    with notify.transaction() as tx:
        tx.connection.execute(update(ContactList).where(ContactList.id == list_id).values(used_at=notify.clock.now()))
        _record(tx, Event.LIST_USED, member.actor, list_id, upload=str(upload_id))
    return upload_id


def list_as_csv(notify: Notify, member: Member, service_id: uuid.UUID, list_id: uuid.UUID) -> Iterator[str]:
    """Give a list as CSV text, and note who took it; cells that a spreadsheet would run are made text.  Raises: NotFound."""
    card, rows = _take(notify, service_id, list_id)
    with notify.transaction() as tx:
        _record(tx, Event.LIST_TAKEN, member.actor, list_id, rows=len(rows))
    return _lines(card.columns, rows)


def delete_list(notify: Notify, member: Member, service_id: uuid.UUID, list_id: uuid.UUID) -> None:
    """Delete a list with all that stands in it.  Raises: NotFound."""
    with notify.transaction() as tx:
        if not tx.connection.execute(delete(ContactList).where(_of(notify, service_id), ContactList.id == list_id)).rowcount:
            raise NotFound(_GONE)
        _record(tx, Event.LIST_DELETED, member.actor, list_id)


def forget_lists(notify: Notify) -> int:
    """Delete the lists whose time is over; return how many."""
    with notify.transaction() as tx:
        over = delete(ContactList).where(ContactList.keep_until <= notify.clock.now()).returning(ContactList.id)
        gone = tx.connection.execute(over).scalars().all()
        for list_id in gone:
            tx.record(Event.LIST_DELETED, actor="notify", object_id=str(list_id), channel="job")
    return len(gone)


_GONE = gettext_noop("There is no such list, or its time is over.")
_CARDS = select(*(getattr(ContactList, name) for name in _CARD))


def _of(notify: Notify, service_id: uuid.UUID) -> ColumnElement[bool]:
    return (ContactList.service_id == service_id) & (ContactList.keep_until > notify.clock.now())


def _take(notify: Notify, service_id: uuid.UUID, list_id: uuid.UUID) -> tuple[ListCard, list[list[str]]]:
    with notify.reading() as tx:
        wanted = select(ContactList.__table__).where(_of(notify, service_id), ContactList.id == list_id)
        row = tx.connection.execute(wanted).one_or_none()
    if row is None:
        raise NotFound(_GONE)
    return _card(row), json.loads(notify.cipher.decrypt(row.sealed, scope=scope_of(service_id)))


def _card(row: Row[Any]) -> ListCard:  # of all columns, or of those of a card
    return ListCard(**{name: getattr(row, name) for name in _CARD} | {"columns": tuple(row.columns)})


def _lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "\ufeff" + csv_line(columns)
    yield from (csv_line(cells) for cells in rows)


def _record(tx: Transaction, event: Event, actor: str, list_id: uuid.UUID, **data: str | int) -> None:
    tx.record(event, actor=actor, object_id=str(list_id), channel="console", data=data)
