"""Crashes and silent gateways: whatever is lost, each payment ends once, and as the gateway's truth has it."""

from collections import Counter

import pytest

from pay.operations import authorisations, captures, refunds
from pay.operations.proofs import prove
from pay.providers.base import Action, Outcome, Verdict
from tests.factories.pay import DECLINED_CARD, ProcessDied, World


def dying(*_args: object, **_values: object) -> None:
    raise ProcessDied


def assert_books_agree(world: World) -> None:
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()


@pytest.mark.rule("pay", "I5", "I7", "pay-design §4.2")
@pytest.mark.parametrize(("card", "status"), [("4242424242424242", "submitted"), (DECLINED_CARD, "P0010")])
def test_a_crash_after_the_gateway_answered_is_resumed_with_its_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, card: str, status: str
) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    with monkeypatch.context() as patch, pytest.raises(ProcessDied):
        patch.setattr(authorisations, "settle_authorisation", dying)
        payer.enter(card)
    assert world.status(payment_id) == "started"
    world.sweep()
    assert world.status(payment_id) == "started", "a lock that young may be held by a living process"
    world.pay.clock.advance(seconds=61)
    world.sweep()
    assert world.status(payment_id) == status
    assert Counter(action for action, _ in world.gateway.calls) == {Action.AUTHORISE: 1}
    assert_books_agree(world)


@pytest.mark.rule("pay", "I5", "I7")
def test_a_crash_between_capture_and_commit_takes_the_money_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payment_id = world.create()["payment_id"]
    payer = world.payer(payment_id)
    payer.enter()
    payer.press("confirm")
    with monkeypatch.context() as patch, pytest.raises(ProcessDied):
        patch.setattr(captures, "_settle", dying)
        world.run_jobs()
    assert "captured_date" not in world.read(payment_id)["settlement_summary"]
    world.pay.clock.advance(seconds=61)
    world.sweep()
    assert world.read(payment_id)["settlement_summary"]["captured_date"]
    assert len({reference for action, reference in world.gateway.calls if action is Action.CAPTURE}) == 1
    assert world.gateway.inner._bookings.total(payment_id, Action.CAPTURE) == 14500
    assert_books_agree(world)


@pytest.mark.rule("pay", "I2", "I5", "I7")
def test_a_crash_in_a_refund_pays_it_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payment_id = world.paid()
    with monkeypatch.context() as patch, pytest.raises(ProcessDied):
        patch.setattr(refunds, "settle", dying)
        world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 4500})
    assert world.read(payment_id)["refund_summary"]["amount_submitted"] == 4500
    world.pay.clock.advance(seconds=61)
    world.run_jobs()
    listed = world.get(f"/v1/payments/{payment_id}/refunds").get_json()["_embedded"]["refunds"]
    assert [(refund["amount"], refund["status"]) for refund in listed] == [(4500, "success")]
    assert world.gateway.inner._bookings.total(payment_id, Action.REFUND) == 4500
    assert_books_agree(world)


@pytest.mark.rule("pay", "pay-design §4.2", "§7.1")
def test_a_lost_answer_is_asked_for_and_never_guessed(world: World) -> None:
    payment_id = world.create()["payment_id"]
    world.gateway.after.add(Action.AUTHORISE)
    world.payer(payment_id).enter()
    assert world.status(payment_id) == "submitted"
    assert len(world.gateway.calls) == 1


@pytest.mark.rule("pay", "pay-design §4.2", "§16", "§7.1")
def test_while_nothing_is_known_the_payer_waits_and_the_service_may_not_cancel(world: World) -> None:
    payment_id = world.create()["payment_id"]
    world.gateway.after.add(Action.AUTHORISE)
    world.gateway.deaf = True
    payer = world.payer(payment_id)
    payer.enter()
    assert payer.path.endswith("/auth_waiting")
    assert payer.page.headers["Refresh"] == "1"
    refused = world.post(f"/v1/payments/{payment_id}/cancel")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "P0502")
    world.gateway.deaf = False
    world.pay.clock.advance(seconds=5)
    world.run_jobs()
    assert world.status(payment_id) == "submitted"


@pytest.mark.rule("pay", "I7", "§7.1")
def test_a_call_that_never_arrived_ends_in_error_and_is_cleaned_up(world: World) -> None:
    payment_id = world.create()["payment_id"]
    world.gateway.before.add(Action.AUTHORISE)
    world.payer(payment_id).enter()
    assert world.status(payment_id) == "started"
    for _ in range(12):
        world.pay.clock.advance(seconds=15)
        world.run_jobs()
    assert world.status(payment_id) == "P0050"
    world.pay.clock.advance(seconds=301)
    world.run_jobs()
    assert states(world, payment_id)[-2:] == ["AUTHORISATION_TIMEOUT", "AUTHORISATION_ERROR_CHARGE_MISSING"]
    assert_books_agree(world)


