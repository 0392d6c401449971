"""What a counter does with a notice: verify, activate, confirm, release.  Spec: pay-design.md §6, §8, §13.10.

Money that was taken is never refused: what fits no notice goes to suspense, with a work list, and is answered like the rest.
"""

import base64
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.errors import NoticeBusy, NoticeNotFound, NoticeNotPayable, ReceiptReused
from pay.events import PartnerAction
from pay.models.notice import Notice, find_notice
from pay.models.partner import Partner, Receipt, find_receipt, partner_receipts
from pay.models.payment import payments
from pay.operations.arrivals import Arrived, misfit, take
from pay.operations.calls import require
from pay.operations.notice_moves import PAYABLE, move_notice
from pay.operations.notice_visits import current_amount, set_amount
from pay.operations.notices import Slip, get_slip
from pay.operations.suspense import receive
from pay.providers.cash import CounterGateway
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.notice_number import NoticeNumber, read_number
from pay.standards.notice_states import NoticeState
from pay.standards.payment_object import Payment
from pay.standards.suspense_states import SuspenseReason
from shared.crypto import constant_time_equal, sha256_hex
from shared.transaction import Transaction

LOCK_FOR = timedelta(minutes=10)
APPLIED = "applied"


@dataclass(frozen=True)
class Verified:
    """A notice as a till sees it: what is owed now, and whether it may be taken."""

    slip: Slip
    amount_minor: int
    is_payable: bool
    locked_until: datetime | None


@dataclass(frozen=True)
class Activated:
    """A notice that one till holds; the token lets it go."""

    slip: Slip
    amount_minor: int
    token: str
    until: datetime


@dataclass(frozen=True)
class Taken:
    """What a till says it took: its own receipt number is the key, so that a repeat is the same money."""

    receipt_number: str
    number: str
    amount_minor: int
    paid_at: datetime
    branch: str


def verify(pay: Pay, partner: Partner, number: NoticeNumber | None) -> Verified:
    """Say what is owed now.  Raises: NoticeNotFound, AmountUnknown."""
    slip = get_slip(pay, number)
    now = pay.clock.now()
    payable = (
        slip.payment.state in PAYABLE and slip.payment.expires_at > now and slip.notice.state in {NoticeState.OPEN, NoticeState.ACTIVATED}
    )
    amount = current_amount(pay, slip) if payable else slip.payment.amount_minor
    until = slip.notice.lock.until if slip.notice.is_locked(now) and slip.notice.lock else None
    held_by_other = until is not None and slip.notice.lock is not None and slip.notice.lock.holder != partner.id
    fits = partner.max_amount_minor is None or amount <= partner.max_amount_minor
    return Verified(slip, amount, payable and not held_by_other and fits, until)


def lock_token(pay: Pay, partner: Partner, number: str, transaction_id: str) -> str:
    """Return the token of one transaction of a till: the same whenever it is asked, so that a lost answer harms nobody."""
    key = pay.cipher.derive("notice-locks")
    return base64.urlsafe_b64encode(hmac.digest(key, f"{partner.id}:{number}:{transaction_id}".encode(), "sha256")).decode().rstrip("=")


def activate(pay: Pay, partner: Partner, number: NoticeNumber | None, transaction_id: str) -> Activated:
    """Hold a notice for ten minutes; the same transaction again is answered alike.

    Raises: NoticeNotFound, NoticeNotPayable, NoticeBusy while another till holds it, AmountUnknown.
    """
    slip = get_slip(pay, number)
    token = lock_token(pay, partner, slip.notice.number, transaction_id)
    amount = current_amount(pay, slip) if slip.payment.state in PAYABLE else slip.payment.amount_minor
    if partner.max_amount_minor is not None and amount > partner.max_amount_minor:
        raise NoticeNotPayable("The amount is more than this partner takes at once.")
    with pay.transaction() as tx:
        payment = require(pay, tx, slip.payment.id)
        notice = _locked(pay, tx, slip.notice.number)
        now = pay.clock.now()
        if notice.is_locked(now) and notice.lock and constant_time_equal(notice.lock.token_hash, sha256_hex(token)):
            return Activated(replace(slip, notice=notice, payment=payment), payment.amount_minor, token, notice.lock.until)
        if notice.is_locked(now):
            raise NoticeBusy("Another till is taking this notice just now.")
        if notice.payment_id != payment.id or payment.state not in PAYABLE or payment.expires_at <= now:
            raise NoticeNotPayable(f"The notice is {notice.state}.")
        set_amount(tx, payment, amount)
        until = now + LOCK_FOR
        changes: dict[str, object] = {"lock_hash": sha256_hex(token), "locked_by": partner.id, "locked_until": until}
        notice = move_notice(pay, tx, notice, NoticeState.ACTIVATED, actor=partner.actor, changes=changes)
        _keep_open(tx, payment, until)
    return Activated(replace(slip, notice=notice), amount, token, until)


