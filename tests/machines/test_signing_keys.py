"""Signing keys against a plain model: whatever is done in whatever order, one key signs and nobody is surprised."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from identity.context import Identity, create_context
from identity.models.base import table_of
from identity.models.signing_key import KEY_STATES, KeyState, SigningKey
from identity.operations import keys
from identity.standards import jose
from shared.clock import FixedClock
from shared.states import WrongState
from tests.engines import Engines
from tests.factories.identity import furnished_copy, make_settings

DAY = 86_400


@pytest.fixture
def identity(engines: Engines, run_folder: Path) -> Iterator[Identity]:
    with furnished_copy(engines, run_folder) as url:
        context = create_context(make_settings(url), clock=FixedClock(datetime(2026, 6, 8, tzinfo=UTC)))
        yield context
        context.close()


class KeyMachine(RuleBasedStateMachine):
    """`seen` remembers when each key was first in the JWKS: a key signs only after a day there, but in emergencies."""

    identity: ClassVar[Identity]

    @initialize()
    def begin(self) -> None:
        with self.identity.db.begin() as connection:
            connection.execute(delete(table_of(SigningKey)))
        keys.ensure_keys(self.identity)
        self.seen: dict[str, datetime] = {}
        self.trusted: set[str] = set(self._in_state(KeyState.ACTIVE))
        self.emergencies: set[str] = set()

    def _in_state(self, state: KeyState) -> list[str]:
        table = table_of(SigningKey)
        with self.identity.db.engine.connect() as connection:
            return list(connection.execute(select(table.c.kid).where(table.c.state == state)).scalars())

    @rule(seconds=st.sampled_from([60, 3600, DAY - 1, DAY, 30 * DAY]))
    def wait(self, seconds: int) -> None:
        clock = self.identity.clock
        assert isinstance(clock, FixedClock)
        clock.advance(seconds=seconds)

    @rule()
    def tend(self) -> None:
        keys.tend_keys(self.identity)

    @rule()
    def rotate(self) -> None:
        keys.rotate_keys(self.identity, actor="test")

    @rule()
    def rotate_in_an_emergency(self) -> None:
        keys.rotate_keys(self.identity, actor="test", emergency=True)
        self.emergencies |= set(self._in_state(KeyState.ACTIVE))

    @rule(states=st.sets(st.sampled_from(list(KeyState)), min_size=1, max_size=2))
    def find_keys_stolen(self, states: set[KeyState]) -> None:
        stolen = [kid for state in sorted(states) for kid in self._in_state(state)[:1]]
        keys.revoke_keys(self.identity, stolen, actor="test")
        assert set(stolen) <= set(self._in_state(KeyState.REVOKED))
        self.emergencies |= set(self._in_state(KeyState.ACTIVE))

    @invariant()
    def what_was_revoked_is_trusted_by_nobody(self) -> None:
        revoked = self._in_state(KeyState.REVOKED)
        assert not {stored.kid for stored in self.identity.keys.published()} & set(revoked)
        for kid in revoked:
            assert all(self.identity.keys.verifier(jose.Header(alg, kid, "JWT")) is None for alg in jose.SIGNING_ALGORITHMS)

    @invariant()
    def one_key_of_each_kind_signs_and_at_most_one_waits(self) -> None:
        assert len(self._in_state(KeyState.ACTIVE)) == len(jose.SIGNING_ALGORITHMS)
        assert len(self._in_state(KeyState.PENDING)) <= len(jose.SIGNING_ALGORITHMS)

    @invariant()
    def what_signs_was_published_for_a_day(self) -> None:
        now = self.identity.clock.now()
        for stored in self.identity.keys.published():
            self.seen.setdefault(stored.kid, now)
        for kid in self._in_state(KeyState.ACTIVE):
            waited = (now - self.seen[kid]).total_seconds()
            assert kid in self.trusted | self.emergencies or waited >= DAY
            self.trusted.add(kid)

    @invariant()
    def what_signed_stays_published_as_long_as_its_tokens_live(self) -> None:
        published = {stored.kid for stored in self.identity.keys.published()}
        assert set(self._in_state(KeyState.RETIRED)) <= published


@pytest.mark.rule("identity", "KY-1", "KY-3")
def test_keys_live_in_order(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    made = jose.generate_key
    monkeypatch.setattr(jose, "generate_key", lambda _alg: made("ES256"))  # states are the matter here, and RSA keys take long
    KeyMachine.identity = identity
    run_state_machine_as_test(KeyMachine, settings=settings(max_examples=8, stateful_step_count=15))


@pytest.mark.rule("identity", "KY-1")
def test_the_table_of_moves_is_the_law() -> None:
    legal = set(KEY_STATES.moves)
    for present in KeyState:
        for target in KeyState:
            if (present, target) in legal:
                assert KEY_STATES.check(present, target)
            else:
                with pytest.raises(WrongState):
                    KEY_STATES.check(present, target)
    assert KEY_STATES.finals() == {KeyState.REVOKED}
