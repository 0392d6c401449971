"""Issue, read, withdraw notices: what a service does with debts that are known before their payment.  Spec: pay-design.md §6, §8."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select, update

from pay.context import Merchant, Pay
from pay.errors import NoticeBusy, NoticeNotFound, UnsafeAddress
from pay.events import NoticeEvent
from pay.models.account import Account, get_account
from pay.models.notice import Debtor, Notice, find_notice, notice_issuers, notice_of, notices, seal_debtor
from pay.models.payment import find_payment, payer_scope, seal_payer
from pay.operations.accounts import check_usable
from pay.operations.amounts import today
from pay.operations.calls import require
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.moves import SYSTEM, move
from pay.operations.notice_issuing import end_of_day, ensure_issuer, place_notice
from pay.operations.notice_moves import PAYABLE, move_notice
from pay.operations.payer_queue import Matter, tell_later
from pay.operations.payments import NewPayment, draft_payment, place_payment
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId
from pay.standards.notice_number import NoticeNumber
from pay.standards.notice_states import NoticeState
from pay.standards.payment_object import Payment
from pay.standards.payment_states import PaymentState
from shared.transaction import Transaction

PAYABLE_AFTER_DUE = timedelta(days=30)
REMINDED_BEFORE = timedelta(days=3)


@dataclass(frozen=True)
class Instalment:
    """One part of a debt."""

    amount_minor: int
    due_on: date


@dataclass(frozen=True)
class NewDebt:
    """A debt to issue notices for, one an instalment; `payable_until` ends them all."""

    order: NewPayment
    instalments: tuple[Instalment, ...]
    debtor: Debtor = Debtor()
    payable_until: date | None = None


@dataclass(frozen=True)
class Slip:
    """A notice with its payment and the account it is owed to: what a page or a printed slip shows."""

    notice: Notice
    payment: Payment
    account: Account


def issue_debt(pay: Pay, merchant: Merchant, debt: NewDebt, key: IdempotencyKey | None = None) -> list[Slip]:
    """Issue the notices of a debt; a repeat with the same key returns the first ones.

    Raises: AccountSuspended, AccountNotReady, IdempotencyKeyReused.
    """
    account = merchant.account
    check_usable(pay, account)
    debt_id = pay.ids.pick(ALPHABET, LENGTH)
    with pay.transaction() as tx:
        made = claim_key(tx, key, scope=f"issue-notice:{account.id}", result_id=debt_id, now=pay.clock.now()) if key else None
        if made is None:
            place_debt(pay, tx, merchant, debt, debt_id)
    return list_slips(pay, merchant, debt_id=made or debt_id)


def place_debt(pay: Pay, tx: Transaction, merchant: Merchant, debt: NewDebt, debt_id: str, **batch: object) -> None:
    """Write the notices of a debt, in the transaction of whoever issues it; `batch` names the columns of the batch it belongs to."""
    issuer = ensure_issuer(pay, tx, merchant.account)
    common: dict[str, object] = {"debt_id": debt_id, "instalments": len(debt.instalments)} | batch
    common |= seal_debtor(pay.cipher, merchant.account.id, debt.debtor)
    for place, instalment in enumerate(debt.instalments, 1):
        until = end_of_day(debt.payable_until or instalment.due_on + PAYABLE_AFTER_DUE)
        order = replace(debt.order, amount_minor=instalment.amount_minor)
        payment = draft_payment(pay, merchant.account, order, expires_at=until)
        place_payment(tx, payment, seal_payer(pay.cipher, payment.account_id, payment.payer), actor=merchant.actor)
        row = common | {"payment_id": payment.id, "instalment": place, "due_on": instalment.due_on}
        remind_on = instalment.due_on - REMINDED_BEFORE
        if payment.payer.email and merchant.account.payer_emails and remind_on > today(pay):
            row["remind_on"] = remind_on
        number = place_notice(pay, tx, issuer, row, actor=merchant.actor)
        tell_later(pay, tx, Matter.NOTICE, number, payment)


def _slip(pay: Pay, tx: Transaction, notice: Notice, account: Account | None = None) -> Slip:
    payment = find_payment(tx.connection, pay.cipher, notice.payment_id)
    if payment is None:
        raise LookupError("a notice without its payment")
    return Slip(notice, payment, account or get_account(tx.connection, notice.account_id))


def get_slip(pay: Pay, number: NoticeNumber | None, *, merchant: Merchant | None = None) -> Slip:
    """Return a notice with its payment, of the caller's account where there is a caller.  Raises: NoticeNotFound."""
    with pay.reading() as tx:
        account_id = merchant.account.id if merchant else None
        notice = find_notice(tx.connection, pay.cipher, number, account_id=account_id) if number else None
        if notice is None:
            raise NoticeNotFound
        return _slip(pay, tx, notice)