def _keep_open(tx: Transaction, payment: Payment, until: datetime) -> None:
    """A payment does not expire in the hand of a till."""
    keep = until + timedelta(minutes=1)
    if payment.expires_at < keep:
        tx.connection.execute(update(payments).where(payments.c.id == payment.id).values(expires_at=keep))


def release(pay: Pay, partner: Partner, number: NoticeNumber | None, token: str) -> Slip:
    """Let a notice go that was not paid; a repeat changes nothing.

    Raises: NoticeNotFound, NoticeBusy where another till holds it, NoticeNotPayable when it was paid.
    """
    slip = get_slip(pay, number)
    with pay.transaction() as tx:
        require(pay, tx, slip.payment.id)
        notice = _locked(pay, tx, slip.notice.number)
        if notice.state is NoticeState.PAID:
            raise NoticeNotPayable("The notice is paid.")
        if notice.state is NoticeState.ACTIVATED:
            if notice.lock is None or not constant_time_equal(notice.lock.token_hash, sha256_hex(token)):
                raise NoticeBusy("Another till is taking this notice just now.")
            move_notice(pay, tx, notice, NoticeState.OPEN, actor=partner.actor)
    return get_slip(pay, number)


def confirm(pay: Pay, partner: Partner, taken: Taken, *, is_from_file: bool = False) -> Receipt:
    """Book money that a counter took: to the notice where it fits, else to suspense.  A repeat of the receipt is answered alike.

    Raises: NoticeNotFound for a number that is none of ours, by line; in a file that is money for suspense.
    Raises: ReceiptReused for the same receipt number with other facts.
    """
    number = read_number(taken.number)
    with pay.transaction() as tx:
        notice = find_notice(tx.connection, pay.cipher, number) if number else None
        if notice is None and not is_from_file:
            raise NoticeNotFound
        payment = require(pay, tx, notice.payment_id) if notice else None
        receipt_id = pay.ids.pick(ALPHABET, LENGTH)
        row = {
            "id": receipt_id,
            "partner_id": partner.id,
            "receipt_number": taken.receipt_number,
            "number": number or taken.number[:40],
            "amount_minor": taken.amount_minor,
            "currency": payment.currency if payment else pay.settings.counter_currency,
            "branch": taken.branch,
            "paid_at": taken.paid_at,
            "outcome": "",
            "created_at": pay.clock.now(),
        }
        is_new = tx.connection.execute(insert(partner_receipts).values(row).on_conflict_do_nothing()).rowcount
        if is_new:
            outcome = _book(pay, tx, partner, taken, payment, receipt_id=receipt_id)
            values = {"outcome": outcome, "payment_id": payment.id if payment else None}
            tx.connection.execute(update(partner_receipts).where(partner_receipts.c.id == receipt_id).values(values))
        kept = find_receipt(tx.connection, partner.id, taken.receipt_number)
    if kept is None:
        raise LookupError("a receipt that was kept is gone")
    if (kept.number, kept.amount_minor) != (number or taken.number[:40], taken.amount_minor):
        raise ReceiptReused
    return kept


def _book(pay: Pay, tx: Transaction, partner: Partner, taken: Taken, payment: Payment | None, *, receipt_id: str) -> str:
    reason = misfit(pay, payment, taken.amount_minor, taken.paid_at)
    data: dict[str, str | int | bool | list[str]] = {
        "partner_id": partner.id,
        "amount_minor": taken.amount_minor,
        "payment_id": payment.id if payment else "",
    }
    if reason is None and payment is not None:
        arrived = Arrived(CounterGateway.name, taken.receipt_number, taken.paid_at)
        take(pay, tx, payment, arrived, actor=partner.actor)
        tx.record(PartnerAction.RECEIPT_APPLIED, actor=partner.actor, object_id=receipt_id, data=data)
        return APPLIED
    reason = reason or SuspenseReason.UNKNOWN_REFERENCE
    receive(
        pay,
        tx,
        channel=CounterGateway.name,
        provider_id=receipt_id,
        account_id=payment.account_id if payment else None,
        payment_id=payment.id if payment else None,
        currency=payment.currency if payment else pay.settings.counter_currency,
        amount_minor=taken.amount_minor,
        reason=reason,
        note=f"{partner.name}: {taken.receipt_number}"[:200],
    )
    tx.record(PartnerAction.RECEIPT_HELD, actor=partner.actor, object_id=receipt_id, data={**data, "reason": reason.value})
    return reason.value


def _locked(pay: Pay, tx: Transaction, number: str) -> Notice:
    notice = find_notice(tx.connection, pay.cipher, number, lock=True)
    if notice is None:
        raise NoticeNotFound
    return notice
