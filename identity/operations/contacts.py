"""A person's contacts and language: changed with a code sent to the new one, told to the old one (§3.7, ID-14)."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from identity.context import Identity
from identity.events import Event
from identity.models.authenticator import ContactChange
from identity.models.base import table_of
from identity.models.finders import PERSONS, find_active_facts, person_scope, seal_facts
from identity.models.history import What
from identity.operations import history, notices
from identity.operations.refusals import ContactRefused
from identity.operations.second_factors import EMAIL_LIFE, make_message_code, use_message_code
from identity.standards import one_time_codes
from identity.standards.oidc_claims import Facts
from shared.transaction import Transaction
from shared.web.words import gettext_noop

CHANGES = table_of(ContactChange)
PURPOSE = "contact:"
NOT_FOR_RECOVERY = timedelta(days=7)


def find_facts(identity: Identity, person_id: UUID) -> tuple[Facts, str]:
    """Return what is known about a person, and the language they are written to in.  Raises: ContactRefused when they are gone."""
    with identity.reading() as tx:
        facts = find_active_facts(tx.connection, identity.cipher, person_id)
        language = tx.connection.execute(select(PERSONS.c.language).where(PERSONS.c.id == person_id)).scalar_one_or_none()
    if facts is None or language is None:
        raise ContactRefused
    return facts, language


def set_language(identity: Identity, person_id: UUID, language: str) -> None:
    """Set the language in which a person is written to."""
    with identity.transaction() as tx:
        tx.connection.execute(update(PERSONS).where(PERSONS.c.id == person_id).values(language=language))


def begin_change(identity: Identity, person_id: UUID, channel: notices.Channel, value: str) -> None:
    """Send a code to a new contact; nothing changes before it comes back."""
    sealed = identity.cipher.encrypt(json.dumps({"value": value}), scope=person_scope(person_id))
    row = {"person_id": person_id, "channel": channel, "value_sealed": sealed, "asked_at": identity.clock.now(), "confirmed_at": None}
    with identity.transaction() as tx:
        statement = insert(CHANGES).values(row)
        tx.connection.execute(statement.on_conflict_do_update(index_elements=["person_id", "channel"], set_=row))
        code = make_message_code(identity, tx, person_id, PURPOSE + channel, channel=channel, life=EMAIL_LIFE)
        notices.tell_at(identity, tx, person_id, notices.Kind.CONFIRM_CONTACT, channel=channel, to=value, code=code)


def confirm_change(identity: Identity, person_id: UUID, channel: notices.Channel, code: str) -> None:
    """Make the new contact the person's, and tell the old one.  Raises: ContactRefused."""
    now, accepted = identity.clock.now(), False
    with identity.transaction() as tx:
        mine = (CHANGES.c.person_id == person_id, CHANGES.c.channel == channel)
        row = tx.connection.execute(select(CHANGES).where(*mine).with_for_update()).one_or_none()
        accepted = row is not None and use_message_code(identity, tx, person_id, PURPOSE + channel, one_time_codes.canonical(code))
        facts = find_active_facts(tx.connection, identity.cipher, person_id)
        if accepted and row is not None and facts is not None:
            value = str(json.loads(identity.cipher.decrypt(row.value_sealed, scope=person_scope(person_id)))["value"])
            _tell_old(identity, tx, person_id, facts, channel)
            _store(identity, tx, person_id, facts, channel=channel, value=value)
            tx.connection.execute(update(CHANGES).where(*mine).values(confirmed_at=now))
            tx.record(Event.CONTACT_CHANGED, actor=f"person:{person_id}", object_id=str(person_id), channel="web", data={"kind": channel})
            history.note(identity, tx, person_id, What.CONTACT_ADDED, {"name": channel})
    if not accepted:
        raise ContactRefused(gettext_noop("The code is not right, or it is too old."))


def _tell_old(identity: Identity, tx: Transaction, person_id: UUID, facts: Facts, channel: notices.Channel) -> None:
    """Tell the contact that is being replaced, and the others (§3.7)."""
    old = facts.email if channel is notices.Channel.EMAIL else facts.phone
    if old:
        notices.tell_at(identity, tx, person_id, notices.Kind.CONTACT_CHANGED, channel=channel, to=old)
    others = tuple(other for other in notices.CONTACTS if other is not channel)
    notices.tell(identity, tx, person_id, notices.Kind.CONTACT_CHANGED, channels=others)


def _store(identity: Identity, tx: Transaction, person_id: UUID, facts: Facts, *, channel: notices.Channel, value: str) -> None:
    if channel is notices.Channel.EMAIL:
        changed = replace(facts, email=value, email_verified=True)
    else:
        changed = replace(facts, phone=value, phone_verified=True)
    values = {"facts_sealed": seal_facts(identity.cipher, person_id, changed), "updated_at": identity.clock.now()}
    tx.connection.execute(update(PERSONS).where(PERSONS.c.id == person_id).values(values))


def may_recover_by(tx: Transaction, person_id: UUID, channel: notices.Channel, now: datetime) -> bool:
    """Answer whether a contact is old enough to recover the account with it: seven days after a change (§3.7)."""
    mine = (CHANGES.c.person_id == person_id, CHANGES.c.channel == channel)
    changed_at = tx.connection.execute(select(CHANGES.c.confirmed_at).where(*mine)).scalar_one_or_none()
    return changed_at is None or now - changed_at >= NOT_FOR_RECOVERY
