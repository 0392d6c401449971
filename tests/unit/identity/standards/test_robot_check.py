"""The robot check: work or waiting, ours, for one purpose (LK-4)."""

import itertools

import pytest

from identity.standards import robot_check
from identity.standards.robot_check import LIFE_SECONDS, WAIT_SECONDS, give, is_earned, read

KEY, NOW = b"k" * 32, 1_780_000_000


def ticket() -> str:
    return give(KEY, purpose="login", nonce="abc", now=NOW)


@pytest.mark.rule("identity", "LK-4")
def test_it_is_earned_by_waiting_or_by_work() -> None:
    text = ticket()
    found = read(KEY, text, purpose="login", now=NOW)
    assert found is not None
    assert not is_earned(found, text, work="", now=NOW + WAIT_SECONDS - 1)
    assert is_earned(found, text, work="", now=NOW + WAIT_SECONDS)
    work = next(str(number) for number in itertools.count() if robot_check.is_worked(text, str(number)))
    assert is_earned(found, text, work=work, now=NOW)
    assert not robot_check.is_worked(ticket()[:-1] + "x", work) or work == "0"


@pytest.mark.parametrize(
    ("text", "purpose", "now"),
    [
        (ticket(), "recovery", NOW),
        (ticket(), "login", NOW + LIFE_SECONDS + 1),
        (ticket(), "login", NOW - 1),
        (ticket()[:-1] + "A", "login", NOW),
        (ticket().replace("abc", "abd"), "login", NOW),
        ("", "login", NOW),
        ("a.b.c", "login", NOW),
        ("x" * 300, "login", NOW),
    ],
)
def test_others_are_not_read(text: str, purpose: str, now: int) -> None:
    if text == ticket()[:-1] + "A" and ticket().endswith("A"):
        text = ticket()[:-1] + "B"
    assert read(KEY, text, purpose=purpose, now=now) is None


@pytest.mark.parametrize("work", ["", "-1", "x", "1" * 21, "١"])
def test_nonsense_is_no_work(work: str) -> None:
    assert not robot_check.is_worked(ticket(), work)
