"""Delegations as their people see them: for whom one acts, and who acts for one.  Spec: wallet contract §6."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from wallet.context import Wallet
from wallet.models.delegation import OWN, SIGN_IN, Delegation, delegations_of
from wallet.operations.presence import Presence
from wallet.standards.acting import Kind, Power, Reach


@dataclass(frozen=True, kw_only=True)
class DelegationView:
    """One delegation as its people see it; `other` is the RUN or RUT of who is on the other side."""

    delegation_id: UUID
    kind: Kind
    other: str = field(repr=False)
    name: str = field(repr=False)
    powers: frozenset[Power]
    together: frozenset[Power]
    joint: int
    reach: Reach
    register: str
    valid_until: datetime | None
    is_active: bool
    end_reason: str | None
    state_since: datetime

    @property
    def is_mine_to_end(self) -> bool:
        """True when it was made here and its principal may end it here."""
        return self.is_active and self.register == OWN


def list_acting(wallet: Wallet, presence: Presence) -> list[DelegationView]:
    """Return the people and companies for whom somebody may act now."""
    with wallet.reading() as tx:
        rows = delegations_of(tx.session, delegate=wallet.subject_index(presence.own_subject))
        views = [_view(wallet, row, is_delegate=True) for row in rows]
    return [view for view in views if view.is_active and view.register != SIGN_IN]  # by those she acts when she signs in so


def list_delegates(wallet: Wallet, presence: Presence) -> list[DelegationView]:
    """Return who may act, or could once, for the person who sits there, newest first."""
    with wallet.reading() as tx:
        rows = delegations_of(tx.session, principal=wallet.subject_index(presence.own_subject))
        return [_view(wallet, row, is_delegate=False) for row in rows]


def _view(wallet: Wallet, row: Delegation, *, is_delegate: bool) -> DelegationView:
    scope = wallet.subject_scope(row.principal_index if is_delegate else row.delegate_index)
    sealed, name = (row.principal, row.principal_name) if is_delegate else (row.delegate, row.delegate_name)
    return DelegationView(
        delegation_id=row.delegation_id,
        kind=Kind(row.kind),
        other=wallet.cipher.decrypt(sealed, scope=scope).partition(":")[2],
        name=wallet.cipher.decrypt(name, scope=scope) if name else "",
        powers=frozenset(Power(power) for power in row.powers),
        together=frozenset(Power(power) for power in row.together),
        joint=row.joint,
        reach=Reach.read(row.scope),
        register=row.register,
        valid_until=row.valid_until,
        is_active=row.is_active(wallet.clock.now()),
        end_reason=row.end_reason,
        state_since=row.state_since,
    )
