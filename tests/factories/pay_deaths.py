"""Work of pay in a process of its own that is killed for real, at a boundary of one of its transactions."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.event import listen

from pay.context import Merchant, Pay
from pay.models.account import get_account
from pay.operations import authorisations, captures, endings, pages, payments, refunds
from pay.operations.idempotency import IdempotencyKey
from pay.operations.payments import NewPayment
from pay.operations.refunds import NewRefund
from pay.providers.base import CardDetails, CardNumber
from pay.standards.identifiers import AccountId, PaymentId
from pay.standards.payment_object import Payer
from shared.clock import FixedClock
from tests.factories.pay import GOOD_CARD, World, settings

KILLED = -signal.SIGKILL


def merchant(pay: Pay, account_id: str) -> Merchant:
    with pay.db.begin() as connection:
        return Merchant("of-tests", get_account(connection, AccountId(account_id)))


def authorise(pay: Pay, account_id: str, payment_id: str) -> None:
    del account_id
    pages.start(pay, pages.visit(pay, PaymentId(payment_id)))
    card = CardDetails(CardNumber(GOOD_CARD), "123", 11, 2029, "José Ñancupil")
    authorisations.authorise(pay, PaymentId(payment_id), card, Payer("jose@example.cl", "José Ñancupil"))


def capture(pay: Pay, account_id: str, payment_id: str) -> None:
    del account_id
    captures.confirm(pay, PaymentId(payment_id))
    captures.capture(pay, PaymentId(payment_id))


def refund(pay: Pay, account_id: str, payment_id: str) -> None:
    refunds.create_refund(pay, merchant(pay, account_id), payment_id, NewRefund(4500, None))


def cancel(pay: Pay, account_id: str, payment_id: str) -> None:
    endings.cancel_by_service(pay, merchant(pay, account_id), payment_id)


def create(pay: Pay, account_id: str, key: str) -> None:
    """Like a request that is sent twice with one key: the number of the death is the key."""
    order = NewPayment(14500, key, "Renovación de permiso", "https://service.example/return")
    payments.create_payment(pay, merchant(pay, account_id), order, IdempotencyKey(key, "the same body"))


WORK: Mapping[str, Callable[[Pay, str, str], None]] = {work.__name__: work for work in (authorise, capture, refund, cancel, create)}


def _run(name: str, arguments: tuple[str, str], point: int, engines: tuple[str, str], now: datetime) -> None:
    """Do the work and be killed at the boundary of this number: before a commit, or when the next transaction begins after it."""
    pay, boundaries = Pay(settings=settings(*engines), clock=FixedClock(now)), itertools.count(1)

    def pass_boundary(_connection: Connection) -> None:
        if next(boundaries) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    for boundary in ("begin", "commit"):
        listen(pay.db.engine, boundary, pass_boundary)
    WORK[name](pay, *arguments)


def run_until_killed(world: World, name: str, object_id: str, point: int) -> bool:
    """Run the work in another process; True where it was killed at the point, False where it ended before it came there."""
    method = multiprocessing.get_context("forkserver")
    method.set_forkserver_preload([__name__])
    engines = world.pay.settings.database_url.reveal(), world.pay.settings.redis_url.reveal()
    process = method.Process(target=_run, args=(name, (world.till.account_id, object_id), point, engines, world.pay.clock.now()))
    process.start()
    process.join(60)
    assert process.exitcode in {0, KILLED}
    return process.exitcode == KILLED
