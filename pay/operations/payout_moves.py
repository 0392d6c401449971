"""The one way a pay-out changes its state: checked by the table, told to its history, the log, webhooks and the books.

Spec: requirements PA-8, PA-9; pay-design.md §3.
"""

from collections.abc import Mapping
from typing import TypedDict

from sqlalchemy import insert, update

from pay.context import Pay
from pay.events import PayoutEvent, WebhookEvent
from pay.models.account import get_account
from pay.models.ledger import post
from pay.models.payment import payments
from pay.models.payout import Payout, event_row, payout_events, payout_of, payouts
from pay.operations.announcements import announce_payout
from pay.standards import payout_postings
from pay.standards.ledger import Posting, Source, bank_account
from pay.standards.payout_states import ENDED_UNPAID, PAYOUT_TABLE, PayoutMethod, PayoutState
from shared.transaction import Transaction

S = PayoutState
_WEBHOOKS = {
    S.SENT: WebhookEvent.PAYOUT_SENT,
    S.COLLECTABLE: WebhookEvent.PAYOUT_SENT,
    S.PAID: WebhookEvent.PAYOUT_PAID,
    S.RETURNED: WebhookEvent.PAYOUT_RETURNED,
    S.REJECTED: WebhookEvent.PAYOUT_ENDED,
    S.CANCELLED: WebhookEvent.PAYOUT_ENDED,
    S.EXPIRED: WebhookEvent.PAYOUT_ENDED,
}


def move_payout(
    pay: Pay, tx: Transaction, payout: Payout, target: PayoutState, *, actor: str, changes: Mapping[str, object] | None = None
) -> Payout:
    """Move a pay-out whose row is locked, post what follows from it, and return it as it is now.  Raises: WrongState."""
    action: PayoutEvent = PAYOUT_TABLE.check(payout.state, target)
    now = pay.clock.now()
    values = {"state": target.value, "updated_at": now} | dict(changes or {})
    row = tx.connection.execute(update(payouts).where(payouts.c.id == payout.id).values(values).returning(*payouts.c)).one()
    moved = payout_of(row, pay.cipher)
    tx.connection.execute(insert(payout_events).values(event_row(payout.id, payout.state, target, now)))
    tx.record(action, actor=actor, object_id=payout.id, data={"before": payout.state.value, "after": target.value})
    posting = _posting(pay, tx, payout, moved)
    if posting is not None:
        post(tx.connection, posting, now)
    if target in ENDED_UNPAID and payout.payment_id is not None:
        change_refunded(tx, payout.payment_id, -payout.amount_minor)
    if target in _WEBHOOKS:
        announce_payout(pay, tx, moved, _WEBHOOKS[target])
    return moved


def _posting(pay: Pay, tx: Transaction, before: Payout, after: Payout) -> Posting | None:
    """Return what a move posts; nothing where no money is set aside yet."""
    bank, body = pay.settings.settlement_bank, get_account(tx.connection, after.account_id).organisation_id
    names: _Names = {"payout_id": after.id, "payment_id": after.payment_id or "", "currency": after.currency}
    if after.state is S.APPROVED:
        return payout_postings.reserved(**names, body=body, shares=after.shares)
    if after.state is S.SENT:
        return payout_postings.sent(**names, body=body, bank=bank, amount_minor=after.amount_minor)
    if after.state is S.PAID:
        owed = payout_postings.in_transit_account(bank) if before.state is S.SENT else payout_postings.reserved_account(body)
        out_of = bank_account(bank) if after.partner_id is None else payout_postings.partner_account(after.partner_id)
        return payout_postings.paid(**names, owed=owed, out_of=out_of, amount_minor=after.amount_minor)
    if after.state is S.RETURNED:
        held = payout_postings.in_transit_account(bank) if before.state is S.SENT else bank_account(bank)
        return payout_postings.returned(**names, held=held, shares=after.shares)
    if after.state in {S.CANCELLED, S.EXPIRED} and before.state is not S.PROPOSED:
        return payout_postings.released(**names, body=body, shares=after.shares)
    return None


class _Names(TypedDict):
    payout_id: str
    payment_id: str
    currency: str


def change_refunded(tx: Transaction, payment_id: str, change_minor: int) -> None:
    """Change what of a payment was given back; a constraint of the table refuses more than was taken."""
    c = payments.c
    statement = update(payments).where(c.id == payment_id)
    tx.connection.execute(statement.values(refunded_minor=c.refunded_minor + change_minor, version=c.version + 1))


_RESERVED, _SENT, _PAID = Source.PAYOUT_RESERVED, Source.PAYOUT_SENT, Source.PAYOUT_PAID
_NONE: frozenset[Source] = frozenset()


def lawful_sources(state: PayoutState, method: PayoutMethod) -> frozenset[frozenset[Source]]:
    """Return the sets of postings that may stand beside a state; the proof of the books compares with them."""
    if state in {S.PROPOSED, S.REJECTED}:
        return frozenset({_NONE})
    if state in {S.APPROVED, S.COLLECTABLE}:
        return frozenset({frozenset({_RESERVED})})
    if state is S.SENT:
        return frozenset({frozenset({_RESERVED, _SENT})})
    if state is S.PAID:
        return frozenset({frozenset({_RESERVED, _PAID}) | ({_SENT} if method is PayoutMethod.TRANSFER else _NONE)})
    if state is S.RETURNED:
        sent = frozenset({_RESERVED, _SENT, Source.PAYOUT_RETURNED})
        return frozenset({sent, sent | {_PAID}})
    released = frozenset({_RESERVED, Source.PAYOUT_RELEASED})
    return frozenset({released}) if state is S.EXPIRED else frozenset({_NONE, released})
