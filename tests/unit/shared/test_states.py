from enum import StrEnum

import pytest

from shared.states import Table, WrongState


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    GONE = "gone"


class Action(StrEnum):
    SHUT = "toy:door:shut"
    OPENED = "toy:door:opened"
    REMOVED = "toy:door:removed"


TABLE = Table(
    "door",
    frozenset({Door.OPEN}),
    {(Door.OPEN, Door.SHUT): Action.SHUT, (Door.SHUT, Door.OPEN): Action.OPENED, (Door.SHUT, Door.GONE): Action.REMOVED},
)


def test_legal_move_gives_its_audit_action() -> None:
    assert TABLE.check(Door.OPEN, Door.SHUT) is Action.SHUT


@pytest.mark.parametrize("move", [(Door.OPEN, Door.GONE), (Door.GONE, Door.OPEN), (Door.OPEN, Door.OPEN)])
def test_other_move_is_refused(move: tuple[Door, Door]) -> None:
    assert not TABLE.allows(*move)
    with pytest.raises(WrongState) as caught:
        TABLE.check(*move)
    assert caught.value.extra == {"state": str(move[0])}


def test_finals_and_targets() -> None:
    assert TABLE.finals() == {Door.GONE}
    assert TABLE.targets(Door.SHUT) == {Door.OPEN, Door.GONE}


def test_diagram_has_each_move() -> None:
    assert TABLE.diagram().splitlines() == [
        "stateDiagram-v2",
        "    [*] --> open",
        "    open --> shut: toy:door:shut",
        "    shut --> open: toy:door:opened",
        "    shut --> gone: toy:door:removed",
        "    gone --> [*]",
    ]
