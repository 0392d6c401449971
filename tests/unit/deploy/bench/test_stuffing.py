from collections import Counter

from deploy.bench.stuffing import BUSY, CHECKED, LET_IN, REFUSED, Attack, kind_of, render, tries
from deploy.bench.wire import Answer
from identity.operations.guards import network_of

RUNS = ("11111111-1", "22222222-2")


def test_each_run_is_tried_with_each_password_round_by_round_from_public_networks() -> None:
    sent = list(tries(RUNS, spray=False, passwords=3))
    assert [run for run, _, _ in sent] == [*RUNS] * 3
    assert len({password for _, password, _ in sent}) == 6
    assert all(network_of(address) for _, _, address in sent)
    assert len({password for _, password, _ in tries(RUNS, spray=True, passwords=3)}) == 1


def test_answers_are_told_apart() -> None:
    def told(status: int, body: bytes = b"") -> str:
        return kind_of(Answer(status, (), body))

    asked = b'<input type="hidden" name="ticket" value="x">'
    assert [told(303), told(400), told(400, asked), told(503), told(500)] == [LET_IN, REFUSED, CHECKED, BUSY, "500"]


def test_it_held_only_if_no_stranger_got_in_and_every_owner_did() -> None:
    good = {"seconds": 2.0, "owners": 3, "known": 3, "new": 3}
    held = Attack(Counter({REFUSED: 5, CHECKED: 1}), **good)
    assert held.is_held
    assert "3 got in at once in their own browser" in render(held)
    assert not Attack(Counter({REFUSED: 5, LET_IN: 1}), **good).is_held
    locked_out = Attack(Counter({REFUSED: 5}), **{**good, "new": 2})
    assert "NOT HELD" in render(locked_out)
