"""Random histories of payments over HTTP, with processes that die in the middle, each reply compared with a plain model."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pay.operations.proofs import prove
from pay.operations.settlements import MATCHED, REPEATED, import_settlement
from pay.providers.base import Action
from pay.providers.sandbox import REFUSES_LATER_CARD
from shared.clock import FixedClock
from shared.ids import SeededIds
from tests import engines as test_engines
from tests.engines import Engines
from tests.factories.pay import DECLINED_CARD, ERROR_CARD, GOOD_CARD, Browser, ProcessDied, World
from tests.factories.pay_fixtures import make_world

NOON = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
OPEN = {"created", "started", "submitted"}
CARDS = {GOOD_CARD: "submitted", REFUSES_LATER_CARD: "submitted", DECLINED_CARD: "P0010", ERROR_CARD: "P0050"}
TRIES = 2
PATIENCE_MINUTES = 10
SETTLEMENT_HEAD = "line,kind,reference,amount,fee,currency,date"
amounts = st.integers(1, 5000)
deaths = st.sampled_from([None, None, False, True])
"""Whether our process dies at the gateway: not at all, before the call leaves, after the gateway has done it."""


@dataclass
class Model:
    """What should be true of one payment."""

    amount: int
    delayed: bool
    made_at: datetime
    status: str = "created"
    captured: bool = False
    refunded: int = 0
    settled: bool = False
    browser: Browser | None = None
    tries: int = 0
    agreement: str | None = None
    mode: str = "web"
    card: str = ""
    left_behind: str | None = None
    """What the payment turns into once somebody looks after a process that died."""

    def answered(self, card: str) -> str:
        """What the gateway's answer to a card makes of it: who was declined may try once more."""
        self.card = card
        return "started" if CARDS[card] == "P0010" and self.tries < TRIES else CARDS[card]

    def expires(self, now: datetime) -> None:
        hours = {"capturable": 120.0}.get(self.status, 1.5 if self.status in OPEN else None)
        if hours is not None and (now - self.made_at).total_seconds() >= hours * 3600:
            self.status = "P0020"


@dataclass
class Standing:
    """What should be true of one agreement."""

    status: str = "created"
    card: str = ""


