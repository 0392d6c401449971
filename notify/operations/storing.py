"""Keep a file by itself, for a caller who puts the link where it wants.  Spec: notify-api §9."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from notify.context import Notify
from notify.errors import MessageNotValid, MessageRefused
from notify.events import Event
from notify.operations.documents import store
from notify.operations.once import Once
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.file_values import InvalidFile, RefusedFile, read_file


@dataclass(frozen=True)
class Shown:
    """A kept file as its caller is told of it; the links hold its key."""

    id: str
    direct_file_url: str = field(repr=False)
    url: str = field(repr=False)
    mimetype: str


def store_alone(notify: Notify, service_id: uuid.UUID, body: Mapping[str, object], *, actor: str, once: Once | None = None) -> Shown:
    """Keep one file, or give the one that an earlier request with the same key kept.  Raises: MessageNotValid, MessageRefused."""
    if once and (earlier := once.find(notify)):
        return Shown(**earlier)
    value = {"file": body.get("document")} | {name: body[name] for name in ("filename", "is_csv", "retention_period") if body.get(name)}
    email = body.get("confirmation_email")
    try:
        file = read_file(value)
        confirmed_by = email_address(str(email)) if email else None
    except (InvalidFile, InvalidEmailAddress) as fault:
        raise MessageNotValid(str(fault)) from None
    except RefusedFile as fault:
        raise MessageRefused(str(fault)) from None
    stored = store(notify, service_id, file, confirmed_by)
    shown = Shown(str(stored.id), stored.direct_url, stored.link, stored.mimetype)
    with notify.transaction() as tx:
        if once and (earlier := once.claim(notify, tx.connection, asdict(shown))):
            return Shown(**earlier)
        tx.connection.execute(stored.statement)
        tx.record(Event.DOCUMENT_STORED, actor=actor, object_id=str(stored.id), data={"service": str(service_id)})
    return shown
