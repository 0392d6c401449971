"""Money that belongs to no account: one operator proposes what becomes of it, another one does it.  Spec: pay-design.md §3, §8."""

from sqlalchemy import select

from pay.context import Pay
from pay.models.account import Account, get_account
from pay.models.suspense import SuspenseItem, find_item, item_of, suspense_items
from pay.operations.suspense import give_back, hand_over, move_item, open_item
from pay.standards.identifiers import AccountId
from pay.standards.staff_powers import StaffMember
from pay.standards.suspense_states import SuspenseState
from shared.problems import Forbidden, NotFound
from shared.web import gettext_noop as noop

LIST_MAX = 500
S = SuspenseState


class ProposalChanged(Exception):
    """What is proposed now is not what the approving person saw."""


BACK = "back"
"""The proposal to give a sum back; others are the id of an account."""


def require_operator(staff: StaffMember) -> None:
    """Raises: Forbidden."""
    if not staff.is_operator:
        raise Forbidden(noop("Only an operator looks after money that belongs to no account."))


def list_ownerless(pay: Pay, staff: StaffMember) -> list[SuspenseItem]:
    """Return the work list of money that belongs to no account, oldest first.  Raises: Forbidden."""
    require_operator(staff)
    open_ones = select(suspense_items).where(suspense_items.c.closed_at.is_(None), suspense_items.c.account_id.is_(None))
    with pay.reading() as tx:
        rows = tx.connection.execute(open_ones.order_by(suspense_items.c.created_at).limit(LIST_MAX))
        return [item_of(row) for row in rows]


def get_ownerless(pay: Pay, staff: StaffMember, item_id: str) -> tuple[SuspenseItem, Account | None]:
    """Return one sum, and the account whose office is proposed for it.  Raises: Forbidden, NotFound."""
    require_operator(staff)
    with pay.reading() as tx:
        item = find_item(tx.connection, item_id)
        if item is None or item.account_id is not None:
            raise NotFound
        proposed = item.proposed_account_id
        return item, get_account(tx.connection, AccountId(proposed)) if proposed else None


def propose(pay: Pay, staff: StaffMember, item_id: str, account: Account | None) -> SuspenseItem:
    """Propose that a sum goes to an account's office, or back to who paid it.  Raises: Forbidden, SuspenseItemClosed, WrongState."""
    get_ownerless(pay, staff, item_id)
    target = S.APPLY_PROPOSED if account else S.REFUND_PROPOSED
    changes = {"proposed_by": staff.actor, "proposed_account_id": account.id if account else None}
    with pay.transaction() as tx:
        return move_item(tx, open_item(tx, item_id), target, actor=staff.actor, changes=changes)


def decide(pay: Pay, staff: StaffMember, item_id: str, *, approve: bool, seen: str = "") -> SuspenseItem:
    """Do what somebody else proposed and this person saw (BACK, or an account's id), or have it looked at again.

    Raises: Forbidden for who proposed it, ProposalChanged, SuspenseItemClosed, WrongState.
    """
    get_ownerless(pay, staff, item_id)
    with pay.transaction() as tx:
        item = open_item(tx, item_id)
        if approve and item.proposed_by in {None, staff.actor}:
            raise Forbidden(noop("You proposed this. Another person has to decide."))
        if not approve:
            nothing = {"proposed_by": None, "proposed_account_id": None}
            return move_item(tx, item, S.OPEN, actor=staff.actor, changes=nothing)
        if seen != (item.proposed_account_id or BACK):
            raise ProposalChanged
        if item.proposed_account_id is None:
            return give_back(pay, tx, item, actor=staff.actor, from_bank=True)
        body = get_account(tx.connection, AccountId(item.proposed_account_id)).organisation_id
        return hand_over(pay, tx, item, body, actor=staff.actor)
