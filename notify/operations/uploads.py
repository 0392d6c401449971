"""Files of recipients: kept sealed while a person matches columns and looks at every wrong row; only then is anything sent.  Spec: NO-3."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from notify.context import Notify
from notify.errors import Refusal
from notify.events import Event
from notify.models.base import scope_of
from notify.models.catalogue import KnownTemplate
from notify.models.team import Member
from notify.models.upload import Upload
from notify.operations import checks
from notify.operations.bulk import RECIPIENTS, BulkBody, create_bulk
from notify.operations.by_hand import RECIPIENT, faults
from notify.operations.drafts import asked_for
from notify.operations.once import Once
from notify.operations.rendering import compose
from notify.operations.teams import acting_for
from notify.standards.csv_rows import Sheet
from notify.standards.personalisation import same_key
from notify.standards.reminder_times import COLUMNS, InvalidReminder, moments_ahead
from notify.standards.statuses import Channel
from shared.problems import NotFound
from shared.web import gettext_noop

KEPT = timedelta(days=1)
WRONG_MAX = 100
SCHEDULE_MAX = timedelta(days=7)
_ALSO = {
    "recipient": ("run", "rut"),
    "phonenumber": ("teléfono", "telefono", "celular", "móvil"),
    "emailaddress": ("correo", "email", "mail"),
    "reminderdate": ("fechadelrecordatorio", "fechaderecordatorio", "fecharecordatorio"),
    "reminderdaysbefore": ("díasantes", "diasantes"),
    "remindertime": ("horadelrecordatorio", "horaderecordatorio", "horarecordatorio"),
}


@dataclass(frozen=True)
class Uploaded:
    """A file that waits to be sent."""

    id: uuid.UUID
    template_id: uuid.UUID
    name: str
    columns: tuple[str, ...]
    rows: list[list[str]] = field(repr=False)


@dataclass(frozen=True)
class WrongRow:
    """A row that cannot be sent: its number in the file, from 1 below the names, and pairs of what is wrong where."""

    number: int
    faults: list[tuple[str, str]]


@dataclass(frozen=True)
class Checked:
    """A file looked at row by row; `wrong` names the first of the wrong rows, `right` are the numbers of the others."""

    wrong_n: int
    wrong: list[WrongRow]
    right: list[int]


def keep_upload(notify: Notify, member: Member, template: KnownTemplate, name: str, sheet: Sheet) -> uuid.UUID:
    """Keep a file until it is sent, or for a day."""
    upload_id = notify.ids.uuid4()
    row = {
        "id": upload_id,
        "service_id": template.service_id,
        "template_id": template.id,
        "name": name[:255],
        "columns": [column[:255] for column in sheet.columns],
        "rows": len(sheet.rows),
        "sealed": notify.cipher.encrypt(json.dumps(sheet.rows), scope=scope_of(template.service_id)),
        "created_at": notify.clock.now(),
    }
    with notify.transaction() as tx:
        tx.connection.execute(insert(Upload), row)
        data: dict[str, str | int | bool | list[str]] = {"rows": len(sheet.rows)}
        tx.record(Event.FILE_UPLOADED, actor=member.actor, object_id=str(upload_id), channel="console", data=data)
    return upload_id


def get_upload(notify: Notify, service_id: uuid.UUID, upload_id: uuid.UUID) -> Uploaded:
    """Give a file of a service.  Raises: NotFound."""
    own = (Upload.id == upload_id) & (Upload.service_id == service_id) & (Upload.created_at > notify.clock.now() - KEPT)
    with notify.reading() as tx:
        row = tx.connection.execute(select(Upload.__table__).where(own)).one_or_none()
    if row is None:
        raise NotFound(gettext_noop("This file was sent, or it waited for more than a day. Upload it again."))
    rows = json.loads(notify.cipher.decrypt(row.sealed, scope=scope_of(service_id)))
    return Uploaded(row.id, row.template_id, row.name, tuple(row.columns), rows)


def needed(template: KnownTemplate) -> list[str]:
    """Name what each row must say: the recipient first, then what the template asks for."""
    first = [] if template.channel == Channel.LETTER else [RECIPIENTS[template.channel]]
    return [*first, *asked_for(template)]


def answerable(template: KnownTemplate) -> list[str]:
    """Name what columns may be matched with: what each row must say, then when to remind, which it may."""
    return [*needed(template), *(name for name in COLUMNS if same_key(name) not in {same_key(asked) for asked in needed(template)})]


def guess(columns: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Match names with columns that are called the same; what is left out is for a person to match."""
    by_key = {same_key(column): at for at, column in reversed(list(enumerate(columns)))}
    found: dict[str, int] = {}
    for name in names:
        for key in (same_key(name), *_ALSO.get(same_key(name), ())):
            if key in by_key:
                found.setdefault(name, by_key[key])
    return found


