"""Refunds from the console: small ones at once, large ones when a second person agrees."""

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from pay.context import Pay
from pay.errors import ApiProblem
from pay.events import PayoutEvent, RefundRequestEvent
from pay.models.account import Account, get_account
from pay.models.refund import Refund, list_refunds
from pay.models.refund_request import (
    RefundRequest,
    account_controls,
    find_request,
    payout_alone_minor,
    refund_alone_minor,
    refund_requests,
    request_of,
)
from pay.operations.desk import DeskMerchant
from pay.operations.idempotency import IdempotencyKey
from pay.operations.moves import SYSTEM
from pay.operations.refunds import NewRefund, check_refundable, create_refund
from pay.standards.identifiers import ALPHABET, LENGTH, PaymentId
from pay.standards.payment_object import Payment
from pay.standards.refund_request_states import REFUND_REQUEST_TABLE, RefundRequestState
from pay.standards.staff_powers import StaffMember
from shared.problems import Forbidden, NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop as noop

JOB = "carry_out_refund_request"
REFUND_ALONE_MINOR = 100_000
"""How much one person may refund where an account says nothing else."""

S = RefundRequestState


def propose_refund(pay: Pay, staff: StaffMember, payment: Payment, amount_minor: int, reason: str) -> RefundRequest:
    """Ask for a refund; up to the account's limit it is approved at once, over it a second person decides.

    Raises: RefundNotAvailable.
    """
    check_refundable(payment, NewRefund(amount_minor, None))
    now, request_id = pay.clock.now(), pay.ids.pick(ALPHABET, LENGTH)
    with pay.transaction() as tx:
        alone = amount_minor <= refund_alone_minor(tx.connection, payment.account_id, REFUND_ALONE_MINOR)
        row = {
            "id": request_id,
            "account_id": payment.account_id,
            "payment_id": payment.id,
            "amount_minor": amount_minor,
            "reason": reason,
            "state": (S.APPROVED if alone else S.PROPOSED).value,
            "requested_by": staff.actor,
            "created_at": now,
            "updated_at": now,
        }
        tx.connection.execute(insert(refund_requests).values(row))
        facts: dict[str, str | int] = {"payment_id": payment.id, "amount_minor": amount_minor, "alone": alone}
        tx.record(RefundRequestEvent.PROPOSED, actor=staff.actor, object_id=request_id, channel="console", data=facts)
        if alone:
            tx.enqueue(JOB, {"request_id": request_id})
    if alone:
        carry_out(pay, request_id)
    return _get(pay, request_id)


def decide_refund(pay: Pay, staff: StaffMember, account: Account, request_id: str, *, approve: bool) -> RefundRequest:
    """Approve or reject what somebody else asked for.  Raises: NotFound, Forbidden for the one who asked, WrongState."""
    with pay.transaction() as tx:
        request = find_request(tx.connection, request_id, lock=True)
        if request is None or request.account_id != account.id:
            raise NotFound
        if request.requested_by == staff.actor:
            raise Forbidden(noop("You asked for this refund. Another person has to decide."))
        target = S.APPROVED if approve else S.REJECTED
        _move(pay, tx, request, target, actor=staff.actor, changes={"decided_by": staff.actor})
        if approve:
            tx.enqueue(JOB, {"request_id": request_id})
    if approve:
        carry_out(pay, request_id)
    return _get(pay, request_id)


def carry_out(pay: Pay, request_id: str) -> None:
    """Make the refund of an approved request; leaves quietly when that was done.  The request's id is its idempotency key."""
    request = _get(pay, request_id)
    if request.state is not S.APPROVED:
        return
    with pay.reading() as tx:
        account = get_account(tx.connection, request.account_id)
    merchant = DeskMerchant((request.decided_by or request.requested_by).removeprefix("staff:"), account)
    try:
        key = IdempotencyKey(f"request-{request.id}", request.id)
        refund = create_refund(pay, merchant, request.payment_id, NewRefund(request.amount_minor, None), key)
    except ApiProblem:
        _settle(pay, request_id, S.FAILED, None)
    else:
        _settle(pay, request_id, S.DONE, refund.id)


def _settle(pay: Pay, request_id: str, target: RefundRequestState, refund_id: str | None) -> None:
    with pay.transaction() as tx:
        request = find_request(tx.connection, request_id, lock=True)
        if request is not None and request.state is S.APPROVED:
            _move(pay, tx, request, target, actor=SYSTEM, changes={"refund_id": refund_id})


def _move(
    pay: Pay, tx: Transaction, request: RefundRequest, target: RefundRequestState, *, actor: str, changes: dict[str, str | None]
) -> None:
    action = REFUND_REQUEST_TABLE.check(request.state, target)
    values = {"state": target.value, "updated_at": pay.clock.now()} | changes
    tx.connection.execute(update(refund_requests).where(refund_requests.c.id == request.id).values(values))
    tx.record(action, actor=actor, object_id=request.id, channel="console", data={"before": request.state.value, "after": target.value})


def _get(pay: Pay, request_id: str) -> RefundRequest:
    with pay.reading() as tx:
        request = find_request(tx.connection, request_id)
    if request is None:
        raise NotFound
    return request


def list_requests(pay: Pay, account: Account, *, payment_id: PaymentId | None = None) -> list[RefundRequest]:
    """Return the requests of an account, those that wait first; of one payment where one is given."""
    c = refund_requests.c
    statement = select(refund_requests).where(c.account_id == account.id)
    if payment_id is not None:
        statement = statement.where(c.payment_id == payment_id)
    order = (c.state != S.PROPOSED.value, c.created_at.desc())
    with pay.reading() as tx:
        return [request_of(row) for row in tx.connection.execute(statement.order_by(*order).limit(200))]


def refunds_of(pay: Pay, payment: Payment) -> list[Refund]:
    """Return the refunds of a payment, oldest first."""
    with pay.reading() as tx:
        return list_refunds(tx.connection, payment.id)


def set_limit(pay: Pay, staff: StaffMember, account: Account, amount_minor: int) -> None:
    """Say how much one person may refund on an account."""
    row = {"account_id": account.id, "refund_alone_minor": amount_minor}
    statement = upsert(account_controls).values(row)
    with pay.transaction() as tx:
        tx.connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_={"refund_alone_minor": amount_minor}))
        tx.record(
            RefundRequestEvent.LIMIT_SET, actor=staff.actor, object_id=account.id, channel="console", data={"amount_minor": amount_minor}
        )


def set_payout_limit(pay: Pay, staff: StaffMember, account: Account, amount_minor: int) -> None:
    """Say how much may be paid out on an account without a second person."""
    row = {"account_id": account.id, "refund_alone_minor": REFUND_ALONE_MINOR, "payout_alone_minor": amount_minor}
    statement = upsert(account_controls).values(row)
    with pay.transaction() as tx:
        tx.connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_={"payout_alone_minor": amount_minor}))
        tx.record(PayoutEvent.LIMIT_SET, actor=staff.actor, object_id=account.id, channel="console", data={"amount_minor": amount_minor})


def get_payout_limit(pay: Pay, account: Account) -> int:
    """Return how much may be paid out on an account without a second person."""
    with pay.reading() as tx:
        return payout_alone_minor(tx.connection, account.id)


def get_limit(pay: Pay, account: Account) -> int:
    """Return how much one person may refund on an account."""
    with pay.reading() as tx:
        return refund_alone_minor(tx.connection, account.id, REFUND_ALONE_MINOR)
