"""Money that matches nothing, and the work on it: refund, or find out whose it is.  Spec: pay-design.md §3, §8, §13.3."""

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.errors import SuspenseItemClosed
from pay.events import SuspenseEvent
from pay.models.ledger import post
from pay.models.suspense import SuspenseItem, find_item, item_of, suspense_items
from pay.operations.moves import SYSTEM
from pay.providers.cash import TransferGateway
from pay.standards import ledger_movements
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.ledger_movements import Channel
from pay.standards.suspense_states import SUSPENSE_TABLE, SuspenseReason, SuspenseState
from shared.transaction import Transaction

_PROPOSED_AT_ONCE = frozenset({SuspenseReason.DOUBLE_PAYMENT, SuspenseReason.LATE})
"""Money that nobody waits for, from a payer who is known: it goes back unless somebody finds a reason why not."""


def receive(
    pay: Pay,
    tx: Transaction,
    *,
    channel: str,
    provider_id: str,
    account_id: str | None,
    payment_id: str | None,
    currency: str,
    amount_minor: int,
    reason: SuspenseReason,
    note: str = "",
    is_booked: bool = False,
) -> bool:
    """Put money on the work list and into the books; False when the same money is there already.

    `is_booked`: a settlement line has posted it.
    """
    now = pay.clock.now()
    state = SuspenseState.REFUND_PROPOSED if reason in _PROPOSED_AT_ONCE else SuspenseState.OPEN
    row = {
        "id": pay.ids.pick(ALPHABET, LENGTH),
        "channel": channel,
        "provider_id": provider_id[:100],
        "account_id": account_id,
        "payment_id": payment_id,
        "currency": currency,
        "amount_minor": amount_minor,
        "reason": reason.value,
        "state": state.value,
        "note": note[:200],
        "created_at": now,
    }
    if not tx.connection.execute(insert(suspense_items).values(row).on_conflict_do_nothing()).rowcount:
        return False
    facts: dict[str, str | int | bool | list[str]] = {"reason": reason.value, "channel": channel, "amount_minor": amount_minor}
    tx.record(SuspenseEvent.RECEIVED, actor=SYSTEM, object_id=str(row["id"]), channel="job", data=facts)
    if state is SuspenseState.REFUND_PROPOSED:
        tx.record(SuspenseEvent.REFUND_PROPOSED, actor=SYSTEM, object_id=str(row["id"]), channel="job")
    if not is_booked:
        where = Channel(channel, account_id, pay.settings.settlement_bank, currency)
        post(tx.connection, ledger_movements.suspended(where, str(row["id"]), payment_id or "", amount_minor), now)
    return True


def list_open(pay: Pay, account_id: str | None = None, *, limit: int = 500) -> list[SuspenseItem]:
    """Return the work list, oldest first: of an account, or of all."""
    statement = select(suspense_items).where(suspense_items.c.closed_at.is_(None)).order_by(suspense_items.c.created_at).limit(limit)
    if account_id is not None:
        statement = statement.where(suspense_items.c.account_id == account_id)
    with pay.reading() as tx:
        return [item_of(row) for row in tx.connection.execute(statement)]


def propose_refund(pay: Pay, item_id: str, *, actor: str) -> SuspenseItem:
    """Propose to give an item back.  Raises: SuspenseItemClosed, WrongState."""
    with pay.transaction() as tx:
        return move_item(tx, open_item(tx, item_id), SuspenseState.REFUND_PROPOSED, actor=actor, changes={})


def mark_refunded(pay: Pay, item_id: str, *, actor: str, from_bank: bool, note: str = "") -> SuspenseItem:
    """Write down that an item was given back, by its channel or out of our bank.  Raises: SuspenseItemClosed, WrongState."""
    with pay.transaction() as tx:
        return give_back(pay, tx, open_item(tx, item_id), actor=actor, from_bank=from_bank, note=note)


def apply_to(pay: Pay, item_id: str, beneficiary: str, *, actor: str, note: str = "") -> SuspenseItem:
    """Give an item to the body it turned out to be for.  Raises: SuspenseItemClosed, WrongState."""
    with pay.transaction() as tx:
        return hand_over(pay, tx, open_item(tx, item_id), beneficiary, actor=actor, note=note)


def give_back(pay: Pay, tx: Transaction, item: SuspenseItem, *, actor: str, from_bank: bool, note: str = "") -> SuspenseItem:
    """Close an item, whose row is locked, as given back.  Raises: WrongState."""
    moved = _close(pay, tx, item, SuspenseState.REFUNDED, actor=actor, note=note)
    bank = pay.settings.transfer_bank if item.channel == TransferGateway.name else pay.settings.settlement_bank
    where = Channel(item.channel, item.account_id, bank, item.currency)
    posting = ledger_movements.suspense_refunded(where, item.id, item.payment_id or "", item.amount_minor, from_bank=from_bank)
    post(tx.connection, posting, pay.clock.now())
    return moved


def hand_over(pay: Pay, tx: Transaction, item: SuspenseItem, beneficiary: str, *, actor: str, note: str = "") -> SuspenseItem:
    """Close an item, whose row is locked, as owed to a body.  Raises: WrongState."""
    moved = _close(pay, tx, item, SuspenseState.APPLIED, actor=actor, note=note)
    where = Channel(item.channel, item.account_id, pay.settings.settlement_bank, item.currency)
    posting = ledger_movements.suspense_applied(where, item.id, item.payment_id or "", beneficiary, item.amount_minor)
    post(tx.connection, posting, pay.clock.now())
    return moved


def open_item(tx: Transaction, item_id: str) -> SuspenseItem:
    """Return an item that nobody has closed, its row locked until the commit.  Raises: SuspenseItemClosed."""
    item = find_item(tx.connection, item_id, lock=True)
    if item is None or item.closed_at is not None:
        raise SuspenseItemClosed
    return item


def _close(pay: Pay, tx: Transaction, item: SuspenseItem, target: SuspenseState, *, actor: str, note: str) -> SuspenseItem:
    return move_item(tx, item, target, actor=actor, changes={"closed_at": pay.clock.now(), "closed_by": actor, "note": note[:200]})


def move_item(tx: Transaction, item: SuspenseItem, target: SuspenseState, *, actor: str, changes: Mapping[str, object]) -> SuspenseItem:
    """Move an item, whose row is locked, along the table.  Raises: WrongState."""
    action = SUSPENSE_TABLE.check(item.state, target)
    statement = update(suspense_items).where(suspense_items.c.id == item.id).values({"state": target.value} | dict(changes))
    row = tx.connection.execute(statement.returning(*suspense_items.c)).one()
    tx.record(action, actor=actor, object_id=item.id, data={"before": item.state.value, "after": target.value})
    return item_of(row)
