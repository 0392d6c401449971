"""How a person wants to be written to: kept by the person, read when a service writes to the person.  Spec: requirements NO-15."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.events import Event
from notify.models.preference import SCOPE, PersonPreference
from notify.operations.mailbox import indexes, subject_of
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.phone_number import InvalidPhoneNumber, phone_number
from notify.standards.statuses import Channel
from shared.auth import Caller
from shared.problems import InvalidRequest
from shared.web import gettext_noop

NEEDS_EMAIL = gettext_noop("To get e-mails, write an e-mail address.")
NEEDS_PHONE = gettext_noop("To get text messages, write a mobile number.")


@dataclass(frozen=True)
class Preference:
    """Channels, the best first, and where two of them reach the person."""

    channels: tuple[Channel, ...]
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)


def find_preference(notify: Notify, caller: Caller) -> Preference | None:
    """Give what a person wished, or None."""
    with notify.reading() as tx:
        return preference_of(notify, tx.connection, indexes(notify, caller))


def preference_of(notify: Notify, connection: Connection, names: Sequence[bytes]) -> Preference | None:
    """Give the wish of who is known by any of these blind indexes, the latest first."""
    table = PersonPreference
    wanted = select(table.__table__).where(table.person_index.in_(names)).order_by(table.changed_at.desc())
    row = connection.execute(wanted).first()
    return _open(notify, row) if row else None


def keep_preference(notify: Notify, caller: Caller, wish: Preference) -> None:
    """Keep how a person wants to be written to.  Raises: InvalidRequest."""
    if Channel.EMAIL in wish.channels and not wish.email:
        raise InvalidRequest(NEEDS_EMAIL)
    if Channel.SMS in wish.channels and not wish.phone:
        raise InvalidRequest(NEEDS_PHONE)
    try:
        contact = {
            "email": email_address(wish.email) if wish.email else "",
            "phone": f"+{phone_number(wish.phone, notify.local_rules.number_region).e164}" if wish.phone else "",
        }
    except (InvalidEmailAddress, InvalidPhoneNumber) as fault:
        raise InvalidRequest(str(fault)) from None
    channels = [channel.value for channel in dict.fromkeys(wish.channels)]
    changed = {
        "channels": channels,
        "sealed": notify.cipher.encrypt(json.dumps(contact), scope=SCOPE),
        "changed_at": notify.clock.now(),
    }
    with notify.transaction() as tx:
        for index in indexes(notify, caller):
            row = insert(PersonPreference).values(person_index=index, **changed)
            tx.connection.execute(row.on_conflict_do_update(index_elements=["person_index"], set_=changed))
        actor, subject = f"client:{caller.client_id}", subject_of(caller)
        tx.record(Event.PREFERENCE_SET, actor=actor, subject=subject, data={"channels": channels})


def forget_preference(notify: Notify, caller: Caller) -> None:
    """Forget what a person wished; again is harmless."""
    with notify.transaction() as tx:
        own = PersonPreference.person_index.in_(indexes(notify, caller))
        if tx.connection.execute(delete(PersonPreference).where(own)).rowcount:
            tx.record(Event.PREFERENCE_ENDED, actor=f"client:{caller.client_id}", subject=subject_of(caller))


def _open(notify: Notify, row: Row[Any]) -> Preference:
    contact = json.loads(notify.cipher.decrypt(row.sealed, scope=SCOPE))
    return Preference(tuple(Channel(name) for name in row.channels), contact["email"], contact["phone"])
