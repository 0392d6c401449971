"""Order a pay-out to a person, decide on it, take it back.  Spec: requirements PA-8, PA-9; pay-api.md §25.

Up to the account's limit an order is approved at once; over it another person decides.  What is approved is set aside in the books
in the same transaction, so that two pay-outs never spend the same money.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from pay.context import Merchant, Pay
from pay.errors import AccountNotReady, NotEnabledHere, PayoutNotCovered, ResourceNotFound
from pay.events import PayoutEvent
from pay.models.account import Account
from pay.models.ledger import ledger_accounts
from pay.models.payment import payer_scope
from pay.models.payout import Payee, Payout, code_index, event_row, find_payout, payout_events, payout_of, payouts, seal_payee
from pay.models.refund_request import payout_alone_minor
from pay.operations.accounts import check_usable
from pay.operations.idempotency import IdempotencyKey, claim_key
from pay.operations.moves import SYSTEM
from pay.operations.payout_moves import move_payout
from pay.standards.identifiers import ALPHABET, LENGTH, AccountId, PaymentId, PayoutId, is_public_id
from pay.standards.ledger import Share, payable_account
from pay.standards.payout_code import RANDOM_DIGITS, make_code
from pay.standards.payout_states import PayoutMethod, PayoutState
from pay.standards.staff_powers import StaffMember
from shared.problems import Forbidden, NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop as noop

COLLECTABLE_FOR = timedelta(days=90)
"""How long cash waits at the counters, as at the counters of the State's own bank.  Spec: pay-design.md §7.3."""
EXPIRY_BATCH = 200
DIGITS = "0123456789"
S = PayoutState


@dataclass(frozen=True)
class NewPayout:
    """What is ordered, checked."""

    amount_minor: int
    reference: str
    description: str
    method: PayoutMethod
    payee: Payee = field(repr=False)


@dataclass(frozen=True)
class Refunding:
    """The payment that is given back by a pay-out, and by whose shares."""

    payment_id: PaymentId
    shares: tuple[Share, ...]


def order_payout(pay: Pay, merchant: Merchant, order: NewPayout, key: IdempotencyKey) -> tuple[Payout, bool]:
    """Order a pay-out; with True where the same request did before.

    Raises: NotEnabledHere, AccountSuspended, AccountNotReady, PayoutNotCovered, IdempotencyKeyReused.
    """
    account = merchant.account
    check_may_pay_out(pay, account)
    payout_id = PayoutId(pay.ids.pick(ALPHABET, LENGTH))
    with pay.transaction() as tx:
        made = claim_key(tx, key, scope=f"create-payout:{account.id}", result_id=payout_id, now=pay.clock.now())
        if made is not None:
            found = find_payout(tx.connection, pay.cipher, PayoutId(made), account_id=account.id)
            if found is None:
                raise LookupError("a pay-out that was kept is gone")
            return found, True
        return place_payout(pay, tx, account, order, payout_id, actor=merchant.actor), False


def order_at_desk(pay: Pay, staff: StaffMember, account: Account, order: NewPayout, payout_id: PayoutId) -> Payout:
    """Order a pay-out from the console; the same form again is the same order.  Raises: PayoutNotCovered, NotEnabledHere."""
    check_may_pay_out(pay, account)
    with pay.transaction() as tx:
        return place_payout(pay, tx, account, order, payout_id, actor=staff.actor)


def check_may_pay_out(pay: Pay, account: Account) -> None:
    """Raises: NotEnabledHere, AccountSuspended, AccountNotReady where a live account has no bank to pay out."""
    if not account.allow_payouts:
        raise NotEnabledHere(pay.settings.support_contact)
    check_usable(pay, account)
    if pay.payout_bank_of(account) is None:
        raise AccountNotReady(pay.settings.support_contact)


