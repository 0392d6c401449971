"""Notices to a person about their own account: left as jobs in the transaction of what happened, sent through notify (§3.10)."""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from identity.context import Identity
from identity.events import Event
from identity.models.finders import PERSONS, open_facts, person_scope
from identity.models.history import What
from identity.models.person import PersonState
from identity.operations import history
from identity.standards import notice_texts
from identity.standards.notice_texts import Kind
from identity.standards.oidc_claims import Facts
from shared.crypto import CannotDecrypt
from shared.transaction import Transaction
from shared.web.words import gettext, speaking

__all__ = ["CONTACTS", "DISOWN_LIFE", "Channel", "Kind", "send", "tell", "tell_at"]

JOB = "send_notice"
DISOWN_LIFE = timedelta(days=10)
"""How long the link "this was not me" of a notice works (§3.10)."""


class Channel(StrEnum):
    """On which way a notice goes; `mailbox` is the account itself."""

    EMAIL = "email"
    SMS = "sms"
    MAILBOX = "mailbox"


CONTACTS = (Channel.EMAIL, Channel.SMS)
CODES = (Kind.LOGIN_CODE, Kind.RECOVERY_CODE)
CARD_TRUSTED_AFTER = timedelta(days=3)
"""So long a telephone whose card was changed gets no code (§3.4)."""


@dataclass(frozen=True)
class Notice:
    """One notice to one contact, as the job finds it; `to` is empty for the contact that the person has."""

    person_id: UUID
    kind: Kind
    channel: Channel
    values: dict[str, str]
    to: str = ""


def tell(
    identity: Identity, tx: Transaction, person_id: UUID, kind: Kind, *, channels: tuple[Channel, ...] = CONTACTS, **values: str
) -> None:
    """Have a person told on each contact they have; the texts are in notice_texts.  Values are sealed in the job."""
    for channel in channels:
        tell_at(identity, tx, person_id, kind, channel=channel, to="", **values)


def tell_at(identity: Identity, tx: Transaction, person_id: UUID, kind: Kind, *, channel: Channel, to: str, **values: str) -> None:
    """Have a person told at one address, such as the one that is being replaced; empty: the one they have."""
    sealed = identity.cipher.encrypt(json.dumps({"values": values, "to": to}), scope=person_scope(person_id))
    tx.enqueue(JOB, {"person_id": str(person_id), "kind": kind, "channel": channel, "sealed": base64.b64encode(sealed).decode()})


def open_notice(identity: Identity, payload: dict[str, object]) -> Notice:
    """Return the notice of a job.  Raises: CannotDecrypt when the person was erased."""
    person_id = UUID(str(payload["person_id"]))
    opened = json.loads(identity.cipher.decrypt(base64.b64decode(str(payload["sealed"])), scope=person_scope(person_id)))
    return Notice(person_id, Kind(str(payload["kind"])), Channel(str(payload["channel"])), opened["values"], opened["to"])


def send(identity: Identity, payload: dict[str, object]) -> None:
    """Send one notice.  Raises: SenderAway (try again).  Leaves quietly when the person or the contact is not there any more."""
    try:
        notice = open_notice(identity, payload)
    except CannotDecrypt:
        return
    with identity.reading() as tx:
        query = select(PERSONS.c.facts_sealed, PERSONS.c.updated_at, PERSONS.c.state, PERSONS.c.language)
        row = tx.connection.execute(query.where(PERSONS.c.id == notice.person_id)).one_or_none()
    if row is None or row.state in {PersonState.DECEASED, PersonState.ERASED}:
        return
    facts = open_facts(identity.cipher, notice.person_id, row.facts_sealed, row.updated_at)
    to = notice.to or _contact(facts, notice.channel)
    if not to:
        return
    if notice.kind in CODES and notice.channel is Channel.SMS and _is_new_card(identity, to):
        _hold(identity, notice.person_id)
        return
    with speaking(row.language):
        subject, body = _compose(identity, notice, facts)
    reference = f"{notice.kind}-{notice.person_id.hex[:8]}"
    if notice.channel is Channel.EMAIL:
        identity.sender.send_email(to, subject, body, reference)
    else:
        identity.sender.send_sms(to, subject, reference)  # notify puts the name of its service before it


def _is_new_card(identity: Identity, phone: str) -> bool:
    return identity.sim_changes.changed_after(phone, identity.clock.now() - CARD_TRUSTED_AFTER)


def _hold(identity: Identity, person_id: UUID) -> None:
    """Keep a code from a telephone that may be a thief's by now, and tell the person on the other contact."""
    with identity.transaction() as tx:
        tell(identity, tx, person_id, Kind.SIM_CHANGED, channels=(Channel.EMAIL,))
        history.note(identity, tx, person_id, What.CODE_HELD)
        tx.record(Event.MESSAGE_CODE_HELD, actor="identity", object_id=str(person_id), channel="system")


def _contact(facts: Facts, channel: Channel) -> str:
    if channel is Channel.EMAIL:
        return facts.email or ""
    return (facts.phone or "") if facts.phone_verified else ""


def _compose(identity: Identity, notice: Notice, facts: Facts) -> tuple[str, str]:
    text = notice_texts.TEXTS[notice.kind]
    values = {"name": facts.given_names[0] if facts.given_names else "", "device": "", "place": "", **notice.values}
    values["device"] = values["device"] or gettext("an unknown device")
    subject, lines = gettext(text.subject) % values, [gettext(line) % values for line in text.lines]
    link = values.get("link", "")
    home = identity.settings.public_url + "/account"
    genuine = gettext("To check this message, type %(home)s in your browser and read your history there.") % {"home": home}
    never = gettext("We never ask for your password or a code in a message.")
    help_line = gettext("Help: %(phone)s") % {"phone": identity.settings.help_phone}
    return subject, "\n\n".join([*lines, *([link] if link else []), genuine, never, help_line])
