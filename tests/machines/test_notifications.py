"""A notification's status under any order of deliveries, receipts, crashes and time, against a plain model.  Spec: notify-api §10."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notify.models.notification import STATUSES
from notify.standards.statuses import AWAITING_RECEIPT, COMPLETED, Status, from_receipt
from shared.states import WrongState

WORDS = st.sampled_from(["delivered", "pending", "temporary-failure", "permanent-failure", "technical-failure", "nonsense"])
FINAL = {Status.DELIVERED, Status.TEMPORARY_FAILURE, Status.PERMANENT_FAILURE, Status.TECHNICAL_FAILURE, Status.RETURNED_LETTER}


class NotificationMachine(RuleBasedStateMachine):
    """The table drives; the model is what a person would say of the message."""

    def __init__(self) -> None:
        super().__init__()
        self.status = Status.CREATED
        self.handed_over = 0
        self.outcomes: list[Status] = []

    def move(self, target: Status) -> bool:
        try:
            STATUSES.check(self.status, target)
        except WrongState:
            return False
        self.status = target
        if target in FINAL and target is not Status.RETURNED_LETTER:
            self.outcomes.append(target)
        return True

    @rule(goal=st.sampled_from([Status.SENDING, Status.SENT]))
    def worker_notes_the_hand_over(self, goal: Status) -> None:
        before = self.status
        moved = self.move(goal)
        assert moved == (before is Status.CREATED)
        self.handed_over += moved

    @rule(word=WORDS)
    def receipt(self, word: str) -> None:
        before = self.status
        target = from_receipt(word, before)
        moved = before in AWAITING_RECEIPT and STATUSES.allows(before, target) and self.move(target)
        assert moved == (before not in FINAL and not before == target == Status.PENDING)

    @rule()
    def letter_comes_back(self) -> None:
        before = self.status
        assert self.move(Status.RETURNED_LETTER) == (before in {Status.SENDING, Status.DELIVERED})

    @rule(goal=st.sampled_from(list(Status)))
    def anything_else_is_refused(self, goal: Status) -> None:
        if (self.status, goal) not in STATUSES.moves:
            assert not self.move(goal)

    @invariant()
    def one_hand_over_and_one_outcome(self) -> None:
        assert self.handed_over <= 1
        assert len(self.outcomes) <= 1
        assert (self.status in FINAL) == (bool(self.outcomes) or self.status is Status.RETURNED_LETTER)

    @invariant()
    def what_is_final_stays(self) -> None:
        if self.status in FINAL:
            # A letter that was delivered may come back; nothing follows that.
            assert STATUSES.targets(self.status) <= ({Status.RETURNED_LETTER} if self.status is Status.DELIVERED else set())
            assert self.status in COMPLETED


TestNotification = NotificationMachine.TestCase


def test_every_final_state_is_an_outcome() -> None:
    assert STATUSES.finals() == (FINAL - {Status.DELIVERED}) | {Status.CANCELLED, Status.VALIDATION_FAILED, Status.VIRUS_SCAN_FAILED}
