"""Random histories of one notice at counters, online and in files, compared with a plain model.  Spec: pay-design.md §8, §13.3, §13.10."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
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
from tests.conformance.pay.test_counters import Counter
from tests.conformance.pay.test_notices import issue, look
from tests.engines import Engines
from tests.factories.pay import World
from tests.factories.pay_fixtures import make_world

LOCK_SECONDS = 600


class Model:
    """What should be true of one notice."""

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.state = "open"
        self.holder: tuple[int, float, str] | None = None
        self.held = 0

    def is_locked(self, now: float) -> bool:
        return self.state == "activated" and self.holder is not None and now < self.holder[1]


class NoticeMachine(RuleBasedStateMachine):
    """Two tills, a service that withdraws, and time."""

    world: ClassVar[World]
    tills: ClassVar[list[Counter]]
    receipts: ClassVar[Iterator[int]] = itertools.count(1)
    notices = Bundle("notices")
    till = st.integers(0, 1)

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}

    def now(self) -> float:
        return self.world.pay.clock.now().timestamp()

    @rule(target=notices, amount=st.integers(1, 5000))
    def issue(self, amount: int) -> str:
        number: str = issue(self.world, amount=amount, due_date="2027-06-30")["number"]
        self.models[number] = Model(amount)
        return number

    @rule(number=notices, till=till)
    def activate(self, number: str, till: int) -> None:
        model, now = self.models[number], self.now()
        answer = self.tills[till].activate(number, "only")
        if model.state in {"open", "activated"} and (not model.is_locked(now) or (model.holder and model.holder[0] == till)):
            assert answer.status_code == 200
            until = model.holder[1] if model.is_locked(now) and model.holder else now + LOCK_SECONDS
            model.state, model.holder = "activated", (till, until, answer.get_json()["token"])
        else:
            assert answer.status_code == 409

    @rule(number=notices, till=till)
    def release(self, number: str, till: int) -> None:
        model = self.models[number]
        token = model.holder[2] if model.holder and model.holder[0] == till else "guessed"
        answer = self.tills[till].call(number, "release", token=token)
        if model.state == "activated" and model.holder and model.holder[0] == till:
            assert answer.status_code == 200
            model.state, model.holder = "open", None
        elif model.state in {"activated", "paid"}:
            assert answer.status_code == 409
        else:
            assert answer.status_code == 200

    @rule(number=notices, till=till, difference=st.sampled_from([0, 0, 0, 1]))
    def confirm(self, number: str, till: int, difference: int) -> None:
        model, receipt = self.models[number], f"R-{next(self.receipts)}"
        fits = model.state in {"open", "activated"} and not difference
        for _ in range(2):
            answer = self.tills[till].confirm(number, receipt, model.amount + difference).get_json()
            assert answer["outcome"] == ("applied" if fits else "held")
        if fits:
            model.state, model.holder = "paid", None
        else:
            model.held += 1

    @rule(number=notices)
    def withdraw(self, number: str) -> None:
        model = self.models[number]
        answer = self.world.post(f"/v1/notices/{number}/cancel")
        if model.state == "cancelled" or (model.state in {"open", "activated"} and not model.is_locked(self.now())):
            assert answer.status_code == 200
            model.state, model.holder = "cancelled", None
        else:
            assert answer.status_code == 409

    @rule(seconds=st.sampled_from([60, 300, 601]))
    def wait(self, seconds: int) -> None:
        self.world.pay.clock.advance(seconds=seconds)  # type: ignore[attr-defined]  # the tests' clock

    @invariant()
    def every_notice_is_where_the_model_says(self) -> None:
        for number, model in self.models.items():
            assert look(self.world, number)["state"] == model.state

    def teardown(self) -> None:
        self.world.run_jobs()
        with self.world.pay.reading() as tx:
            assert prove(tx.connection).faults == ()


@pytest.fixture(scope="module")
def standing(engines: Engines, run_folder: Path) -> Iterator[World]:
    template = test_engines.ensure_template(engines, run_folder, "pay")
    with ExitStack() as stack:
        url = stack.enter_context(test_engines.copied(engines, template, f"{template}_{uuid.uuid4().hex[:12]}"))
        world = make_world(url, engines.redis(14), FixedClock(datetime(2026, 6, 8, 16, 0, tzinfo=UTC)), SeededIds(11))
        stack.callback(world.pay.close)
        yield world


@pytest.mark.rule("pay", "I3", "I10")
def test_notices_hold_to_their_model(standing: World) -> None:
    NoticeMachine.world = standing
    NoticeMachine.tills = [Counter(standing, "Caja Vecina"), Counter(standing, "Banco de Quilpalín")]
    quick = settings(max_examples=12, stateful_step_count=15)
    run_state_machine_as_test(NoticeMachine, settings=quick)  # type: ignore[no-untyped-call]  # Hypothesis has no types here