@pytest.mark.rule("pay", "I3", "I7", "§7.1")
def test_an_authorisation_that_turns_up_after_we_gave_up_is_voided(world: World) -> None:
    payment_id = world.create()["payment_id"]
    world.gateway.before.add(Action.AUTHORISE)
    world.payer(payment_id).enter()
    for _ in range(12):
        world.pay.clock.advance(seconds=15)
        world.run_jobs()
    reference = world.gateway.calls[0][1]
    from pay.providers.sandbox import Booking

    late = Booking(reference, Action.AUTHORISE, payment_id, 14500, Outcome(Verdict.APPROVED, "late"))
    world.gateway.inner._bookings.keep(late)
    world.pay.clock.advance(seconds=301)
    world.run_jobs()
    assert states(world, payment_id)[-1] == "AUTHORISATION_ERROR_CANCELLED"
    assert world.gateway.inner._bookings.total(payment_id, Action.VOID) == 14500


@pytest.mark.rule("pay", "§20", "I4")
def test_a_capture_is_tried_each_hour_twenty_six_times_and_then_fails(world: World) -> None:
    world.gateway.before.add(Action.CAPTURE)
    payment_id = world.paid()
    for _ in range(25):
        assert world.status(payment_id) == "success"
        world.pay.clock.advance(seconds=3600)
        world.run_jobs()
    assert world.status(payment_id) == "P0050"
    assert Counter(action for action, _ in world.gateway.calls)[Action.CAPTURE] == 26
    world.pay.clock.advance(seconds=86400)
    world.run_jobs()
    assert Counter(action for action, _ in world.gateway.calls)[Action.CAPTURE] == 26
    assert_books_agree(world)


@pytest.mark.rule("pay", "§20")
def test_a_capture_that_comes_through_later_is_taken(world: World) -> None:
    world.gateway.before.add(Action.CAPTURE)
    payment_id = world.paid()
    world.gateway.before.clear()
    world.pay.clock.advance(seconds=3600)
    world.run_jobs()
    assert world.read(payment_id)["settlement_summary"]["captured_date"]
    assert_books_agree(world)


@pytest.mark.rule("pay", "§7.1", "I7")
def test_a_void_without_an_answer_is_finished_by_the_sweep(world: World) -> None:
    payment_id = world.create()["payment_id"]
    world.payer(payment_id).enter()
    world.gateway.before.add(Action.VOID)
    assert world.post(f"/v1/payments/{payment_id}/cancel").status_code == 204
    assert states(world, payment_id)[-1] == "SYSTEM_CANCEL_READY"
    assert world.status(payment_id) == "P0040"
    world.gateway.before.clear()
    world.pay.clock.advance(seconds=61)
    world.sweep()
    assert states(world, payment_id)[-1] == "SYSTEM_CANCELLED"
    assert_books_agree(world)


@pytest.mark.rule("pay", "§7.1")
def test_a_refund_without_an_answer_stays_submitted_until_the_job_knows(world: World) -> None:
    payment_id = world.paid()
    world.gateway.before.add(Action.REFUND)
    assert world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100}).get_json()["status"] == "submitted"
    world.gateway.before.clear()
    world.pay.clock.advance(seconds=21)
    world.run_jobs()
    (refund,) = world.get(f"/v1/payments/{payment_id}/refunds").get_json()["_embedded"]["refunds"]
    assert refund["status"] == "success"
    assert_books_agree(world)


@pytest.mark.rule("pay", "I4", "§7.1")
def test_of_two_workers_one_holds_the_lock(world: World) -> None:
    from pay.errors import OperationInProgress
    from pay.models.payment import find_payment
    from pay.operations.moves import SYSTEM, move
    from pay.standards.payment_states import PaymentState

    payment_id = world.create()["payment_id"]
    with world.pay.transaction() as tx:
        seen = find_payment(tx.connection, world.pay.cipher, payment_id)
    assert seen is not None
    with world.pay.transaction() as tx:
        move(world.pay, tx, seen, PaymentState.ENTERING_CARD_DETAILS, actor=SYSTEM)
    with pytest.raises(OperationInProgress), world.pay.transaction() as tx:
        move(world.pay, tx, seen, PaymentState.SYSTEM_CANCELLED, actor=SYSTEM)


def states(world: World, payment_id: str) -> list[str]:
    from pay.models.payment import list_state_changes
    from pay.standards.identifiers import PaymentId

    with world.pay.reading() as tx:
        return [state.value for state, _ in list_state_changes(tx.connection, PaymentId(payment_id))]
