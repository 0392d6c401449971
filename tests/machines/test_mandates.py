"""Mandates against a plain model: whatever the two sides, the register and the clock do, only what is in force can be used."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from identity.models.mandate import MANDATE_STATES, MandateState
from identity.operations import giving, mandates
from identity.operations.giving import Gift
from identity.operations.refusals import MandateNotFound, MandateRefused
from shared.clock import FixedClock
from shared.ids import SeededIds
from shared.run import parse_run
from shared.states import WrongState
from tests.engines import Engines
from tests.factories.identity import RUN, RUN_TOTP, House, furnished_copy, open_house

OFFERED, ACTIVE, SUSPENDED, REVOKED, EXPIRED = MandateState
# Written out from the contract, not read from ours.
MODEL = {
    OFFERED: {ACTIVE, REVOKED, EXPIRED},
    ACTIVE: {SUSPENDED, REVOKED, EXPIRED},
    SUSPENDED: {ACTIVE, REVOKED, EXPIRED},
    REVOKED: set(),
    EXPIRED: set(),
}


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as furnished:
        yield furnished


class MandateMachine(RuleBasedStateMachine):
    """One mandate from José to Camila for ten days, and what the model says of it."""

    house: ClassVar[House]

    @initialize(days=st.integers(0, 3))
    def give(self, days: int) -> None:
        self.giver, self.actor = self.house.person_id(RUN_TOTP), self.house.person_id(RUN)
        now = self.house.clock.now()
        self.begins, self.ends = now + timedelta(days=days), now + timedelta(days=10)
        gift = Gift(parse_run(RUN), ("read",), (), self.begins, self.ends)
        self.mandate_id = giving.give(self.house.identity, self.giver, gift)
        self.model = OFFERED

    def _try(self, target: MandateState, act: str) -> None:
        allowed = target in MODEL[self.model] and not (act == "accept" and self.house.clock.now() >= self.ends)
        same = act == "accept" and self.model is ACTIVE and target is ACTIVE
        try:
            self._act(act)
        except (WrongState, MandateRefused, MandateNotFound):
            assert not allowed, (self.model, act)
            return
        assert allowed or same, (self.model, act)
        self.model = target

    def _act(self, act: str) -> None:
        identity = self.house.identity
        if act == "accept":
            giving.accept(identity, self.actor, self.mandate_id)
        elif act in {"suspend", "resume"}:
            mandates.set_suspended(identity, self.giver, self.mandate_id, suspended=act == "suspend")
        else:
            mandates.end(identity, self.giver if act == "take back" else self.actor, self.mandate_id)

    @rule()
    def accept(self) -> None:
        if self.model is not SUSPENDED:  # an acceptance is for offers
            self._try(ACTIVE, "accept")

    @rule()
    def suspend(self) -> None:
        if self.model is not OFFERED:
            self._try(SUSPENDED, "suspend")

    @rule()
    def resume(self) -> None:
        if self.model is not OFFERED:
            self._try(ACTIVE, "resume")

    @rule(who=st.sampled_from(["take back", "renounce"]))
    def end(self, who: str) -> None:
        self._try(REVOKED, who)

    @rule(days=st.integers(1, 6))
    def wait_and_tend(self, days: int) -> None:
        self.house.clock.advance(seconds=days * 86_400)
        mandates.expire_due(self.house.identity)
        if self.house.clock.now() >= self.ends and EXPIRED in MODEL[self.model]:
            self.model = EXPIRED

    @invariant()
    def only_what_is_in_force_can_be_used(self) -> None:
        if not hasattr(self, "mandate_id"):
            return
        now = self.house.clock.now()
        with self.house.identity.reading() as tx:
            row = tx.connection.execute(select(mandates.MANDATES).where(mandates.MANDATES.c.mandate_id == self.mandate_id)).one()
            usable = mandates.find_in_force(self.house.identity, tx.connection, row.id)
        assert row.state == self.model
        assert (usable is not None) == (self.model is ACTIVE and self.begins <= now < self.ends)


@pytest.mark.rule("identity", "RP-4", "RP-5")
def test_a_mandate_lives_as_the_contract_says(house: House) -> None:
    MandateMachine.house = house
    run_state_machine_as_test(MandateMachine, settings=settings(max_examples=12, stateful_step_count=8))


@pytest.mark.rule("identity", "RP-4")
@pytest.mark.parametrize("present", MandateState)
@pytest.mark.parametrize("target", MandateState)
def test_each_pair_of_mandate_states(present: MandateState, target: MandateState) -> None:
    assert MANDATE_STATES.allows(present, target) == (target in MODEL[present])