def list_slips(pay: Pay, merchant: Merchant, *, batch_id: str | None = None, debt_id: str | None = None, limit: int = 500) -> list[Slip]:
    """Return notices of an account, oldest first: those of a batch, or of a debt."""
    statement = select(notices).where(notices.c.account_id == merchant.account.id)
    if batch_id is not None:
        statement = statement.where(notices.c.batch_id == batch_id)
    if debt_id is not None:
        statement = statement.where(notices.c.debt_id == debt_id)
    with pay.reading() as tx:
        rows = tx.connection.execute(
            statement.order_by(notices.c.created_at, notices.c.batch_place, notices.c.debt_id, notices.c.instalment).limit(limit)
        ).all()
        return [_slip(pay, tx, notice_of(row, pay.cipher), merchant.account) for row in rows]


def withdraw(pay: Pay, merchant: Merchant, number: NoticeNumber | None, *, paid_elsewhere: bool = False) -> Slip:
    """End a notice that nobody paid here: it was a mistake, or it was paid elsewhere.  A repeat changes nothing.

    Raises: NoticeNotFound, NoticeBusy while a till or a bank is at it, WrongState when it is settled.
    """
    target = NoticeState.PAID_ELSEWHERE if paid_elsewhere else NoticeState.CANCELLED
    known = get_slip(pay, number, merchant=merchant)
    with pay.transaction() as tx:
        payment = require(pay, tx, known.payment.id)
        notice = find_notice(tx.connection, pay.cipher, known.notice.number, lock=True)
        if notice is None or notice.payment_id != payment.id or notice.is_locked(pay.clock.now()):
            raise NoticeBusy("Somebody is paying this notice just now. Try again in a few minutes.")
        if notice.state is not target:
            if notice.state is NoticeState.ACTIVATED:  # its time is over
                notice = move_notice(pay, tx, notice, NoticeState.OPEN, actor=SYSTEM)
            if payment.state not in PAYABLE and notice.state is NoticeState.OPEN:
                raise NoticeBusy("A bank is being asked for this payment just now. Try again in a few minutes.")
            move_notice(pay, tx, notice, target, actor=merchant.actor)
            move(pay, tx, payment, PaymentState.SYSTEM_CANCELLED, actor=merchant.actor)
    return get_slip(pay, number, merchant=merchant)


def renew_payment(pay: Pay, number: str, payment_id: PaymentId) -> None:
    """Give a notice whose payment failed another payment, so that the debt can still be paid; leaves quietly when that was done."""
    with pay.transaction() as tx:
        failed = require(pay, tx, payment_id)
        notice = find_notice(tx.connection, pay.cipher, number, lock=True)
        if notice is None or notice.payment_id != payment_id or notice.state not in {NoticeState.OPEN, NoticeState.ACTIVATED}:
            return
        account = get_account(tx.connection, notice.account_id)
        order = NewPayment(
            amount_minor=failed.amount_minor,
            reference=failed.reference,
            description=failed.description,
            return_url=failed.return_url,
            language=failed.language,
            metadata=failed.metadata,
            payer=failed.payer,
            allocations=failed.allocations,
            methods=failed.methods,
        )
        payment = replace(draft_payment(pay, account, order, expires_at=failed.expires_at), notice_number=number)
        place_payment(tx, payment, seal_payer(pay.cipher, account.id, payment.payer), actor=SYSTEM)
        values = {"payment_id": payment.id, "version": notice.version + 1, "updated_at": pay.clock.now()}
        tx.connection.execute(notices.update().where(notices.c.number == notice.number).values(values))
        tx.record(NoticeEvent.RENEWED, actor=SYSTEM, object_id=number, channel="job", data={"payment_id": payment.id, "failed": payment_id})


def set_amount_hook(pay: Pay, merchant: Merchant, url: str, signing_key: str) -> None:
    """Say where an account's service tells what is owed now.  Raises: UnsafeAddress for one that is not https outside the sandbox."""
    if urlsplit(url).scheme != "https" and not pay.settings.is_sandbox:
        raise UnsafeAddress("The address begins with https://.")
    with pay.transaction() as tx:
        ensure_issuer(pay, tx, merchant.account)
        sealed = pay.cipher.encrypt(signing_key, scope=payer_scope(merchant.account.id))
        values = {"amount_hook_url": url, "hook_key_sealed": sealed}
        tx.connection.execute(update(notice_issuers).where(notice_issuers.c.account_id == merchant.account.id).values(values))
        tx.record(NoticeEvent.HOOK_SET, actor=merchant.actor, object_id=merchant.account.id)
