"""The local breach filter finds what is in it and nothing else (PW-6)."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.providers.breach_file import BreachFile, NoBreachFile, prefix_of, write_breach_file


def make(folder: Path, passwords: set[str]) -> BreachFile:
    hashes = sorted(hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper() for password in passwords)
    path = folder / "breached"
    assert write_breach_file([f"{text}:7\n" for text in hashes], path) == len({prefix_of(p) for p in passwords})
    return BreachFile(path)


@pytest.mark.rule("identity", "PW-6")
@given(passwords=st.sets(st.text(min_size=1, max_size=12), min_size=1, max_size=40), other=st.text(max_size=12))
def test_it_knows_exactly_its_own(tmp_path_factory: pytest.TempPathFactory, passwords: set[str], other: str) -> None:
    known = make(tmp_path_factory.mktemp("breach"), passwords)
    assert all(known.has(password) for password in passwords)
    assert known.has(other) == (other in passwords)


def test_without_a_file_nothing_is_known() -> None:
    assert not NoBreachFile().has("password")


@pytest.mark.parametrize("lines", [["F" * 40, "0" * 40], ["not hex"], ["abcd"]])
def test_lines_out_of_order_or_of_another_form_make_no_file(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(ValueError, match=r"ascending|hex"):
        write_breach_file(lines, tmp_path / "breached")
    assert not (tmp_path / "breached").exists()


def test_another_file_is_not_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match="not a breach file"):
        BreachFile(path)
