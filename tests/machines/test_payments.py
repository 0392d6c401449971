"""Random histories of payments over HTTP, each reply compared with a plain model."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pay.operations.proofs import prove
from shared.clock import FixedClock
from shared.ids import SeededIds
from tests import engines as test_engines
from tests.engines import Engines
from tests.factories.pay import DECLINED_CARD, ERROR_CARD, GOOD_CARD, Browser, World
from tests.factories.pay_fixtures import make_world

NOON = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
OPEN, CARDS = {"created", "started", "submitted"}, {GOOD_CARD: "submitted", DECLINED_CARD: "P0010", ERROR_CARD: "P0050"}
amounts = st.integers(1, 5000)


@dataclass
class Model:
    """What should be true of one payment."""

    amount: int
    delayed: bool
    made_at: datetime
    status: str = "created"
    captured: bool = False
    refunded: int = 0
    browser: Browser | None = None

    def capture_runs(self) -> None:
        self.captured = self.captured or self.status == "success"

    def expires(self, now: datetime) -> None:
        hours = {"capturable": 120.0}.get(self.status, 1.5 if self.status in OPEN else None)
        if hours is not None and (now - self.made_at).total_seconds() >= hours * 3600:
            self.status = "P0020"


class PaymentMachine(RuleBasedStateMachine):
    """Create, open, pay, confirm, cancel, capture, refund, wait, in any order."""

    world: ClassVar[World]
    payments = Bundle("payments")

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}

    @rule(target=payments, amount=amounts, delayed=st.booleans())
    def create(self, amount: int, delayed: bool) -> str:
        made = self.world.create(amount=amount, delayed_capture=delayed)
        self.models[made["payment_id"]] = Model(amount, delayed, self.world.pay.clock.now())
        return str(made["payment_id"])

    @rule(payment=payments)
    def open(self, payment: str) -> None:
        model = self.models[payment]
        link = self.world.read(payment)["_links"].get("next_url")
        assert (link is not None) == (model.status in OPEN)
        if link:
            model.browser = Browser(self.world.client(), link["href"])
            assert model.browser.page.status_code == 200
            model.status = "started" if model.status == "created" else model.status

    @rule(payment=payments, card=st.sampled_from(sorted(CARDS)))
    def pay(self, payment: str, card: str) -> None:
        model = self.models[payment]
        if model.browser and model.status == "started" and "card-details" in model.browser.html:
            model.browser.enter(card)
            if model.browser.page.status_code != 403:  # the session of a browser ends before a payment may
                model.status = CARDS[card]

    @rule(payment=payments, button=st.sampled_from(["confirm", "cancel"]))
    def press(self, payment: str, button: str) -> None:
        model = self.models[payment]
        if model.browser is None or "csrf_token" not in model.browser.html:
            return
        model.browser.press(button)
        if model.browser.page.status_code == 403:
            return
        if button == "confirm" and model.status == "submitted":
            model.status = "capturable" if model.delayed else "success"
        elif button == "cancel" and model.status in OPEN:
            model.status = "P0030"

    @rule(payment=payments)
    def cancel(self, payment: str) -> None:
        model = self.models[payment]
        may = model.status in OPEN | {"capturable"}
        assert self.world.post(f"/v1/payments/{payment}/cancel").status_code == (204 if may else 400)
        model.status = "P0040" if may else model.status

    @rule(payment=payments)
    def capture(self, payment: str) -> None:
        model = self.models[payment]
        may = model.delayed and model.status in {"capturable", "success"}
        assert self.world.post(f"/v1/payments/{payment}/capture").status_code == (204 if may else 409)
        model.status = "success" if may else model.status

    @rule(payment=payments, amount=amounts, knows=st.sampled_from(["nothing", "right", "wrong"]))
    def refund(self, payment: str, amount: int, knows: str) -> None:
        model = self.models[payment]
        left = model.amount - model.refunded
        guess = {"nothing": {}, "right": {"refund_amount_available": left}, "wrong": {"refund_amount_available": left + 1}}[knows]
        if not model.captured or left == 0:
            expected = 400
        elif knows == "wrong":
            expected = 412
        else:
            expected = 202 if amount <= left else 400
        answer = self.world.post(f"/v1/payments/{payment}/refunds", {"amount": amount, **guess})
        assert answer.status_code == expected
        model.refunded += amount if expected == 202 else 0

    @rule()
    def work(self) -> None:
        self.world.run_jobs()
        for model in self.models.values():
            model.capture_runs()

    @rule(minutes=st.sampled_from([10, 45, 90, 60 * 60]))
    def wait(self, minutes: int) -> None:
        self.world.pay.clock.advance(seconds=minutes * 60)  # type: ignore[attr-defined]  # the clock of tests
        self.world.sweep()
        for model in self.models.values():
            model.capture_runs()
            model.expires(self.world.pay.clock.now())

    @invariant()
    def every_payment_reads_as_the_model_says(self) -> None:
        for payment, model in self.models.items():
            body = self.world.read(payment)
            assert (body["state"].get("code") or body["state"]["status"]) == model.status
            assert body["refund_summary"]["amount_submitted"] == model.refunded <= model.amount
            assert ("captured_date" in body["settlement_summary"]) == model.captured
            assert body["state"]["finished"] == (model.status not in OPEN | {"capturable"})

    @invariant()
    def the_books_agree(self) -> None:
        with self.world.pay.db.begin() as connection:
            assert prove(connection).faults == ()

    def teardown(self) -> None:
        for payment in self.models:
            events = self.world.get(f"/v1/payments/{payment}/events").get_json()["events"]
            seen = [event["state"] for event in events]
            assert all(one != other for one, other in itertools.pairwise(seen))
            assert [state["finished"] for state in seen].count(True) <= 1


@pytest.fixture
def machine_world(engines: Engines, run_folder: Path) -> Iterator[World]:
    template = test_engines.ensure_template(engines, run_folder, "pay")
    with ExitStack() as stack:
        url = stack.enter_context(test_engines.copied(engines, template, f"{template}_{uuid.uuid4().hex[:12]}"))
        world = make_world(url, engines.redis(15), FixedClock(NOON), SeededIds(11))
        yield world
        world.pay.close()


@pytest.mark.rule("pay", "§7.1", "§8", "§9", "§20", "I1", "I2", "I4")
def test_any_history_ends_as_the_model_says(machine_world: World) -> None:
    PaymentMachine.world = machine_world
    chosen = settings(settings(), max_examples=min(settings().max_examples, 12)) if settings().derandomize else settings()
    run_state_machine_as_test(PaymentMachine, settings=chosen)  # type: ignore[no-untyped-call]  # Hypothesis gives it no types