def check_rows(notify: Notify, member: Member, template: KnownTemplate, upload: Uploaded, match: Mapping[str, int]) -> Checked:
    """Look at every row as if it were sent by hand: whether it can be read, and whether this service may send it."""
    wrong: list[WrongRow] = []
    right: list[int] = []
    count, holder = 0, acting_for(notify, member, template.service_id)
    for number, cells in enumerate(upload.rows, 1):
        recipient, values = _said(template, match, cells)
        found = faults(template, recipient, values, holder.service.rules)
        try:
            if not found:
                content = compose(template, values)
                checks.check_size(template.channel, content)
                checks.check_not_empty(content)
                if template.channel == Channel.LETTER:
                    checks.check_qr(content)
                checks.check_whom(notify, holder, template, recipient, values)
                by_key = {same_key(name): str(cell) for name, cell in values.items()}
                moments_ahead({name: by_key.get(same_key(name), "") for name in COLUMNS}, notify.zone, notify.clock.now())
        except Refusal as refused:
            found = [(RECIPIENT, refused.messages[0])]
        except InvalidReminder as fault:
            column, _, text = str(fault).partition(": ")
            found = [(column, text)]
        if found:
            count += 1
            if len(wrong) < WRONG_MAX:
                wrong.append(WrongRow(number, found))
        else:
            right.append(number)
    return Checked(count, wrong, right)


def send_upload(
    notify: Notify,
    member: Member,
    template: KnownTemplate,
    upload: Uploaded,
    match: Mapping[str, int],
    *,
    scheduled_for: datetime | None,
    sender_id: uuid.UUID | None = None,
) -> uuid.UUID:
    """Send the rows that are right, as one job, however often the button is pressed; the file is not kept any longer.

    Raises: Refusal as by machine.
    """
    checked = check_rows(notify, member, template, upload, match)
    names = [name for name in answerable(template) if name in match]
    rows = [[upload.rows[number - 1][match[name]] for name in names] for number in checked.right]
    holder = acting_for(notify, member, template.service_id)
    body = BulkBody(template.id, Sheet(tuple(names), rows), upload.name, sender_id, scheduled_for)
    made = create_bulk(notify, holder, lambda: body, Once(template.service_id, "/uploads", str(upload.id), ""))
    with notify.transaction() as tx:
        if tx.connection.execute(delete(Upload).where(Upload.id == upload.id)).rowcount:
            data: dict[str, str | int | bool | list[str]] = {"bulk": str(made.id), "rows": len(rows), "left_out": checked.wrong_n}
            tx.record(Event.FILE_SENT, actor=member.actor, object_id=str(upload.id), channel="console", data=data)
    return made.id


def sample(template: KnownTemplate, upload: Uploaded, match: Mapping[str, int], number: int) -> dict[str, object]:
    """Give the values of one row, to show its message."""
    return _said(template, match, upload.rows[number - 1])[1]


def forget_uploads(notify: Notify) -> int:
    """Delete files that nobody sent within a day; return how many."""
    with notify.transaction() as tx:
        return tx.forget(delete(Upload).where(Upload.created_at <= notify.clock.now() - KEPT))


def _said(template: KnownTemplate, match: Mapping[str, int], cells: Sequence[str]) -> tuple[str, dict[str, object]]:
    named = {name: cells[at] for name, at in match.items() if at < len(cells)}
    recipient = named.get(RECIPIENTS.get(template.channel, ""), "")
    values: dict[str, object] = {name: cell for name, cell in named.items() if cell}
    return recipient, values
