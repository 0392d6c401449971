"""Whose mailbox: RUN or subject."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.mailbox_address import InvalidMailboxAddress, check_digit, mailbox_address


@pytest.mark.parametrize("text", ["11.111.111-1", "11111111-1", "111111111", " 11.111.111-1 ", "011111111-1"])
def test_a_run_in_any_writing(text: str) -> None:
    assert mailbox_address(text) == "run:11111111-1"


def test_the_check_digit_may_be_k() -> None:
    assert mailbox_address("6-k") == "run:6-K"


@pytest.mark.parametrize(
    "text", ["", "11111111-2", "123", "a b c d e f g h", "x" * 300, "camila@example.com", "é" * 20, "12345678901234567890"]
)
def test_neither(text: str) -> None:
    with pytest.raises(InvalidMailboxAddress):
        mailbox_address(text)


@given(st.integers(min_value=1, max_value=99_999_999))
def test_one_check_digit_fits(number: int) -> None:
    digits = str(number)
    fitting = [digit for digit in "0123456789K" if digit == check_digit(digits)]
    assert len(fitting) == 1
    assert mailbox_address(f"{digits}-{fitting[0]}") == f"run:{number}-{fitting[0]}"


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{20,60}", fullmatch=True))
def test_a_subject_is_kept_as_it_is(subject: str) -> None:
    assert mailbox_address(subject) == f"pairwise:{subject}"
