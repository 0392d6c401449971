"""Nobody learns from a sign-in whether a RUN has an account: every kind of refusal does the same work (PW-3, LK-5).

Work is counted, hashes and statements to the database, not timed: a busy machine changes times, never counts.
"""

from typing import Any

import pytest
from sqlalchemy import event

from identity.models.person import PersonState
from identity.operations import people
from identity.standards.oidc_claims import Facts
from shared.run import Run, check_digit, parse_run
from tests.factories.identity import RUN, Browser, House, words_of

UNKNOWN, SUSPENDED, WITHOUT, PENDING = "12345678-5", "33333333-3", "44444444-4", "7654321-6"
KINDS = {"wrong": RUN, "unknown": UNKNOWN, "suspended": SUSPENDED, "without password": WITHOUT, "not activated": PENDING}


class Work:
    """Hashes and statements since it was last asked."""

    def __init__(self, house: House) -> None:
        self.hasher: Any = house.identity.hasher
        self.statements = 0
        event.listen(house.identity.db.engine, "before_cursor_execute", self._count)
        self.taken()

    def _count(self, *_: object) -> None:
        self.statements += 1

    def taken(self) -> tuple[int, int]:
        done = (self.hasher.verified, self.statements)
        self.hasher.verified = self.statements = 0
        return done


@pytest.fixture
def everybody(house: House) -> House:
    """A person of each kind."""
    for run, state in ((SUSPENDED, PersonState.SUSPENDED), (WITHOUT, PersonState.ACTIVE), (PENDING, PersonState.PENDING)):
        person_id = people.create_person(house.identity, Facts(parse_run(run), ("Rosa",), ("Quilodrán",)), actor="test")
        if run == SUSPENDED:
            people.set_password(house.identity, person_id, "lluvia tejado naranja", actor="test")
        people.set_state(house.identity, person_id, state, actor="test")
    return house


def waiting(house: House) -> Browser:
    browser = house.browser()
    browser.authorize()
    return browser


@pytest.mark.rule("identity", "PW-3", "LK-5")
def test_each_kind_of_refusal_does_the_same_work_and_says_the_same(everybody: House) -> None:
    seen = {}
    for kind, run in KINDS.items():
        browser, work = waiting(everybody), Work(everybody)
        answer = browser.log_in(run, "lluvia tejado naranja")
        shown = words_of(answer).replace(run, "RUN")
        seen[kind] = (answer.status_code, shown, work.taken())
    assert len(set(map(repr, seen.values()))) == 1, seen
    assert seen["unknown"][2][0] == 1, "one hash, whoever it is"


@pytest.mark.rule("identity", "PW-3", "LK-1", "LK-5")
def test_a_wait_says_nothing_either(everybody: House) -> None:
    seen = {}
    for kind in ("wrong", "unknown"):
        browser = waiting(everybody)
        for number in range(6):  # the sixth meets the wait, and the person is told of it
            browser.log_in(KINDS[kind], f"wrong {kind} {number}")
        work = Work(everybody)
        answer = browser.log_in(KINDS[kind], "wrong again")
        seen[kind] = (answer.status_code, words_of(answer).replace(KINDS[kind], "RUN"), work.taken()[0])
    assert seen["wrong"] == seen["unknown"]


@pytest.mark.rule("identity", "LK-3", "LK-5")
def test_spraying_meets_the_check_alike_for_those_that_exist_and_those_that_do_not(everybody: House) -> None:
    runs = [str(Run(number, check_digit(number))) for number in range(20_000_000, 20_000_025)]
    for run in runs:
        waiting(everybody).log_in(run, "Verano2026!")
    asked = {kind: 'name="ticket"' in waiting(everybody).log_in(run, "Verano2026!").get_data(as_text=True) for kind, run in KINDS.items()}
    assert set(asked.values()) == {True}, asked
    hashes: Any = everybody.identity.hasher
    hashes.verified = 0
    for run in KINDS.values():
        waiting(everybody).log_in(run, "Verano2026!")
    assert hashes.verified == 0, "no hash is spent on a sprayed password without the check"
