"""A person and her consents: look, pause, go on, end.  The moves themselves are in `consent_moves`.  Spec: wallet contract §4."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import ConsentExpired, ConsentNotFound, InvalidExchange, NotForDelegates, NotPausedByYou, TooYoung
from wallet.events import Event
from wallet.models.consent import COMPROMISED, LIVE_STATES, Consent, ConsentState, consents_of, events_of, find_consent
from wallet.models.delegation import find_delegation
from wallet.models.erasure import Erasure, find_erasure
from wallet.operations.consent_moves import actor_of, confirm, flows_until, move
from wallet.operations.delegations import born_on_of, hold_power
from wallet.operations.grants import amend_consent
from wallet.operations.presence import Presence
from wallet.standards.acting import MAJORITY_YEARS, Power, has_age
from wallet.standards.canonical import Json
from wallet.standards.consent_record import Frozen

SUSPENDED = Event.CONSENT_SUSPENDED.rpartition(":")[2]


@dataclass(frozen=True)
class EventView:
    """One step in the life of a consent, as the person sees it; `reason_code` is told to her (§4)."""

    event_id: UUID
    type: str
    at: datetime
    actor_kind: str
    reason_code: str | None


@dataclass(frozen=True, kw_only=True)
class ConsentView:
    """One consent as the person sees it; `record` is the snapshot of what she saw and decided."""

    consent_id: UUID
    state: str
    state_since: datetime
    created_at: datetime
    valid_until: datetime
    uses: int
    snapshot_sha256: str
    record: Frozen
    events: tuple[EventView, ...]
    erasure: Erasure | None
    confirm_by: datetime | None
    """Until when a person who turned 18 may keep it; None where nothing is to be kept (D3)."""

    is_paused_by_me: bool
    """True when the person paused it and may let it go on."""

    flows_until: datetime
    """The latest moment at which data could still flow if it were withdrawn now, or since it was (S4)."""

    @property
    def granted(self) -> list[Mapping[str, Json]]:
        """The fields that were granted."""
        fields = self.record["fields"]
        return [one for one in fields if isinstance(one, Mapping) and one["granted"]] if isinstance(fields, list) else []

    @property
    def is_live(self) -> bool:
        """True while it can be withdrawn."""
        return self.state in LIVE_STATES


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal came to; the same on every repeat."""

    consent_id: UUID
    state: str
    withdrawn_at: datetime
    effective_at: datetime


def list_consents(wallet: Wallet, presence: Presence) -> list[ConsentView]:
    """Return a person's consents, newest first."""
    with wallet.reading() as tx:
        rows = consents_of(tx.session, wallet.subject_index(presence.subject))
        return [_view(wallet, tx.session, presence, consent) for consent in rows if _is_shown(wallet, tx.session, presence, consent)]


def get_consent(wallet: Wallet, presence: Presence, consent_id: UUID) -> ConsentView:
    """Return one of a person's consents.  Raises: ConsentNotFound, also for another person's."""
    with wallet.reading() as tx:
        return _view(wallet, tx.session, presence, _own(wallet, tx.session, presence, consent_id, lock=False))


def withdraw(wallet: Wallet, presence: Presence, consent_id: UUID) -> Withdrawal:
    """End a consent, with no reason asked; again gives the same answer and no second event (S2).

    A release that is under way is either in the log before this commits, or refused (S3: both lock the row).
    Raises: ConsentNotFound, IllegalTransition when it ended in another way.
    """
    with _changing(wallet, presence) as tx:
        consent = _own(wallet, tx.session, presence, consent_id, lock=True)
        if consent.state != ConsentState.WITHDRAWN:
            move(wallet, tx, consent, ConsentState.WITHDRAWN, actor=actor_of(presence), subject=presence.subject)
        return Withdrawal(consent_id, consent.state, consent.state_since, flows_until(wallet, tx.session, consent, consent.state_since))


def pause(wallet: Wallet, presence: Presence, consent_id: UUID) -> None:
    """Pause a consent.  Raises: ConsentNotFound, IllegalTransition."""
    with _changing(wallet, presence) as tx:
        consent = _own(wallet, tx.session, presence, consent_id, lock=True)
        if consent.state != ConsentState.SUSPENDED:
            move(wallet, tx, consent, ConsentState.SUSPENDED, actor=actor_of(presence), subject=presence.subject)


def resume(wallet: Wallet, presence: Presence, consent_id: UUID) -> None:
    """Let a consent go on that its person paused.

    Raises: ConsentNotFound, IllegalTransition, NotPausedByYou when an authority did, ConsentExpired when its time is over.
    """
    now = wallet.clock.now()
    presence.require(Power.GRANT, together=True)  # data move again: more than ending it
    with _changing(wallet, presence) as tx:
        consent = _own(wallet, tx.session, presence, consent_id, lock=True)
        if consent.state == ConsentState.ACTIVE:
            return
        if consent.state == ConsentState.SUSPENDED and not _may_resume(wallet, tx.session, presence, consent):
            raise NotPausedByYou(gettext_noop("Who paused it lets it go on: the authority, or another who decides with you. Ask there."))
        if consent.state_at(now) == ConsentState.EXPIRED and consent.state in LIVE_STATES:
            raise ConsentExpired(gettext_noop("Its time is over."))
        move(wallet, tx, consent, ConsentState.ACTIVE, actor=actor_of(presence), subject=presence.subject)