def place_payout(
    pay: Pay,
    tx: Transaction,
    account: Account,
    order: NewPayout,
    payout_id: PayoutId,
    *,
    actor: str,
    refunding: Refunding | None = None,
) -> Payout:
    """Write an order down, once under its id; approve it at once where one alone may.  Raises: PayoutNotCovered."""
    now = pay.clock.now()
    shares = refunding.shares if refunding else (Share(account.organisation_id, order.amount_minor),)
    row = {
        "id": payout_id,
        "account_id": account.id,
        "state": S.PROPOSED.value,
        "amount_minor": order.amount_minor,
        "currency": account.currency,
        "method": order.method.value,
        "reference": order.reference,
        "description": order.description,
        "payee_sealed": seal_payee(pay.cipher, account.id, order.payee),
        "shares": [[share.beneficiary, share.amount_minor] for share in shares],
        "payment_id": refunding.payment_id if refunding else None,
        "ordered_by": actor,
        "created_at": now,
        "updated_at": now,
    }
    written = tx.connection.execute(insert(payouts).values(row).on_conflict_do_nothing(index_elements=["id"]).returning(*payouts.c))
    new = written.one_or_none()
    if new is None:
        return _locked(pay, tx, account.id, payout_id)
    placed = payout_of(new, pay.cipher)
    tx.connection.execute(insert(payout_events).values(event_row(payout_id, None, S.PROPOSED, now)))
    alone = order.amount_minor <= payout_alone_minor(tx.connection, account.id)
    facts: dict[str, str | int] = {"account_id": account.id, "amount_minor": order.amount_minor, "method": order.method, "alone": alone}
    tx.record(PayoutEvent.ORDERED, actor=actor, object_id=payout_id, data=facts)
    return _approve(pay, tx, placed, actor=SYSTEM, decided_by=None) if alone else placed


def _approve(pay: Pay, tx: Transaction, payout: Payout, *, actor: str, decided_by: str | None) -> Payout:
    """Set the money aside; for a counter, make the code at once."""
    _check_covered(tx, payout)
    approved = move_payout(pay, tx, payout, S.APPROVED, actor=actor, changes={"decided_by": decided_by})
    if approved.method is PayoutMethod.TRANSFER:
        return approved
    code = make_code(pay.ids.pick(DIGITS, RANDOM_DIGITS))
    changes = {
        "code_hash": code_index(pay.cipher, code),
        "code_sealed": pay.cipher.encrypt(code, scope=payer_scope(approved.account_id)),
        "expires_at": pay.clock.now() + COLLECTABLE_FOR,
    }
    return move_payout(pay, tx, approved, S.COLLECTABLE, actor=actor, changes=changes)


def _check_covered(tx: Transaction, payout: Payout) -> None:
    """Hold the accounts the money comes from, and see that there is enough; what is reserved for refunds is spent already."""
    c = ledger_accounts.c
    for share in sorted(payout.shares, key=lambda share: share.beneficiary):
        held = select(c.posted_minor, c.pending_minor).where(
            c.code == payable_account(share.beneficiary).code, c.currency == payout.currency
        )
        row = tx.connection.execute(held.with_for_update()).one_or_none()
        free = 0 if row is None else -row.posted_minor - max(0, row.pending_minor)
        if free < share.amount_minor:
            raise PayoutNotCovered


def free_minor(pay: Pay, account: Account) -> int:
    """Return how much of a body's money may be paid out."""
    c = ledger_accounts.c
    statement = select(-c.posted_minor - func.greatest(0, c.pending_minor)).where(
        c.code == payable_account(account.organisation_id).code, c.currency == account.currency
    )
    with pay.reading() as tx:
        return int(tx.connection.execute(statement).scalar_one_or_none() or 0)


def decide_payout(pay: Pay, staff: StaffMember, account: Account, payout_id: str, *, approve: bool) -> Payout:
    """Approve or reject what somebody else ordered.  Raises: NotFound, Forbidden for who ordered it, WrongState, PayoutNotCovered."""
    with pay.transaction() as tx:
        payout = _locked(pay, tx, account.id, payout_id)
        if payout.ordered_by == staff.actor:
            raise Forbidden(noop("You ordered this pay-out. Another person has to decide."))
        if approve:
            return _approve(pay, tx, payout, actor=staff.actor, decided_by=staff.actor)
        return move_payout(pay, tx, payout, S.REJECTED, actor=staff.actor, changes={"decided_by": staff.actor})


