"""Those who must decide together: each says yes on the same page, and the last one's makes it count.  Spec: wallet contract §6 D1, D2, D6.

A yes counts while the power it was said by is in force and the offer is still what was read.  People are counted, not powers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shared.crypto import constant_time_equal
from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import MandatesAway
from wallet.events import Event
from wallet.models.assent import Assent, assents_to
from wallet.models.consent_request import ConsentRequest, ConsentRequestItem, items_of
from wallet.models.delegation import Delegation
from wallet.models.person_notice import NoticeKind
from wallet.operations.delegations import look_up_delegate
from wallet.operations.offers import build_offer
from wallet.operations.presence import Presence
from wallet.providers.mandates import MandatesUnavailable
from wallet.standards.acting import Power
from wallet.standards.canonical import Json
from wallet.standards.consent_record import instant, shown_sha256


@dataclass(frozen=True, kw_only=True)
class Yes:
    """One person's yes that counts now; `joint` is with how many in all she acts."""

    delegate_index: bytes
    delegation_id: UUID
    actor: str
    name: str = field(repr=False)
    joint: int
    optional_fields: frozenset[str]
    shown_sha256: str
    evidence: dict[str, Json] = field(repr=False)
    said_at: datetime

    def words(self) -> dict[str, Json]:
        """Return how a record names her beside the last who decided."""
        return {"id": self.actor, "delegation_id": str(self.delegation_id), "name": self.name, "at": instant(self.said_at)}


def yeses(wallet: Wallet, session: Session, row: ConsentRequest, item: ConsentRequestItem, *, lock: UUID | None = None) -> list[Yes]:
    """Return each yes to an item that counts now, the earliest first; `lock` as in `assents_to`."""
    found: list[Yes] = []
    offered: dict[str, str] = {}
    for assent, power in assents_to(session, item, lock=lock):
        if not _holds(wallet, power, is_to_count=lock is not None):
            continue
        if assent.language not in offered:
            offered[assent.language] = shown_sha256(build_offer(wallet, session, row, item, lang=assent.language))
        if constant_time_equal(assent.shown_sha256, offered[assent.language]):
            found.append(_read(wallet, row, assent, power))
    return found


def _holds(wallet: Wallet, power: Delegation, *, is_to_count: bool) -> bool:
    """Answer whether a power is in force, and where a yes is counted whether its register said so within the day (D1)."""
    now = wallet.clock.now()
    is_old = power.register == wallet.mandates.name and not power.is_fresh(now, hours=wallet.settings.mandate_hours)
    return power.is_active(now) and Power.GRANT in {*power.powers, *power.together} and not (is_old and is_to_count)


def _read(wallet: Wallet, row: ConsentRequest, assent: Assent, power: Delegation) -> Yes:
    scope = wallet.subject_scope(row.subject_index)
    return Yes(
        delegate_index=assent.delegate_index,
        delegation_id=assent.delegation_id,
        actor=assent.actor,
        name=wallet.cipher.decrypt(assent.name, scope=scope),
        joint=power.joint,
        optional_fields=frozenset(assent.optional_fields),
        shown_sha256=assent.shown_sha256,
        evidence=json.loads(wallet.cipher.decrypt(assent.evidence, scope=scope)),
        said_at=assent.said_at,
    )


def confirm_others(wallet: Wallet, presence: Presence, request: UUID) -> None:
    """Have the powers of those who said yes before looked up again where the register's word is older than a day.

    Raises: MandatesAway.  Mandates of identity are not looked up: it tells when one ends.
    """
    if not presence.needs_others(Power.GRANT):
        return
    now, hours, register = wallet.clock.now(), wallet.settings.mandate_hours, wallet.mandates.name
    with wallet.reading() as tx:
        powers = [power for item in items_of(tx.session, request) for _, power in assents_to(tx.session, item)]
        asked = [power for power in powers if power.register == register and power.is_active(now)]
        old = {power.delegate_index: power.delegate for power in asked if not power.is_fresh(now, hours=hours)}
    for index, sealed in sorted(old.items()):
        try:
            look_up_delegate(wallet, wallet.cipher.decrypt(sealed, scope=wallet.subject_scope(index)))
        except MandatesUnavailable:
            raise MandatesAway(gettext_noop("Try again later. Until then nobody can act by this power.")) from None


def needed(presence: Presence, others: Sequence[Yes]) -> int:
    """Return how many must say yes in all: one where she decides alone, else as many as the strictest of them needs."""
    if presence.acting is None or not presence.needs_others(Power.GRANT):
        return 1
    return max([presence.acting.joint, *(one.joint for one in others)])


def keep_yes(
    wallet: Wallet,
    tx: Transaction,
    presence: Presence,
    row: ConsentRequest,
    item: ConsentRequestItem,
    *,
    optional: frozenset[str],
    shown: str,
    lang: str,
) -> None:
    """Keep a yes that needs others, in the place of an earlier one of the same person, and tell those whom it waits for."""
    acting = presence.acting
    if acting is None:
        raise ValueError("a person decides for herself alone")
    mine = wallet.subject_index(presence.own_subject)
    before = tx.session.get(Assent, (item.request, item.item_id, mine))
    said = (acting.delegation_id, shown, sorted(optional))
    if before is not None and (before.delegation_id, before.shown_sha256, before.optional_fields) == said:
        return  # pressed twice
    scope, seal = wallet.subject_scope(row.subject_index), wallet.cipher.encrypt
    assent = before or Assent(request=item.request, item_id=item.item_id, delegate_index=mine)
    assent.delegation_id, assent.actor, assent.name = acting.delegation_id, presence.actor, seal(presence.name, scope=scope)
    assent.optional_fields, assent.language, assent.shown_sha256 = sorted(optional), lang, shown
    assent.evidence, assent.said_at = seal(json.dumps(presence.evidence()), scope=scope), wallet.clock.now()
    tx.session.add(assent)
    row.is_listed = True  # the others find it on their own page, also where it was asked within a sign-in
    data: dict[str, str | int | bool | list[str]] = {"item": item.item_id, "shown_sha256": shown, "language": lang, "joint": acting.joint}
    tx.record(
        Event.REQUEST_ASSENTED,
        actor=presence.actor,
        subject=presence.subject,
        on_behalf_of=presence.on_behalf_of,
        object_id=str(row.id),
        purpose=item.purpose_id,
        channel="web",
        data=data,
    )
    tx.enqueue("notify_person", {"kind": NoticeKind.OTHERS_NEEDED, "id": str(row.id)})


def forget_uncounted(session: Session, item: ConsentRequestItem, counted: Sequence[Yes]) -> None:
    """Take away each yes that a decision does not rest on; those it rests on stay with it."""
    kept = {one.delegate_index for one in counted}
    for assent, _ in assents_to(session, item):
        if assent.delegate_index not in kept:
            session.delete(assent)