def keep(wallet: Wallet, presence: Presence, consent_id: UUID) -> None:
    """Let a person who turned 18 keep what a parent gave for her; again changes nothing (D3).

    Raises: ConsentNotFound, NotForDelegates, TooYoung, ConsentExpired when her time to say so is over.
    """
    if presence.acting is not None:
        raise NotForDelegates(gettext_noop("Only the person herself can keep it."))
    now = wallet.clock.now()
    with wallet.transaction() as tx:
        consent = _own(wallet, tx.session, presence, consent_id, lock=True)
        if consent.confirm_by is None:
            return
        if consent.state not in LIVE_STATES or consent.state_at(now) == ConsentState.INVALIDATED:
            raise ConsentExpired(gettext_noop("Its time is over."))
        if not _has_age(wallet, tx.session, consent, MAJORITY_YEARS):
            raise TooYoung(gettext_noop("From your 18th birthday on you can keep it yourself."))
        confirm(wallet, tx, consent, actor=actor_of(presence), subject=presence.subject)


def _may_resume(wallet: Wallet, session: Session, presence: Presence, consent: Consent) -> bool:
    """Answer whether who sits there may let a paused consent go on: not what the authority paused.

    Of those who decide together only who paused it: then each of them still wants it (D6).
    """
    pauses = [step for step in events_of(session, consent.consent_id) if step.type == SUSPENDED]
    last = pauses[-1] if pauses else None
    if not presence.needs_others(Power.GRANT):
        return last is None or last.actor_kind in {"principal", "delegate"} or consent.state_reason == COMPROMISED
    row = find_delegation(session, last.delegation_id) if last is not None and last.delegation_id else None
    return row is not None and row.delegate_index == wallet.subject_index(presence.own_subject)


@contextmanager
def _changing(wallet: Wallet, presence: Presence) -> Iterator[Transaction]:
    """Open a transaction in which a consent is ended or paused, by a delegate only while he has that power (D7)."""
    presence.require(Power.WITHDRAW)
    with wallet.transaction() as tx:
        hold_power(wallet, tx.session, presence)
        yield tx


def _is_shown(wallet: Wallet, session: Session, presence: Presence, consent: Consent) -> bool:
    """Answer whether a consent is shown: to a delegate within his reach, to a minor from the age that the law sets (D4, U13)."""
    if presence.acting is not None:
        return presence.covers(consent.dataset_id, consent.purpose_id, consent.procedure_code)
    settings = wallet.settings
    return _has_age(wallet, session, consent, settings.own_say_age_sensitive if consent.is_sensitive else settings.own_say_age)


def _has_age(wallet: Wallet, session: Session, consent: Consent, years: int) -> bool:
    """Answer whether the person has an age, which only consents by a parent ask."""
    row = find_delegation(session, consent.delegation_id) if consent.delegation_id else None
    born_on = born_on_of(wallet, row) if row is not None else None
    return born_on is None or has_age(born_on, years, wallet.clock.now())


def _own(wallet: Wallet, session: Session, presence: Presence, consent_id: UUID, *, lock: bool) -> Consent:
    consent = find_consent(session, consent_id, lock=lock)
    if consent is None or consent.subject_index != wallet.subject_index(presence.subject):
        raise ConsentNotFound(gettext_noop("You have no consent with this number."))
    if not _is_shown(wallet, session, presence, consent):
        raise ConsentNotFound(gettext_noop("You have no consent with this number."))
    return consent


def _view(wallet: Wallet, session: Session, presence: Presence, consent: Consent) -> ConsentView:
    now = wallet.clock.now()
    steps = events_of(session, consent.consent_id)
    ended = consent.state == ConsentState.WITHDRAWN
    return ConsentView(
        consent_id=consent.consent_id,
        state=consent.state_at(now),
        state_since=consent.state_since,
        created_at=consent.created_at,
        valid_until=consent.valid_until,
        uses=consent.uses,
        snapshot_sha256=consent.snapshot_sha256,
        record=json.loads(wallet.cipher.decrypt(consent.record, scope=wallet.subject_scope(consent.subject_index))),
        events=tuple(EventView(step.event_id, step.type, step.at, step.actor_kind, step.reason_code) for step in steps),
        erasure=find_erasure(session, consent.consent_id),
        is_paused_by_me=consent.state == ConsentState.SUSPENDED and _may_resume(wallet, session, presence, consent),
        confirm_by=consent.confirm_by if _has_age(wallet, session, consent, MAJORITY_YEARS) else None,
        flows_until=flows_until(wallet, session, consent, consent.state_since if ended else now),
    )


def narrow(wallet: Wallet, presence: Presence, consent_id: UUID, dropped: frozenset[str]) -> UUID:
    """Take fields back out of a consent at once; return the consent that takes its place.  The recipient is told, and asked nothing.

    Raises: ConsentNotFound, IllegalTransition, InvalidExchange when nothing, or everything, would be left out.
    """
    with _changing(wallet, presence) as tx:
        before = _own(wallet, tx.session, presence, consent_id, lock=True)
        granted = frozenset(before.granted_fields)
        if not dropped or not dropped < granted:
            raise InvalidExchange(gettext_noop("Choose some of the data. To take back all, end the permission."))
        return amend_consent(wallet, tx, before, keep=granted - dropped, actor=actor_of(presence), subject=presence.subject)
