"""Acting by a sign-in: the mandate that identity names in `urn:andamio:represents` is a delegation here.

Spec: wallet contract §6; identity-oidc §4.1.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import PowerMissing
from wallet.models.delegation import SIGN_IN, Delegation, active_delegations
from wallet.operations.delegation_ends import NOT_IN_REGISTER, Reason, end
from wallet.operations.delegations import Terms, add_delegation
from wallet.operations.presence import Presence
from wallet.providers.mandates import Mandate
from wallet.standards.acting import Kind, Reach, powers_by_mandate

AS_GOOD_AS_NOW = timedelta(seconds=60)
"""How far two machines' clocks may be apart: better a sign-in too many than a power that is over."""


@dataclass(frozen=True, kw_only=True)
class SignedInFor:
    """A mandate as identity tells of it at a sign-in; `principal` is `scheme:value`."""

    mandate_id: str
    principal: str = field(repr=False)
    name: str = field(repr=False)
    source: str
    powers: Collection[str]
    joint: int = 1
    valid_until: datetime | None = None

    @property
    def kind(self) -> Kind:
        """The kind of delegation that it is here."""
        if self.principal.startswith("cl-rut:"):
            return Kind.COMPANY
        return Kind.COURT if self.source == "court" else Kind.PROXY


def take_mandate(wallet: Wallet, presence: Presence, told: SignedInFor) -> UUID:
    """Let the person who has just signed in act by a mandate, as far as it goes; return the delegation.

    Raises: PowerMissing for a mandate that gives nothing here, or is over.
    """
    powers, now = powers_by_mandate(told.kind, told.powers), wallet.clock.now()
    if not powers or told.principal == presence.own_subject or (told.valid_until is not None and told.valid_until <= now):
        raise PowerMissing(gettext_noop("Your power to act for another does not go so far."))
    with wallet.transaction() as tx:
        row = _find(wallet, tx.session, presence.own_subject, told)
        if row is None:
            mandate = Mandate(kind=told.kind, principal=told.principal, name=told.name, reference=told.mandate_id)
            terms = Terms(powers=powers, reach=Reach(), valid_until=told.valid_until, joint=told.joint)
            row = add_delegation(wallet, tx, presence.own_subject, mandate, terms=terms, register=SIGN_IN)
        row.give(powers, joint=told.joint)
        row.valid_until, row.checked_at = told.valid_until, now
        scope = wallet.subject_scope(row.principal_index)
        row.principal_name, row.reference = (wallet.cipher.encrypt(text, scope=scope) for text in (told.name, told.mandate_id))
        row.delegate_name = wallet.cipher.encrypt(presence.name, scope=wallet.subject_scope(row.delegate_index))
        return row.delegation_id


def _find(wallet: Wallet, session: Session, delegate: str, told: SignedInFor) -> Delegation | None:
    principal = wallet.subject_index(told.principal)
    rows = active_delegations(session, delegate=wallet.subject_index(delegate), principal=principal, lock=True)
    return next((row for row in rows if (row.register, row.kind) == (SIGN_IN, told.kind)), None)


def end_mandate(wallet: Wallet, tx: Transaction, delegate_index: bytes, mandate_id: str, *, at: datetime, actor: str) -> None:
    """End what was done by a mandate that is over at identity, unless identity has named it at a later sign-in (D7)."""
    for row in active_delegations(tx.session, delegate=delegate_index, lock=True):
        if row.register != SIGN_IN or row.checked_at > at + AS_GOOD_AS_NOW:
            continue
        if wallet.cipher.decrypt(row.reference, scope=wallet.subject_scope(row.principal_index)) == mandate_id:
            end(wallet, tx, row, Reason(NOT_IN_REGISTER.code, actor))
