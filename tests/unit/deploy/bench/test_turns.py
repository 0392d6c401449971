"""Turns go to and fro, and medians are given."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.bench.turns import render, take_turns

RIDES = """
import json, sys
for number, _ in enumerate(sys.stdin):
    with open(sys.argv[1], "a") as file:
        print(RATE, file=file)
    print(json.dumps({"accepted a second": RATE + number, "CPU ms a text: web": 1.5}), flush=True)
"""


@pytest.fixture
def riders(tmp_path: Path) -> Iterator[list["subprocess.Popen[str]"]]:
    with ExitStack() as stack:
        made = [
            subprocess.Popen(
                [sys.executable, "-c", RIDES.replace("RATE", str(rate)), str(tmp_path / "order")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for rate in (100, 200)
        ]
        yield [stack.enter_context(each) for each in made]


def test_the_trees_take_turns_to_and_fro_and_the_table_gives_medians(riders: list["subprocess.Popen[str]"], tmp_path: Path) -> None:
    turns = take_turns(riders, 3)
    for each in riders:
        each.communicate(timeout=20)
    assert (tmp_path / "order").read_text().split() == ["100", "200", "200", "100", "100", "200"]
    assert [[turn["accepted a second"] for turn in each] for each in turns] == [[100, 101, 102], [200, 201, 202]]
    table = render(["before", "after"], turns)
    assert table[0] == "| median of the turns | before | after |"
    assert "| accepted a second | 101 | 201 |" in table
    assert "| CPU ms a text: web | 1.50 | 1.50 |" in table
    assert table[-2:] == ["| least accepted | 100 | 200 |", "| most accepted | 102 | 202 |"]
