"""Print batches and standings of services under any order of events, each against a plain model.  Spec: notify-api §17; docs/notify."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notify.models.print_batch import BATCHES, BatchState
from notify.models.reminder import REMINDERS, ReminderState
from notify.models.standing import STANDINGS, Standing
from shared.states import WrongState


class BatchMachine(RuleBasedStateMachine):
    """A batch is uploaded as often as it takes, and receipted once after it was."""

    def __init__(self) -> None:
        super().__init__()
        self.state = BatchState.MADE
        self.uploads_that_counted = 0

    @rule(goal=st.sampled_from(list(BatchState)))
    def anything_happens(self, goal: BatchState) -> None:
        before = self.state
        try:
            BATCHES.check(before, goal)
        except WrongState:
            assert (before, goal) not in {(BatchState.MADE, BatchState.UPLOADED), (BatchState.UPLOADED, BatchState.RECEIPTED)}
            return
        self.state = goal
        self.uploads_that_counted += goal is BatchState.UPLOADED

    @invariant()
    def letters_are_handed_over_once(self) -> None:
        assert self.uploads_that_counted == (self.state is not BatchState.MADE)

    @invariant()
    def nothing_follows_the_receipts(self) -> None:
        assert (not BATCHES.targets(self.state)) == (self.state is BatchState.RECEIPTED)


class StandingMachine(RuleBasedStateMachine):
    """Figures warn, pause and calm; only a person ends a pause."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Standing.GOOD

    @rule(figures=st.sampled_from(list(Standing)))
    def the_watch_looks(self, figures: Standing) -> None:
        before = self.state
        if before is not Standing.PAUSED and STANDINGS.allows(before, figures):
            self.state = figures
        assert self.state is (Standing.PAUSED if before is Standing.PAUSED else figures)

    @rule()
    def the_operator_resumes(self) -> None:
        before = self.state
        if STANDINGS.allows(before, Standing.GOOD):
            self.state = Standing.GOOD
        assert self.state is Standing.GOOD

    @rule()
    def the_operator_pauses(self) -> None:
        allowed = STANDINGS.allows(self.state, Standing.PAUSED)
        assert allowed == (self.state is not Standing.PAUSED)
        self.state = Standing.PAUSED


TestBatch = BatchMachine.TestCase
TestStanding = StandingMachine.TestCase


def test_a_standing_never_ends_and_a_batch_and_a_reminder_do() -> None:
    assert STANDINGS.finals() == frozenset()
    assert BATCHES.finals() == {BatchState.RECEIPTED}
    assert REMINDERS.finals() == set(ReminderState) - {ReminderState.WAITING}
