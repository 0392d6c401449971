"""Cash at a partner's counter: the person shows a code and an identity card, the till pays out once.  Spec: requirements PA-8.

The code alone is not enough: the till types the number of the card it saw.  After five wrong ones the code is closed, and the
office looks at it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from pay.context import Pay
from pay.errors import PayoutCodeRefused, ReceiptReused
from pay.events import PayoutEvent
from pay.models.partner import Partner
from pay.models.payout import Payout, find_by_code, find_by_receipt, payouts
from pay.operations.payout_moves import move_payout
from pay.standards.payout_states import PayoutState
from shared.crypto import constant_time_equal
from shared.transaction import Transaction

WRONG_TRIES_MAX = 5
S = PayoutState


@dataclass(frozen=True)
class Handed:
    """What a till says it paid out: its own receipt number is the key, so that a repeat is the same money."""

    code: str
    identifier: str
    receipt_number: str
    paid_at: datetime


def check_code(pay: Pay, partner: Partner, code: str, identifier: str) -> Payout:
    """Return what a code is worth for the person who stands there.  Raises: PayoutCodeRefused."""
    return _checked(pay, partner, code, identifier)


def _checked(pay: Pay, partner: Partner, code: str, identifier: str) -> Payout:
    with pay.transaction() as tx:
        payout = find_by_code(tx.connection, pay.cipher, code, lock=True)
        is_person = payout is not None and constant_time_equal(payout.payee.identifier, identifier)
        if payout is not None and not is_person:
            _count_wrong(tx, partner, payout)
    if payout is None or not is_person or not _is_payable(pay, partner, payout):
        raise PayoutCodeRefused("Check the code and the number of the identity card.")
    return payout


def _count_wrong(tx: Transaction, partner: Partner, payout: Payout) -> None:
    tx.connection.execute(update(payouts).where(payouts.c.id == payout.id).values(wrong_tries=payouts.c.wrong_tries + 1))
    tx.record(PayoutEvent.CODE_REFUSED, actor=partner.actor, outcome="failed", object_id=payout.id, channel="counter")


def _is_payable(pay: Pay, partner: Partner, payout: Payout) -> bool:
    fits = partner.max_amount_minor is None or payout.amount_minor <= partner.max_amount_minor
    in_time = payout.expires_at is not None and pay.clock.now() < payout.expires_at
    return payout.state is S.COLLECTABLE and payout.wrong_tries < WRONG_TRIES_MAX and fits and in_time


def hand_out(pay: Pay, partner: Partner, handed: Handed) -> Payout:
    """Book cash that a till is about to hand over: only after this answer does it open the drawer.  A repeat is answered alike.

    Raises: PayoutCodeRefused, ReceiptReused for a receipt number of another pay-out.
    """
    with pay.reading() as tx:
        before = find_by_receipt(tx.connection, pay.cipher, partner.id, handed.receipt_number)
        named = find_by_code(tx.connection, pay.cipher, handed.code)
    if before is not None:
        if named is None or named.id != before.id:
            raise ReceiptReused
        return before
    checked = _checked(pay, partner, handed.code, handed.identifier)
    try:
        with pay.transaction() as tx:
            payout = find_by_code(tx.connection, pay.cipher, handed.code, lock=True)
            if payout is None or not _is_payable(pay, partner, payout):
                return _after_race(pay, tx, partner, handed, checked)
            changes = {"partner_id": partner.id, "receipt_number": handed.receipt_number, "paid_at": handed.paid_at}
            return move_payout(pay, tx, payout, S.PAID, actor=partner.actor, changes=changes)
    except IntegrityError:  # the same receipt number for two codes at the same moment
        raise ReceiptReused from None


def _after_race(pay: Pay, tx: Transaction, partner: Partner, handed: Handed, checked: Payout) -> Payout:
    """Another request was quicker: the same receipt is answered alike, anything else is refused."""
    paid = find_by_receipt(tx.connection, pay.cipher, partner.id, handed.receipt_number)
    if paid is None or paid.id != checked.id:
        raise PayoutCodeRefused("Check the code and the number of the identity card.")
    return paid
