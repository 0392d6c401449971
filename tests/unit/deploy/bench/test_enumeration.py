"""The rank-sum test that compares answer times."""

import random

import pytest

from deploy.bench.enumeration import rank_sum


def test_equal_times_say_nothing_and_times_apart_say_it() -> None:
    drawn = random.Random(4)
    one, two = ([drawn.gauss(40, 5) for _ in range(60)] for _ in range(2))
    assert rank_sum(one, two)[1] > 0.05
    assert rank_sum(one, [time + 6 for time in two])[1] < 0.001


@pytest.mark.parametrize(
    ("one", "two", "z", "p"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0], -2.611, 0.009),
        ([5.0, 5.0], [5.0, 5.0], 0.0, 1.0),
        ([1.0, 2.0, 2.0, 3.0], [2.0, 2.0, 4.0, 5.0], -1.230, 0.219),
    ],
)
def test_figures_of_small_samples_with_and_without_ties(one: list[float], two: list[float], z: float, p: float) -> None:
    found = rank_sum(one, two)
    assert found[0] == pytest.approx(z, abs=0.002)
    assert found[1] == pytest.approx(p, abs=0.002)
