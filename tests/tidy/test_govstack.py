"""The GovStack self-assessment has a line for each requirement, and what is claimed as met points to something that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AREAS = {"development": 9, "deployment": 12, "architecture": 19, "quality": 8, "security": 16, "data": 14}
REQUIRED = 19
STATUSES = {"met", "partly", "deviates", "not met"}
ROW = re.compile(r"^\| `govstack-cfr-([a-z]+)#req-(\d+)` \| (.+?) \| ([a-z ]+) \| (.+) \|$", re.M)


def rows() -> list[tuple[str, str, str, str, str]]:
    return ROW.findall((ROOT / "docs/govstack.md").read_text())


def test_each_of_the_78_requirements_has_its_line() -> None:
    assert [(area, int(number)) for area, number, *_ in rows()] == [(area, n) for area, count in AREAS.items() for n in range(1, count + 1)]


def test_the_required_ones_are_met_or_their_deviation_has_its_reason() -> None:
    required = [(f"{area}#{number}", status, evidence) for area, number, what, status, evidence in rows() if what.startswith("**")]
    assert len(required) == REQUIRED
    assert [name for name, status, _ in required if status == "not met"] == []
    assert [name for name, status, evidence in required if status != "met" and len(evidence) < 40] == []


def test_each_line_has_a_status_that_we_know_and_says_something() -> None:
    assert {status for _, _, _, status, _ in rows()} <= STATUSES
    assert [f"{area}#{number}" for area, number, *_, evidence in rows() if not evidence.strip()] == []


def test_the_places_that_are_named_as_evidence_exist() -> None:
    named = {place for *_, evidence in rows() for place in re.findall(r"`((?:shared|tests|deploy)/[\w./-]+)`", evidence)}
    assert named
    assert {place for place in named if not (ROOT / place).exists()} == set()