class PaymentMachine(RuleBasedStateMachine):
    """Create, open, pay, be declined, confirm, cancel, capture, charge, refund, settle, wait and die, in any order."""

    world: ClassVar[World]
    payments = Bundle("payments")
    agreements = Bundle("agreements")

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}
        self.standings: dict[str, Standing] = {}

    @contextmanager
    def dying(self, action: Action, at: bool | None) -> Iterator[list[bool]]:
        """The process dies at this call, if it comes to it; afterwards the list says whether it did."""
        died: list[bool] = []
        if at is not None:
            self.world.gateway.dies[action] = at
        try:
            yield died
        except ProcessDied:
            died.append(True)
        self.world.gateway.dies.clear()

    @rule(target=payments, amount=amounts, delayed=st.booleans())
    def create(self, amount: int, delayed: bool) -> str:
        made = self.world.create(amount=amount, delayed_capture=delayed)
        self.models[made["payment_id"]] = Model(amount, delayed, self.world.pay.clock.now())
        return str(made["payment_id"])

    @rule(target=agreements)
    def agree(self) -> str:
        made = self.world.post("/v1/agreements", {"reference": "CUOTA-1", "description": "Cuota mensual"})
        assert made.status_code == 201
        self.standings[made.get_json()["agreement_id"]] = Standing()
        return str(made.get_json()["agreement_id"])

    @rule(target=payments, agreement=agreements)
    def set_up(self, agreement: str) -> str:
        made = self.world.create(amount=900, set_up_agreement=agreement)
        self.models[made["payment_id"]] = Model(900, False, self.world.pay.clock.now(), agreement=agreement)
        return str(made["payment_id"])

    @rule(agreement=agreements, amount=amounts)
    def charge(self, agreement: str, amount: int) -> None:
        body = {"amount": amount, "reference": "CUOTA-2", "description": "Cuota", "authorisation_mode": "agreement"}
        answer = self.world.post("/v1/payments", body | {"agreement_id": agreement})
        assert answer.status_code == (201 if self.standings[agreement].status == "active" else 400)
        if answer.status_code == 201:
            model = Model(amount, False, self.world.pay.clock.now(), "started", agreement=agreement, mode="agreement")
            self.models[answer.get_json()["payment_id"]] = model

    @rule(agreement=agreements)
    def end_agreement(self, agreement: str) -> None:
        standing = self.standings[agreement]
        answer = self.world.post(f"/v1/agreements/{agreement}/cancel")
        assert answer.status_code == (204 if standing.status == "active" else 400)
        if answer.status_code == 204:
            standing.status, standing.card = "cancelled", ""

    @rule(payment=payments)
    def open(self, payment: str) -> None:
        model = self.models[payment]
        link = self.world.read(payment)["_links"].get("next_url")
        assert (link is not None) == (model.status in OPEN)
        if link:
            model.browser = Browser(self.world.client(), link["href"])
            assert model.browser.page.status_code == 200
            model.status = "started" if model.status == "created" else model.status

    @rule(payment=payments, card=st.sampled_from(sorted(CARDS)), dies=deaths)
    def pay(self, payment: str, card: str, dies: bool | None) -> None:
        model = self.models[payment]
        if not model.browser or model.status != "started" or "card-details" not in model.browser.html:
            return
        with self.dying(Action.AUTHORISE, dies) as died:
            model.browser.enter(card)
        if died:
            model.tries += 1
            model.left_behind = model.answered(card) if dies else "P0050"
        elif model.browser.page.status_code != 403 and model.left_behind is None:  # a browser's session ends before a payment may
            model.tries += 1
            model.status = model.answered(card)

    @rule(payment=payments, button=st.sampled_from(["confirm", "cancel"]), dies=deaths)
    def press(self, payment: str, button: str, dies: bool | None) -> None:
        model = self.models[payment]
        if model.browser is None or "csrf_token" not in model.browser.html:
            return
        with self.dying(Action.VOID, dies) as died:
            model.browser.press(button)
        if not died and model.browser.page.status_code == 403:
            return
        if button == "confirm" and model.status == "submitted":
            model.status = "capturable" if model.delayed else "success"
            if model.agreement:
                self.standings[model.agreement] = Standing("active", model.card)
        elif button == "cancel" and model.status in OPEN and model.left_behind is None:
            model.status = "P0030"

    @rule(payment=payments, dies=deaths)
    def cancel(self, payment: str, dies: bool | None) -> None:
        model = self.models[payment]
        may = model.status in OPEN | {"capturable"}
        expected = 400 if not may else 204 if model.left_behind is None and model.mode == "web" else 409
        with self.dying(Action.VOID, dies) as died:
            assert self.world.post(f"/v1/payments/{payment}/cancel").status_code == expected
        assert expected == 204 or not died
        model.status = "P0040" if expected == 204 else model.status

    @rule(payment=payments)
    def capture(self, payment: str) -> None:
        model = self.models[payment]
        may = model.delayed and model.status in {"capturable", "success"}
        assert self.world.post(f"/v1/payments/{payment}/capture").status_code == (204 if may else 409)
        model.status = "success" if may else model.status

    @rule(payment=payments, amount=amounts, knows=st.sampled_from(["nothing", "right", "wrong"]), dies=deaths)
    def refund(self, payment: str, amount: int, knows: str, dies: bool | None) -> None:
        model = self.models[payment]
        left = model.amount - model.refunded
        guess = {"nothing": {}, "right": {"refund_amount_available": left}, "wrong": {"refund_amount_available": left + 1}}[knows]
        if not model.captured or left == 0:
            expected = 400
        elif knows == "wrong":
            expected = 412
        else:
            expected = 202 if amount <= left else 400
        with self.dying(Action.REFUND, dies) as died:
            assert self.world.post(f"/v1/payments/{payment}/refunds", {"amount": amount, **guess}).status_code == expected
        assert expected == 202 or not died
        model.refunded += amount if expected == 202 else 0

    @rule(payment=payments, part=st.sampled_from(["all", "half", "twice"]))
    def settle(self, payment: str, part: str) -> None:
        model = self.models[payment]
        amount = {"all": model.amount, "half": max(1, model.amount // 2), "twice": model.amount * 2}[part]
        line = f"{uuid.uuid4().hex},payment,{payment},{amount},0,CLP,2026-06-09"
        raw = f"{SETTLEMENT_HEAD}\n{line}\n".encode()
        first = import_settlement(self.world.pay, "sandbox", "day.csv", raw, actor="tests")
        again = import_settlement(self.world.pay, "sandbox", "day.csv", raw, actor="tests")
        assert again.results == {REPEATED: 1}
        assert (MATCHED in first.results) == (model.captured and not model.settled and amount == model.amount)
        model.settled = model.settled or model.captured

    @rule(dies=deaths, at=st.sampled_from([Action.AUTHORISE, Action.CAPTURE]))
    def work(self, dies: bool | None, at: Action) -> None:
        with self.dying(at, dies) as died:
            self.world.run_jobs()
        if died:
            action, reference = self.world.gateway.calls[-1]
            if action is Action.AUTHORISE and dies is False:
                self.models[reference.removeprefix("authorise-")].left_behind = "P0050"
            self.wait(PATIENCE_MINUTES)
        self.worked()

    def worked(self) -> None:
        """What a worker that went through its queue has done: agreements are charged, then everything approved is captured."""
        for model in self.models.values():
            if model.mode == "agreement" and model.status == "started" and model.left_behind is None and model.agreement:
                standing = self.standings[model.agreement]
                model.status = "success" if standing.card == GOOD_CARD else "P0010"
                if standing.card == REFUSES_LATER_CARD and standing.status == "active":
                    standing.status = "inactive"
        for model in self.models.values():
            model.captured = model.captured or model.status == "success"

    @rule(minutes=st.sampled_from([PATIENCE_MINUTES, 45, 90, 60 * 60]), dies=deaths)
    def wait(self, minutes: int, dies: bool | None = None) -> None:
        self.sweep_after(minutes, dies)
        for model in self.models.values():
            model.status, model.left_behind = model.left_behind or model.status, None
        self.worked()
        self.sweep_after(PATIENCE_MINUTES)  # what was looked after a moment ago expires only when it was left alone for a while
        for model in self.models.values():
            model.expires(self.world.pay.clock.now())

    def sweep_after(self, minutes: int, dies: bool | None = None) -> None:
        self.world.pay.clock.advance(seconds=minutes * 60)  # type: ignore[attr-defined]  # the clock of tests
        with self.dying(Action.VOID, dies) as died:
            self.world.sweep()
        if died:
            self.sweep_after(PATIENCE_MINUTES)

    @invariant()
    def every_payment_reads_as_the_model_says(self) -> None:
        for payment, model in self.models.items():
            body = self.world.read(payment)
            assert (body["state"].get("code") or body["state"]["status"]) == model.status
            assert body["refund_summary"]["amount_submitted"] == model.refunded <= model.amount
            assert ("captured_date" in body["settlement_summary"]) == model.captured
            assert ("settled_date" in body["settlement_summary"]) == model.settled
            assert body["state"]["finished"] == (model.status not in OPEN | {"capturable"})

    @invariant()
    def every_agreement_reads_as_the_model_says(self) -> None:
        for agreement, standing in self.standings.items():
            assert self.world.get(f"/v1/agreements/{agreement}").get_json()["status"] == standing.status

    @invariant()
    def the_books_agree(self) -> None:
        with self.world.pay.db.begin() as connection:
            assert prove(connection).faults == ()

    def teardown(self) -> None:
        self.wait(PATIENCE_MINUTES)
        bookings = self.world.gateway.inner._bookings
        for payment, model in self.models.items():
            events = self.world.get(f"/v1/payments/{payment}/events").get_json()["events"]
            seen = [event["state"] for event in events]
            assert all(one != other for one, other in itertools.pairwise(seen))
            assert [state["finished"] for state in seen].count(True) <= 1
            assert bookings.total(payment, Action.CAPTURE) == (model.amount if model.captured else 0)
            assert bookings.total(payment, Action.REFUND) == model.refunded
            held = bookings.total(payment, Action.AUTHORISE) - bookings.total(payment, Action.VOID)
            assert held == (0 if not model.captured and model.status in {"P0020", "P0030", "P0040"} else held)


@pytest.fixture
def machine_world(engines: Engines, run_folder: Path) -> Iterator[World]:
    template = test_engines.ensure_template(engines, run_folder, "pay")
    with ExitStack() as stack:
        url = stack.enter_context(test_engines.copied(engines, template, f"{template}_{uuid.uuid4().hex[:12]}"))
        world = make_world(url, engines.redis(15), FixedClock(NOON), SeededIds(11))
        world.change_account(allow_recurring=True, attempts_max=TRIES)
        yield world
        world.pay.close()


@pytest.mark.rule("pay", "§7.1", "§8", "§9", "§12", "§20", "§25", "I1", "I2", "I3", "I4", "I5", "I7", "I11")
@pytest.mark.timeout(480)  # some hundred steps, each with its proof of the books
def test_any_history_ends_as_the_model_says(machine_world: World) -> None:
    PaymentMachine.world = machine_world
    chosen = settings(settings(), max_examples=min(settings().max_examples, 12)) if settings().derandomize else settings()
    run_state_machine_as_test(PaymentMachine, settings=chosen)  # type: ignore[no-untyped-call]  # Hypothesis gives it no types
