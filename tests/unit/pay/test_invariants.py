"""The invariants of pay-design §13, each by its number; where another file goes into detail, this is the short form."""

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from pay.models.payment import payment_events, payments
from pay.models.webhook import webhook_attempts, webhook_messages
from pay.operations import authorisations, captures, endings, refunds
from pay.operations.proofs import prove, prove_and_log
from pay.providers.base import Action
from pay.standards.payment_states import LOCKS, PAYMENT_TABLE, PaymentState
from shared.audit.tables import audit_entries
from tests.factories.pay import BODY, DECLINED_CARD, World
from tests.unit.pay.operations.test_unknown_outcomes import ProcessDied, dying


def agree(world: World) -> None:
    with world.pay.db.begin() as connection:
        assert prove(connection).faults == ()


@pytest.mark.rule("pay", "I1", "pay-design §3")
def test_i1_the_proof_of_the_books_is_in_the_audit_log_with_a_digest_of_the_balances(world: World) -> None:
    world.paid()
    first, second = prove_and_log(world.pay), prove_and_log(world.pay)
    assert first.holds
    assert first.digest == second.digest
    with world.pay.db.begin() as connection:
        connection.execute(text("UPDATE ledger_accounts SET posted_minor = posted_minor + 1 WHERE code LIKE 'channel%'"))
    third = prove_and_log(world.pay)
    assert third.digest != first.digest
    assert not third.holds
    with world.pay.db.begin() as connection:
        cores = [core for core in connection.execute(select(audit_entries.c.core)).scalars() if "pay:books:proved" in core]
    assert [first.digest in core for core in cores] == [True, True, False]
    assert sum('"outcome":"failed"' in core for core in cores) == 1


@pytest.mark.rule("pay", "A11", "I2", "§9")
def test_i2_of_fifty_refunds_at_once_as_many_are_paid_as_there_is_money(world: World) -> None:
    payment_id = world.paid()
    path = f"/v1/payments/{payment_id}/refunds"
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: world.post(path, {"amount": 1000}).status_code, range(50)))
    assert Counter(answers) == {202: 14, 400: 36}
    assert world.read(payment_id)["refund_summary"]["amount_submitted"] == 14000
    assert world.gateway.inner._bookings.total(payment_id, Action.REFUND) == 14000
    agree(world)


@pytest.mark.rule("pay", "A10", "I3", "§8")
def test_i3_fifty_captures_at_once_take_the_money_once(world: World) -> None:
    payment_id = world.create(delayed_capture=True)["payment_id"]
    payer = world.payer(payment_id)
    payer.enter()
    payer.press("confirm")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: world.post(f"/v1/payments/{payment_id}/capture").status_code, range(50)))
    assert set(answers) == {204}
    world.run_jobs()
    assert Counter(action for action, _ in world.gateway.calls) == {Action.AUTHORISE: 1, Action.CAPTURE: 1}
    agree(world)


@pytest.mark.rule("pay", "I4", "I6", "§7.1")
def test_i4_and_i6_every_change_is_in_the_table_and_has_one_event_and_one_audit_row(world: World) -> None:
    world.paid()
    world.paid(DECLINED_CARD)
    world.post(f"/v1/payments/{world.create()['payment_id']}/cancel")
    with world.pay.db.begin() as connection:
        events = connection.execute(select(payment_events).order_by(payment_events.c.id)).all()
        versions = connection.execute(select(payments.c.id, payments.c.state, payments.c.version)).all()
        audited = [core for core in connection.execute(select(audit_entries.c.core)).scalars() if '"pay:payment:' in core]
    assert len(audited) == len(events)
    for payment_id, state, version in versions:
        own = [event for event in events if event.payment_id == payment_id]
        assert len(own) == version, "each change counts the version and leaves one event"
        assert own[-1].after == state
        for before, event in itertools.pairwise(own):
            assert event.before == before.after
            assert PAYMENT_TABLE.allows(PaymentState(event.before), PaymentState(event.after))


