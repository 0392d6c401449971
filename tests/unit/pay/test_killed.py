"""Processes that are killed for real (SIGKILL), at each boundary of each transaction, and what the sweeps make of what they left."""

import itertools
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from pay.models.payment import payments
from pay.operations.proofs import prove
from pay.providers.base import Action
from pay.standards.payment_states import LOCKS
from tests.factories.pay import World
from tests.factories.pay_deaths import run_until_killed

POINTS_MAX = 40


def killed_everywhere(world: World, work: str, prepare: Callable[[int], str]) -> list[str]:
    """Do the work on one object after another, each killed one boundary later, until one gets through; the clock then runs on."""
    objects: list[str] = []
    for point in itertools.count(1):
        assert point < POINTS_MAX
        objects.append(prepare(point))
        if not run_until_killed(world, work, objects[-1], point):
            break
    assert len(objects) > 4, "it was killed at every boundary that it has"
    for _ in range(5):
        world.pay.clock.advance(seconds=61)  # type: ignore[attr-defined]  # the clock of tests
        world.sweep()
    with world.pay.db.begin() as connection:
        locked = select(func.count()).where(payments.c.state.in_([state.value for state in LOCKS]))
        assert connection.execute(locked).scalar_one() == 0
        assert prove(connection).faults == ()
    return objects


def total(world: World, payment_id: str, action: Action) -> int:
    return world.gateway.inner._bookings.total(payment_id, action)


def submitted(world: World, **changes: object) -> str:
    payment_id = world.create(**changes)["payment_id"]
    world.payer(payment_id).enter()
    assert world.status(payment_id) == "submitted"
    return str(payment_id)


@pytest.mark.rule("pay", "I7", "I3", "pay-design §4.2")
def test_killed_while_it_authorises(world: World) -> None:
    ends = {}
    for payment_id in killed_everywhere(world, "authorise", lambda _: str(world.create()["payment_id"])):
        ends[payment_id] = world.status(payment_id)
        held = total(world, payment_id, Action.AUTHORISE) - total(world, payment_id, Action.VOID)
        assert held == (14500 if ends[payment_id] == "submitted" else 0)
    assert set(ends.values()) == {"created", "started", "submitted", "P0050"}


@pytest.mark.rule("pay", "I7", "I3", "A10")
def test_killed_while_it_captures(world: World) -> None:
    for payment_id in killed_everywhere(world, "capture", lambda _: submitted(world)):
        if world.status(payment_id) == "submitted":  # it died before the payer's word was kept, and the payer presses again
            assert total(world, payment_id, Action.CAPTURE) == 0
            world.payer(payment_id).press("confirm")
            world.run_jobs()
        assert world.read(payment_id)["settlement_summary"]["captured_date"]
        assert total(world, payment_id, Action.CAPTURE) == 14500


@pytest.mark.rule("pay", "I7", "I2", "A11")
def test_killed_while_it_refunds(world: World) -> None:
    given = []
    for payment_id in killed_everywhere(world, "refund", lambda _: world.paid()):
        listed = world.get(f"/v1/payments/{payment_id}/refunds").get_json()["_embedded"]["refunds"]
        assert {refund["status"] for refund in listed} <= {"success"}
        given.append(sum(refund["amount"] for refund in listed))
        assert given[-1] == total(world, payment_id, Action.REFUND) == world.read(payment_id)["refund_summary"]["amount_submitted"]
    assert set(given) == {0, 4500}


@pytest.mark.rule("pay", "I7", "A9")
def test_killed_while_it_cancels(world: World) -> None:
    for payment_id in killed_everywhere(world, "cancel", lambda _: submitted(world)):
        if world.status(payment_id) == "submitted":
            assert world.post(f"/v1/payments/{payment_id}/cancel").status_code == 204
        assert world.status(payment_id) == "P0040"
        assert (total(world, payment_id, Action.VOID), total(world, payment_id, Action.CAPTURE)) == (14500, 0)


@pytest.mark.rule("pay", "I5", "I7", "§5.4")
def test_killed_while_it_creates_with_an_idempotency_key(world: World) -> None:
    from tests.factories.pay_deaths import create

    for key in killed_everywhere(world, "create", lambda point: f"key-{point}"):
        create(world.pay, world.till.account_id, key)
        with world.pay.db.begin() as connection:
            assert connection.execute(select(func.count()).where(payments.c.reference == key)).scalar_one() == 1
