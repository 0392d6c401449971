"""API keys from the console: shown once, revoked at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from pay.context import Pay
from pay.events import OnboardingAction
from pay.models.account import Account, api_keys
from pay.operations.onboarding import issue_key
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.keys import KeyPrefix
from pay.standards.staff_powers import StaffMember
from shared.problems import NotFound


@dataclass(frozen=True)
class KnownKey:
    """What is kept of a key: everything but the key."""

    id: UUID
    description: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def list_keys(pay: Pay, account: Account) -> list[KnownKey]:
    """Return the keys of an account, newest first."""
    c = api_keys.c
    columns = (c.id, c.description, c.created_by, c.created_at, c.last_used_at, c.revoked_at)
    with pay.reading() as tx:
        rows = tx.connection.execute(select(*columns).where(c.account_id == account.id).order_by(c.created_at.desc(), c.id))
        return [KnownKey(*row) for row in rows]


def make_account_key(pay: Pay, staff: StaffMember, account: Account, description: str) -> str:
    """Return a new key of an account; it is kept nowhere and shown once."""
    prefix = KeyPrefix.LIVE if account.is_live else KeyPrefix.TEST
    token = prefix + pay.ids.pick(ALPHABET, LENGTH)
    return issue_key(pay, account.id, key_id=pay.ids.uuid4(), token=token, description=description, actor=staff.actor)


def revoke_key(pay: Pay, staff: StaffMember, account: Account, key_id: UUID) -> None:
    """End a key; a repeat changes nothing.  Raises: NotFound."""
    c = api_keys.c
    with pay.transaction() as tx:
        known = tx.connection.execute(
            select(c.revoked_at).where(c.id == key_id, c.account_id == account.id).with_for_update()
        ).one_or_none()
        if known is None:
            raise NotFound
        if known.revoked_at is None:
            tx.connection.execute(update(api_keys).where(c.id == key_id).values(revoked_at=pay.clock.now()))
            data = {"account_id": account.id}
            tx.record(OnboardingAction.KEY_REVOKED, actor=staff.actor, object_id=str(key_id), channel="console", data=data)
    pay.merchants.clear()
