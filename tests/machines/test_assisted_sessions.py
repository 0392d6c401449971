"""Assisted sessions against a plain model: only an open one within its half hour can be used, and what is over stays over."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from identity.models.assisted import ASSISTED_STATES, AssistedState, Proof
from identity.models.client_store import read_client
from identity.models.organisation import Role
from identity.operations import assistance, assisted_sessions, register
from identity.operations.assistance import Ask
from identity.operations.assisted_sessions import OwnProof
from shared.clock import FixedClock
from shared.ids import SeededIds
from shared.run import parse_run
from shared.states import WrongState
from tests.engines import Engines
from tests.factories.identity import RUN, RUN_TOTP, SECRET, House, furnished_copy, open_house, web_client

WAITING, ASKED, OPEN, CLOSED, REFUSED, EXPIRED, OBJECTED = AssistedState
# Written out from the contract, not read from ours.
MODEL = {
    WAITING: {ASKED, OPEN, REFUSED, EXPIRED},
    ASKED: {OPEN, REFUSED, EXPIRED},
    OPEN: {CLOSED, EXPIRED, OBJECTED},
    CLOSED: {OBJECTED},
    EXPIRED: {OBJECTED},
    REFUSED: set(),
    OBJECTED: set(),
}


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as furnished:
        furnished.identity.settings = replace(furnished.identity.settings, assist_review_percent=0)
        register.add_member(furnished.identity, org_id="org-one", run=parse_run(RUN_TOTP), role=Role.AGENT, expires_at=None, actor="test")
        new = web_client(client_id="counter", scopes=("openid", "assist"), sector="counter.example")
        register.create_client(furnished.identity, new, actor="test", secret=SECRET)
        yield furnished


class AssistanceMachine(RuleBasedStateMachine):
    """One session that waits for the person's yes, and what the model says of it."""

    house: ClassVar[House]

    @initialize()
    def ask(self) -> None:
        self.house.clock.advance(seconds=2 * 86_400)
        assisted_sessions.expire_due(self.house.identity)
        self.agent, self.person = self.house.person_id(RUN_TOTP), self.house.person_id(RUN)
        ask = Ask(parse_run(RUN), "counter", "org-one", "mesón", "Un trámite", "telephone", ("draft",), Proof.DEVICE)
        self.begun = assistance.begin(self.house.identity, ask, agent_id=self.agent)
        self.model, self.ends = ASKED, self.house.clock.now() + assistance.ASKED_FOR
        with self.house.identity.transaction() as tx:
            self.row_id = assisted_sessions.lock_by_name(tx, self.begun.assisted_id).id

    @rule(yes=st.booleans())
    def answer(self, yes: bool) -> None:
        now = self.house.clock.now()
        own = OwnProof("urn:andamio:acr:1", ["pwd"], now) if yes else None
        with self.house.identity.transaction() as tx:
            assisted_sessions.answered(self.house.identity, tx, self.row_id, own)
        if self.model is ASKED:
            self.model = OPEN if yes else REFUSED
            self.ends = now + assisted_sessions.LIFE if yes else self.ends

    @rule()
    def close(self) -> None:
        target = CLOSED if self.model is OPEN else REFUSED
        self._try(target, lambda: assistance.close(self.house.identity, self.begun.assisted_id, agent_id=self.agent))

    @rule()
    def object_to(self) -> None:
        self._try(OBJECTED, lambda: assistance.object_to(self.house.identity, self.begun.assisted_id, person_id=self.person))

    def _try(self, target: AssistedState, act: object) -> None:
        assert callable(act)
        try:
            act()
        except WrongState:
            assert target not in MODEL[self.model]
            return
        assert target in MODEL[self.model]
        self.model = target

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes: int) -> None:
        self.house.clock.advance(seconds=60 * minutes)
        assisted_sessions.expire_due(self.house.identity)
        if self.house.clock.now() >= self.ends and EXPIRED in MODEL[self.model]:
            self.model = EXPIRED

    @invariant()
    def only_an_open_one_can_be_used(self) -> None:
        if not hasattr(self, "row_id"):
            return
        with self.house.identity.transaction() as tx:
            assert assisted_sessions.lock(tx, self.row_id).state == self.model
            client = read_client(tx.connection, "counter")
            assert client is not None
            usable = assisted_sessions.open_for(self.house.identity, tx.connection, self.agent, client.id)
        assert [one.assisted_id for one in usable] == ([self.begun.assisted_id] if self.model is OPEN else [])


@pytest.mark.rule("identity", "AS-4", "AS-5")
def test_an_assisted_session_lives_as_the_contract_says(house: House) -> None:
    AssistanceMachine.house = house
    run_state_machine_as_test(AssistanceMachine, settings=settings(max_examples=8, stateful_step_count=7))


@pytest.mark.rule("identity", "AS-4")
@pytest.mark.parametrize("present", AssistedState)
@pytest.mark.parametrize("target", AssistedState)
def test_each_pair_of_assisted_states(present: AssistedState, target: AssistedState) -> None:
    assert ASSISTED_STATES.allows(present, target) == (target in MODEL[present])
