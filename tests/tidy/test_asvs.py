"""The ASVS self-assessment has a line for each requirement of levels 1 and 2, and what it names as evidence is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = """
1.1:1-2 1.2:1-9 1.3:1-11 1.4:1-3 1.5:1-2 2.1:1-3 2.2:1-3 2.3:1-4 2.4:1 3.2:1-2 3.3:1-4 3.4:1-6 3.5:1-5 3.7:1-2 4.1:1-3 4.2:1
4.3:1-2 4.4:1-4 5.1:1 5.2:1-3 5.3:1-2 5.4:1-3 6.1:1-3 6.2:1-12 6.3:1-4 6.4:1-4 6.5:1-5 6.6:1-3 6.8:1-4 7.1:1-3 7.2:1-4 7.3:1-2
7.4:1-5 7.5:1-2 7.6:1-2 8.1:1-2 8.2:1-3 8.3:1 8.4:1 9.1:1-3 9.2:1-4 10.1:1-2 10.2:1-2 10.3:1-4 10.4:1-11 10.5:1-5 10.6:1-2
10.7:1-3 11.1:1-2 11.2:1-3 11.3:1-3 11.4:1-4 11.5:1 11.6:1 12.1:1-3 12.2:1-2 12.3:1-4 13.1:1 13.2:1-5 13.3:1-2 13.4:1-5 14.1:1-2
14.2:1-4 14.3:1-3 15.1:1-3 15.2:1-3 15.3:1-7 16.1:1 16.2:1-5 16.3:1-4 16.4:1-3 16.5:1-3 17.1:1 17.2:1-4 17.3:1-2
"""
"""ASVS 5.0.0: section, and which of its requirements are of level 1 or 2."""
STATUSES = {"met", "partly", "not met", "operator", "n/a"}
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| ([a-z/ ]+) \| (.+) \|$", re.M)


def asked() -> list[str]:
    """Every id, in order."""
    found = []
    for section, numbers in (part.split(":") for part in REQUIREMENTS.split()):
        first, _, last = numbers.partition("-")
        chosen = [int(number) for number in numbers.split(",")] if not last else list(range(int(first), int(last) + 1))
        found += [f"{section}.{number}" for number in chosen]
    return found


def rows() -> list[tuple[str, str, str, str, str]]:
    return ROW.findall((ROOT / "docs/security/asvs.md").read_text())


def test_each_requirement_of_levels_1_and_2_has_its_line() -> None:
    assert len(asked()) == 253
    assert [identifier for identifier, *_ in rows()] == asked()


def test_each_line_has_a_status_that_we_know_and_says_why() -> None:
    assert {status for _, _, _, status, _ in rows()} <= STATUSES
    assert [identifier for identifier, _, _, status, why in rows() if status in {"partly", "not met", "operator"} and len(why) < 30] == []


def test_the_sums_are_right() -> None:
    text = (ROOT / "docs/security/asvs.md").read_text()
    counted = {status: sum(row[3] == status for row in rows()) for status in STATUSES}
    said = {status: int(number) for status, number in re.findall(r"^\| ([a-z/ ]+) \| (\d+) \|$", text, re.M)}
    assert said == {status: count for status, count in counted.items() if count}


def test_the_places_that_are_named_exist() -> None:
    named = {
        place
        for *_, evidence in rows()
        for place in re.findall(r"`((?:shared|tests|deploy|docs|identity|notify|pay|wallet)/[\w./-]+)`", evidence)
    }
    links = {place for *_, evidence in rows() for place in re.findall(r"\]\(([\w./-]+)\)", evidence)}
    assert named
    assert links
    assert {place for place in named if not (ROOT / place).exists()} == set()
    assert {place for place in links if not (ROOT / "docs/security" / place).exists()} == set()