@pytest.mark.rule("pay", "I5", "§5.4", "A13")
def test_i5_fifty_identical_posts_have_one_effect(world: World) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: world.post("/v1/payments", BODY, Idempotency_Key="rush"), range(50)))
    assert Counter(answer.status_code for answer in answers)[201] == 1
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    with world.pay.db.begin() as connection:
        assert len(connection.execute(select(payments.c.id)).all()) == 1


PHASES = [
    (authorisations, "settle_authorisation"),
    (captures, "_settle"),
    (refunds, "settle"),
    (endings, "close_attempt"),
    (captures, "open_attempt"),
    (refunds, "open_attempt"),
]


@pytest.mark.rule("pay", "I5", "I7", "pay-design §4.2")
@pytest.mark.parametrize(("module", "name"), PHASES)
def test_i7_wherever_a_process_dies_each_payment_ends_lawfully_and_nothing_is_paid_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    paid, cancelled = world.create()["payment_id"], world.create()["payment_id"]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, dying)
        for step in (
            lambda: world.payer(paid).enter(),
            lambda: world.payer(cancelled).enter(),
            lambda: world.payer(paid).press("confirm"),
            world.run_jobs,
            lambda: world.post(f"/v1/payments/{paid}/refunds", {"amount": 4500}),
            lambda: world.post(f"/v1/payments/{cancelled}/cancel"),
        ):
            try:
                step()
            except (ProcessDied, AssertionError):
                continue  # dead, or a page that is not there because of it
    for _ in range(12):
        world.pay.clock.advance(seconds=61)  # type: ignore[attr-defined]  # the clock of tests
        world.sweep()
    world.pay.clock.advance(seconds=2 * 3600)  # type: ignore[attr-defined]  # the clock of tests
    world.sweep()
    with world.pay.db.begin() as connection:
        assert not [state for state in connection.execute(select(payments.c.state)).scalars() if PaymentState(state) in LOCKS]
    for payment_id in (paid, cancelled):
        assert world.read(payment_id)["state"]["finished"]
        for action in (Action.CAPTURE, Action.REFUND, Action.VOID):
            assert world.gateway.inner._bookings.total(payment_id, action) in {0, 4500, 14500}
    agree(world)


@pytest.mark.rule("pay", "A17", "I9", "§2")
def test_i9_ids_of_another_account_are_not_found_on_any_path(world: World) -> None:
    payment_id = world.paid()
    refund_id = world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100}).get_json()["refund_id"]
    stranger, base = world.add_account(), f"/v1/payments/{payment_id}"
    reads = [base, f"{base}/events", f"{base}/refunds", f"{base}/refunds/{refund_id}"]
    assert [world.get(path, till=stranger).status_code for path in reads] == [404] * 4
    acts = [f"{base}/cancel", f"{base}/capture", f"{base}/refunds"]
    assert [world.post(path, {"amount": 1}, till=stranger).status_code for path in acts] == [404] * 3
    assert world.get("/v1/payments", till=stranger).get_json()["total"] == 0
    assert world.get("/v1/refunds", till=stranger).get_json()["total"] == 0


@pytest.mark.rule("pay", "I6", "I12", "A15", "§15")
def test_i6_a_receiver_that_is_down_for_two_days_gets_every_message_afterwards_once(world: World) -> None:
    from tests.conformance.pay.test_webhooks import Receiver

    world.add_webhook()
    receiver = Receiver(world, status=500)
    world.pay.__dict__["http"] = receiver
    world.paid()
    for seconds in (60, 300, 3600, 86_400):
        world.pay.clock.advance(seconds=seconds)  # type: ignore[attr-defined]  # the clock of tests
        world.run_jobs()
    receiver.status, down = 200, len(receiver.sent)
    world.pay.clock.advance(seconds=172_800)  # type: ignore[attr-defined]  # the clock of tests
    world.run_jobs()
    assert sorted(receiver.events()[down:]) == ["captured", "started", "succeeded"]
    with world.pay.db.begin() as connection:
        states = connection.execute(select(webhook_messages.c.state, webhook_messages.c.attempts)).all()
        logged = connection.execute(select(webhook_attempts.c.response_status)).scalars().all()
    assert states == [("SUCCESSFUL", 6)] * 3
    assert Counter(logged) == {500: 15, 200: 3}
