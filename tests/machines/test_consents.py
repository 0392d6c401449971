"""Random lives of a consent: they never leave the table, and what is over stays over.  Spec: wallet contract §4."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.clock import FixedClock
from wallet.errors import IllegalTransition
from wallet.models.agreement import AGREEMENT_STATES, AgreementState
from wallet.models.consent import CONSENT_STATES, Consent, ConsentState
from wallet.models.consent_request import REQUEST_STATES, ConsentRequestItem, RequestState
from wallet.models.exchange import EXCHANGE_STATES, ExchangeState
from wallet.operations.moves import legal

START = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
OVER = {ConsentState.WITHDRAWN, ConsentState.REVOKED, ConsentState.EXPIRED, ConsentState.SUPERSEDED, ConsentState.INVALIDATED}
# Written out from the contract's table, not read from ours.
CONSENT_MODEL = {
    ConsentState.ACTIVE: {ConsentState.ACTIVE, ConsentState.SUSPENDED, *OVER},
    ConsentState.SUSPENDED: {ConsentState.ACTIVE, *OVER - {ConsentState.SUPERSEDED}},
    **{state: set() for state in OVER},
}
REQUEST_OVER = {RequestState.ACCEPTED, RequestState.REFUSED, RequestState.CANCELLED, RequestState.EXPIRED, RequestState.INVALIDATED}
REQUEST_MODEL = {
    RequestState.PENDING: {RequestState.DEFERRED, *REQUEST_OVER},
    RequestState.DEFERRED: REQUEST_OVER,
    **{state: set() for state in REQUEST_OVER},
}


class ConsentMachine(RuleBasedStateMachine):
    """A consent and a plain model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FixedClock(START)
        self.consent = Consent(state=ConsentState.ACTIVE, valid_until=START + timedelta(days=5))
        self.model = ConsentState.ACTIVE

    @rule(target_state=st.sampled_from(ConsentState))
    def move(self, target_state: ConsentState) -> None:
        allowed = target_state in CONSENT_MODEL[self.model]
        try:
            action = legal(CONSENT_STATES, ConsentState(self.consent.state), target_state)
        except IllegalTransition:
            assert not allowed
            return
        assert allowed
        assert str(action).startswith("wallet:consent:")
        self.consent.state = self.model = target_state

    @rule(hours=st.integers(1, 48))
    def wait(self, hours: int) -> None:
        self.clock.advance(seconds=hours * 3600)

    @invariant()
    def the_clock_alone_ends_it(self) -> None:
        is_late = self.clock.now() >= START + timedelta(days=5)
        expected = ConsentState.EXPIRED if is_late and self.model in {ConsentState.ACTIVE, ConsentState.SUSPENDED} else self.model
        assert self.consent.state_at(self.clock.now()) == expected


class RequestMachine(RuleBasedStateMachine):
    """One item of a request and a plain model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.item = ConsentRequestItem(state=RequestState.PENDING, expires_at=START + timedelta(days=10))
        self.model = RequestState.PENDING

    @rule(target_state=st.sampled_from(RequestState))
    def move(self, target_state: RequestState) -> None:
        allowed = target_state in REQUEST_MODEL[self.model]
        try:
            legal(REQUEST_STATES, RequestState(self.item.state), target_state)
        except IllegalTransition:
            assert not allowed
            return
        assert allowed
        self.item.state = self.model = target_state

    @invariant()
    def an_answer_stays(self) -> None:
        long_after = START + timedelta(days=400)
        assert self.item.state_at(long_after) == (self.model if self.model in REQUEST_OVER else RequestState.EXPIRED)


TestConsentMachine = pytest.mark.rule("wallet", "§4")(ConsentMachine.TestCase)
TestRequestMachine = pytest.mark.rule("wallet", "§4")(RequestMachine.TestCase)


@pytest.mark.rule("wallet", "§4")
@pytest.mark.parametrize("present", ConsentState)
@pytest.mark.parametrize("target", ConsentState)
def test_each_pair_of_consent_states(present: ConsentState, target: ConsentState) -> None:
    assert CONSENT_STATES.allows(present, target) == (target in CONSENT_MODEL[present])


@pytest.mark.rule("wallet", "§4")
@pytest.mark.parametrize("present", RequestState)
@pytest.mark.parametrize("target", RequestState)
def test_each_pair_of_request_states(present: RequestState, target: RequestState) -> None:
    assert REQUEST_STATES.allows(present, target) == (target in REQUEST_MODEL[present])


@pytest.mark.rule("wallet", "§9")
def test_an_agreement_that_is_over_stays_over() -> None:
    over = {AgreementState.TERMINATED, AgreementState.EXPIRED, AgreementState.SUPERSEDED, AgreementState.REJECTED_FINAL}
    assert AGREEMENT_STATES.finals() == over
    assert AGREEMENT_STATES.targets(AgreementState.SIGNING) == {AgreementState.ACTIVE}


def test_an_exchange_is_settled_only_from_an_attempt() -> None:
    state = ExchangeState
    settled = set(state) - {state.ATTEMPT, state.MINTED, state.WAITING}
    assert all(EXCHANGE_STATES.allows(state.ATTEMPT, one) for one in settled)
    assert not any(EXCHANGE_STATES.allows(one, other) for one in settled for other in settled)
    # A register that answers later is asked again, or given up; it releases nothing without a new attempt.
    assert EXCHANGE_STATES.targets(state.WAITING) == {state.ATTEMPT, state.FAILED}
