"""Random lives of an agreement: only what both signed lets data move, and what is over stays over.  Spec: wallet contract §9."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.clock import FixedClock
from wallet.errors import IllegalTransition
from wallet.models.agreement import AGREEMENT_STATES, Agreement, AgreementState
from wallet.operations.agreement_requests import STEPS
from wallet.operations.moves import legal

S = AgreementState
START = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
DAYS = 30
OVER = {S.TERMINATED, S.EXPIRED, S.SUPERSEDED, S.REJECTED_FINAL}
# Written out from the contract's line of states, not read from our table; the operator's standing terms go from draft to signing.
MODEL = {
    S.DRAFT: {S.LEGAL_REVIEW, S.SIGNING},
    S.LEGAL_REVIEW: {S.SUBMITTED},
    S.SUBMITTED: {S.ACCEPTED, S.REJECTED, S.MEDIATION},
    S.REJECTED: {S.MEDIATION},
    S.MEDIATION: {S.ACCEPTED, S.REJECTED_FINAL},
    S.ACCEPTED: {S.SIGNING},
    S.SIGNING: {S.ACTIVE},
    S.ACTIVE: {S.SUSPENDED, S.TERMINATED, S.EXPIRED, S.SUPERSEDED},
    S.SUSPENDED: {S.ACTIVE, S.TERMINATED, S.EXPIRED},
    **{state: set() for state in OVER},
}


class AgreementMachine(RuleBasedStateMachine):
    """An agreement and a plain model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FixedClock(START)
        self.agreement = Agreement(state=S.DRAFT, valid_from=START, valid_until=START + timedelta(days=DAYS))
        self.model = S.DRAFT
        self.passed = {S.DRAFT}

    def move(self, target: AgreementState) -> None:
        allowed = target in MODEL[self.model]
        try:
            action = legal(AGREEMENT_STATES, AgreementState(self.agreement.state), target)
        except IllegalTransition:
            assert not allowed
            return
        assert allowed
        assert str(action).startswith("wallet:agreement:")
        self.agreement.state = self.model = target
        self.passed.add(target)

    @rule(target_state=st.sampled_from(AgreementState))
    def jump(self, target_state: AgreementState) -> None:
        self.move(target_state)

    @rule(pick=st.integers(0, 3))
    def go_on(self, pick: int) -> None:
        ways = sorted(MODEL[self.model])
        if ways:
            self.move(ways[pick % len(ways)])

    @rule(name=st.sampled_from(sorted(STEPS)))
    def step(self, name: str) -> None:
        self.move(STEPS[name].target)

    @rule(hours=st.integers(1, 72))
    def wait(self, hours: int) -> None:
        self.clock.advance(seconds=hours * 3600)

    @invariant()
    def data_move_only_under_what_was_signed_and_is_in_its_time(self) -> None:
        now = self.clock.now()
        is_in_time = now < START + timedelta(days=DAYS)
        assert self.agreement.is_active(now) == (self.model is S.ACTIVE and is_in_time)
        if self.agreement.is_active(now):
            assert S.SIGNING in self.passed

    @invariant()
    def a_refusal_is_final_only_after_mediation(self) -> None:
        if self.model is S.REJECTED_FINAL:
            assert S.MEDIATION in self.passed
            assert not self.passed & {S.ACTIVE, S.SIGNING}


TestAgreementMachine = pytest.mark.rule("wallet", "§9")(AgreementMachine.TestCase)


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize("present", AgreementState)
def test_each_pair_of_states_is_as_the_contract_says(present: AgreementState) -> None:
    assert AGREEMENT_STATES.targets(present) == MODEL[present]
