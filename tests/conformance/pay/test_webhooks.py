"""Webhooks: the signature, the body, and the times of the attempts."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from pay.models.webhook import MessageState, webhook_attempts, webhook_messages
from pay.operations.retention import forget_messages
from pay.operations.settlements import import_settlement
from pay.operations.webhook_delivery import Attempt, deliver
from pay.providers.base import Action, Outcome, Verdict
from shared.clock import FixedClock
from shared.http import OutboundTimeout, Reply
from shared.outbox import outbox
from tests.factories.counted import forgotten
from tests.factories.pay import DECLINED_CARD, SIGNING_KEY, WEBHOOK_URL, World

TABLES = (webhook_messages, webhook_attempts)


@dataclass
class Receiver:
    """Stands where the outbound client stands: keeps what was sent, answers what it is told to."""

    world: World
    status: int | None = 200
    sent: list[tuple[datetime, str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def request(self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], timeout_seconds: float, max_bytes: int) -> Reply:
        assert (method, timeout_seconds) == ("POST", 5.0)
        self.sent.append((self.world.pay.clock.now(), url, body, headers))
        if self.status is None:
            raise OutboundTimeout("no answer in time")
        return Reply(self.status, {}, b"")

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body, _ in self.sent]

    def events(self) -> list[str]:
        return [body["event_type"].removeprefix("card_payment_") for body in self.bodies()]


@pytest.fixture
def receiver(world: World) -> Receiver:
    world.add_webhook()
    receiver = Receiver(world)
    world.pay.__dict__["http"] = receiver
    return receiver


@pytest.mark.rule("pay", "A15", "§15")
def test_each_step_is_told_with_a_signature_over_the_raw_body(world: World, receiver: Receiver) -> None:
    payment_id = world.paid()
    world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100})
    world.run_jobs()
    assert receiver.events() == ["started", "succeeded", "captured", "refunded"]
    for _, url, body, headers in receiver.sent:
        assert url == WEBHOOK_URL
        assert headers["Pay-Signature"] == hmac.new(SIGNING_KEY.encode(), body, hashlib.sha256).hexdigest()
    assert len({body["webhook_message_id"] for body in receiver.bodies()}) == 4


@pytest.mark.rule("pay", "§15")
def test_the_body_is_the_payment_without_links_and_mode(world: World, receiver: Receiver) -> None:
    payment_id = world.paid()
    message = receiver.bodies()[-1]
    resource = world.read(payment_id)
    del resource["_links"], resource["authorisation_mode"]
    assert message == {
        "webhook_message_id": message["webhook_message_id"],
        "created_date": "2026-06-08T16:00:00.000Z",
        "resource_id": payment_id,
        "api_version": 1,
        "resource_type": "payment",
        "event_type": "card_payment_captured",
        "resource": resource,
    }


@pytest.mark.rule("pay", "§15", "I6")
def test_failures_cancellations_and_expiries_are_told(world: World, receiver: Receiver) -> None:
    world.paid(DECLINED_CARD)
    world.post(f"/v1/payments/{world.create()['payment_id']}/cancel")
    world.create()
    world.pay.clock.advance(seconds=90 * 60)
    world.sweep()
    assert receiver.events() == ["started", "failed", "failed", "expired"]


@pytest.mark.rule("pay", "§15", "§25")
def test_who_asks_is_told_that_money_has_come_and_that_a_refund_failed(world: World) -> None:
    world.add_webhook(events=["settled", "refund_failed"])
    receiver = Receiver(world)
    world.pay.__dict__["http"] = receiver
    payment_id = world.paid()
    world.gateway.refuse[Action.REFUND] = Outcome(Verdict.DECLINED, "psp-1")
    refund = world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100}).get_json()["refund_id"]
    raw = f"line,kind,reference,amount,fee,currency,date\nL1,payment,{payment_id},14500,90,CLP,2026-06-10\n".encode()
    for name in ("a.csv", "b.csv"):
        import_settlement(world.pay, "sandbox", name, raw, actor="tests")
    world.run_jobs()
    assert receiver.events() == ["refund_failed", "settled"]
    failed, settled = (body["resource"] for body in receiver.bodies())
    assert (failed["refund_id"], failed["refund_summary"]["amount_available"]) == (refund, 14500)
    assert (settled["settlement_summary"]["settled_date"], settled["net_amount"]) == ("2026-06-10", 14410)


@pytest.mark.rule("pay", "A15", "I12", "§15")
@pytest.mark.parametrize("answer", [500, 404, 302, None])
def test_a_failing_receiver_is_tried_six_times_at_the_times_of_the_contract(world: World, receiver: Receiver, answer: int | None) -> None:
    receiver.status = answer
    start = world.pay.clock.now()
    world.post(f"/v1/payments/{world.create()['payment_id']}/cancel")
    waits = [60, 300, 3600, 86400, 172800]
    world.run_jobs()
    for wait in waits:
        world.pay.clock.advance(seconds=wait - 1)
        world.run_jobs()
        world.pay.clock.advance(seconds=1)
        world.run_jobs()
    world.pay.clock.advance(seconds=30 * 86400)
    world.run_jobs()
    times = [0, *(sum(waits[: n + 1]) for n in range(5))]
    assert [round((at - start).total_seconds()) for at, *_ in receiver.sent] == times
    assert len({body for _, _, body, _ in receiver.sent}) == 1
    with world.pay.db.begin() as connection:
        assert connection.execute(select(webhook_messages.c.state)).scalar_one() == MessageState.FAILED
        attempts = connection.execute(select(webhook_attempts).order_by(webhook_attempts.c.number)).all()
    assert [(row.number, row.response_status) for row in attempts] == [(n, answer) for n in range(1, 7)]


@pytest.mark.rule("pay", "§15")
def test_a_delivery_that_worked_is_not_repeated(world: World, receiver: Receiver) -> None:
    world.post(f"/v1/payments/{world.create()['payment_id']}/cancel")
    world.run_jobs()
    deliver(world.pay, [Attempt(receiver.bodies()[0]["webhook_message_id"], 1)])
    assert len(receiver.sent) == 1


@pytest.mark.rule("pay", "§15", "I12")
def test_attempts_made_together_are_each_written_down_by_themselves(world: World, receiver: Receiver) -> None:
    for _ in range(3):
        world.post(f"/v1/payments/{world.create()['payment_id']}/cancel")
    with world.pay.reading() as tx:
        first, second, third = tx.connection.execute(select(webhook_messages.c.id).order_by(webhook_messages.c.id)).scalars()
    deliver(world.pay, [Attempt(first, 1)])
    receiver.status = 500
    deliver(world.pay, [Attempt(third, 1), Attempt(first, 1), Attempt("unknown", 1), Attempt(second, 2), Attempt(second, 1)])
    with world.pay.reading() as tx:
        kept = tx.connection.execute(select(webhook_messages.c.id, webhook_messages.c.state, webhook_messages.c.attempts)).all()
        waiting = tx.connection.execute(select(outbox.c.payload).where(outbox.c.due_at > world.pay.clock.now())).scalars().all()
    assert sorted(kept) == [(first, "SUCCESSFUL", 1), (second, "PENDING", 1), (third, "PENDING", 1)]
    assert [each for each in waiting if each.get("number") == 2] == [{"message_id": each, "number": 2} for each in (second, third)]


@pytest.mark.rule("pay", "§15")
def test_a_message_that_cannot_be_opened_fails_alone_and_each_keeps_its_journey(world: World, receiver: Receiver) -> None:
    for _ in range(3):
        world.post(f"/v1/payments/{world.create()['payment_id']}/cancel")
    with world.pay.transaction() as tx:
        ids = tx.connection.execute(select(webhook_messages.c.id).order_by(webhook_messages.c.id)).scalars().all()
        broken = update(webhook_messages).where(webhook_messages.c.id == ids[0])
        tx.connection.execute(broken.values(body_sealed=b"altered"))
    receiver.status = 500
    deliver(world.pay, [Attempt(each, 1, f"request-{at}", f"journey-{at}") for at, each in enumerate(ids)])
    assert len(receiver.sent) == 2
    with world.pay.reading() as tx:
        rows = tx.connection.execute(select(outbox.c.payload, outbox.c.journey_id, outbox.c.request_id)).all()
    told = {row.payload["message_id"]: (row.journey_id, row.request_id) for row in rows if row.payload.get("number") == 2}
    assert told == {each: (f"journey-{at}", f"request-{at}") for at, each in enumerate(ids)}


@pytest.mark.rule("pay", "§15")
def test_only_what_was_subscribed_is_sent_and_nothing_to_a_webhook_that_is_off(world: World) -> None:
    world.add_webhook("https://other.example/hook", events=["captured"])
    world.add_webhook("https://off.example/hook", status="INACTIVE")
    receiver = Receiver(world)
    world.pay.__dict__["http"] = receiver
    world.paid()
    assert [(url, body["event_type"]) for (_, url, _, _), body in zip(receiver.sent, receiver.bodies(), strict=True)] == [
        ("https://other.example/hook", "card_payment_captured")
    ]


@pytest.mark.rule("pay", "§15")
def test_messages_go_after_their_days_and_what_is_owed_stays(
    world: World, receiver: Receiver, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pay.operations.retention.AT_ONCE", 2)

    def left() -> tuple[int, int]:
        with world.pay.reading() as tx:
            counted = [tx.connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES]
        return counted[0], counted[1]

    world.paid()
    world.run_jobs()
    assert left() == (3, 3)
    receiver.status = 500
    world.paid()
    with world.pay.reading() as tx:
        owed = tx.connection.execute(select(webhook_messages.c.id).where(webhook_messages.c.state == MessageState.PENDING.value)).all()
    assert len(owed) == 3
    clock.advance(seconds=30 * 86_400)
    forget_messages(world.pay)
    assert left() == (6, 6)  # on its last day
    clock.advance(seconds=1)
    with forgotten("pay") as gone:
        forget_messages(world.pay)
    assert left() == (3, 3)
    assert gone == {"webhook_messages": 3, "webhook_attempts": 3}
    receiver.status = 200
    world.run_jobs()
    forget_messages(world.pay)
    assert left() == (0, 0)