def cancel_payout(pay: Pay, account_id: AccountId, payout_id: str, *, actor: str) -> Payout:
    """Take a pay-out back that is not on its way; a repeat changes nothing.  Raises: NotFound, WrongState."""
    with pay.transaction() as tx:
        payout = _locked(pay, tx, account_id, payout_id)
        return payout if payout.state is S.CANCELLED else move_payout(pay, tx, payout, S.CANCELLED, actor=actor)


def _locked(pay: Pay, tx: Transaction, account_id: AccountId, payout_id: str) -> Payout:
    found = None
    if is_public_id(payout_id):
        found = find_payout(tx.connection, pay.cipher, PayoutId(payout_id), account_id=account_id, lock=True)
    if found is None:
        raise NotFound
    return found


def get_payout(pay: Pay, account_id: AccountId, payout_id: str) -> Payout:
    """Return a pay-out of an account.  Raises: NotFound."""
    found = None
    if is_public_id(payout_id):
        with pay.reading() as tx:
            found = find_payout(tx.connection, pay.cipher, PayoutId(payout_id), account_id=account_id)
    if found is None:
        raise NotFound
    return found


def cash_code(pay: Pay, payout: Payout) -> str | None:
    """Return the code a person fetches the money with, while it waits."""
    if payout.state is not S.COLLECTABLE or payout.code_sealed is None:
        return None
    return pay.cipher.decrypt(payout.code_sealed, scope=payer_scope(payout.account_id))


@dataclass(frozen=True)
class FoundPayouts:
    """A page of pay-outs and how many there are in all."""

    total: int
    payouts: list[Payout]


def search_payouts(
    pay: Pay, account_id: AccountId, *, state: str | None = None, reference: str | None = None, page: int = 1, size: int = 50
) -> FoundPayouts:
    """Return one page of an account's pay-outs, newest first.  Raises: ResourceNotFound for a page past the end."""
    c = payouts.c
    where = [c.account_id == account_id]
    if state is not None:
        where.append(c.state == state)
    if reference is not None:
        where.append(func.lower(c.reference) == reference.lower())
    with pay.reading() as tx:
        total = tx.connection.execute(select(func.count()).select_from(payouts).where(*where)).scalar_one()
        newest = select(payouts).where(*where).order_by(c.created_at.desc(), c.id.desc()).limit(size).offset((page - 1) * size)
        found = [payout_of(row, pay.cipher) for row in tx.connection.execute(newest)]
    if not found and page > 1:
        raise ResourceNotFound("P0402", "Page not found")
    return FoundPayouts(total, found)


def list_steps(pay: Pay, payout: Payout) -> list[tuple[PayoutState, datetime]]:
    """Return the states of a pay-out with when each began, oldest first."""
    c = payout_events.c
    with pay.reading() as tx:
        rows = tx.connection.execute(select(c.after, c.created_at).where(c.payout_id == payout.id).order_by(c.id))
        return [(S(row.after), row.created_at) for row in rows]


def expire_collectable(pay: Pay) -> int:
    """End cash that nobody fetched in time; return how many were due."""
    c = payouts.c
    with pay.reading() as tx:
        late = select(c.id).where(c.state == S.COLLECTABLE.value, c.expires_at <= pay.clock.now()).limit(EXPIRY_BATCH)
        due = tx.connection.execute(late).scalars().all()
    for payout_id in due:
        with pay.transaction() as tx:  # one each: the books' accounts are locked in one order
            payout = find_payout(tx.connection, pay.cipher, PayoutId(payout_id), lock=True)
            if payout is not None and payout.state is S.COLLECTABLE:
                move_payout(pay, tx, payout, S.EXPIRED, actor=SYSTEM)
    return len(due)
