"""What is published: rounded, small counts withheld, the four measures."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.performance.figures import ROW_SCHEMA, Cost, Tally, publish, rounded, total

counts = st.integers(0, 10_000)


def figures(tally: Tally, base: int = 5, cost: Cost | None = None) -> dict[str, object]:
    names = {"service": "s1", "service_name": "Colegio Las Araucarias"}
    return publish(tally, base=base, component="pay", period="2026-06", names=names, product="payment", channel="all", cost=cost).as_json()


@pytest.mark.parametrize(
    ("count", "base", "shown"),
    [(0, 5, None), (4, 5, None), (5, 5, 5), (7, 5, 5), (8, 5, 10), (12, 5, 10), (13, 5, 15), (0, 1, 0), (1, 1, 1), (9, 10, None)],
)
def test_a_count_is_rounded_and_a_small_one_is_withheld(count: int, base: int, shown: int | None) -> None:
    assert rounded(count, base) == shown


@given(count=counts, base=st.integers(2, 20))
def test_what_is_published_is_a_multiple_of_the_base_and_near(count: int, base: int) -> None:
    shown = rounded(count, base)
    if shown is None:
        assert count < base
    else:
        assert shown % base == 0
        assert abs(shown - count) <= base // 2


@given(started=counts, share=st.floats(0, 1), marks=st.dictionaries(st.integers(1, 7), st.integers(0, 300)))
def test_every_row_keeps_to_the_schema_that_is_published(started: int, share: float, marks: dict[int, int]) -> None:
    tally = Tally(started, int(started * share), started - int(started * share), 0, started, marks)
    row = figures(tally, cost=Cost(1_000_000, "CLP"))
    jsonschema.validate(row, dict(ROW_SCHEMA), format_checker=jsonschema.FormatChecker())


def test_the_four_measures() -> None:
    tally = Tally(started=1000, completed=900, failed=80, avoidable=50, digital=750, marks={7: 50, 6: 20, 5: 10, 4: 10, 1: 10})
    row = figures(tally, cost=Cost(1_800_000, "CLP"))
    assert row["completion_percent"] == 90
    assert row["digital_percent"] == 75
    assert (row["satisfied_gross_percent"], row["satisfied_net_percent"]) == (70, 50)  # 70 % less 20 % of marks 1 to 4
    assert row["cost_per_transaction_minor"] == 2000
    assert row["avoidable"] == 50


def test_shares_of_withheld_counts_are_withheld() -> None:
    row = figures(Tally(started=100, completed=3, failed=97, digital=100, marks={7: 2}), cost=Cost(500, "CLP"))
    assert row["completed"] is None
    assert row["completion_percent"] is None
    assert row["cost_per_transaction_minor"] is None
    assert (row["answers"], row["satisfied_gross_percent"], row["satisfied_net_percent"]) == (None, None, None)


@pytest.mark.parametrize("few", [1, 2, 3, 4])
def test_the_few_that_failed_are_not_the_difference_of_two_published_counts(few: int) -> None:
    """Started and completed are rounded each by itself: their difference is a multiple of the base, whatever few is."""
    row = figures(Tally(started=104, completed=104 - few, failed=few))
    assert row["failed"] is None
    assert (row["started"], row["completed"]) in {(105, 105), (105, 100)}


def test_a_sum_holds_all_parts() -> None:
    parts = [Tally(1, 1, 0, 0, 1, {7: 1}), Tally(2, 1, 1, 1, 0, {7: 2, 1: 1})]
    assert total(parts) == Tally(3, 2, 1, 1, 1, {7: 3, 1: 1})
