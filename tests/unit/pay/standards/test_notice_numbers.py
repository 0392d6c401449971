"""Notice numbers, RUNs and the codes on a slip.  Spec: pay-design.md §6, §7.3, §8."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pay.standards.notice_number import LENGTH, NoticeNumber, check_digits, make_number, read_number
from pay.standards.run_number import check_digit, read_run
from pay.standards.slip_codes import code_128_text, qr_text, read_code_128_text, read_qr_text

issuers = st.from_regex(r"[0-9]{3}", fullmatch=True)
tails = st.from_regex(r"[0-9]{12}", fullmatch=True)


@pytest.mark.rule("pay", "I10")
@given(issuers, tails)
def test_a_number_is_18_digits_that_leave_1_when_divided_by_97(issuer: str, tail: str) -> None:
    number = make_number(issuer, tail)
    assert len(number) == LENGTH
    assert int(number) % 97 == 1
    grouped = f"{number[:4]} {number[4:8]}-{number[8:12]}.{number[12:16]} {number[16:]}"
    assert read_number(grouped) == number


@pytest.mark.rule("pay", "I10")
def test_mod_97_10_of_the_standard() -> None:
    """ISO/IEC 7064 gives 794 the check digits 44."""
    assert check_digits("794") == "44"


@pytest.mark.rule("pay", "I10")
def test_one_wrong_digit_and_two_changed_places_are_always_found() -> None:
    chance = random.Random(6)
    for _ in range(200):
        number = make_number("417", "".join(chance.choice("0123456789") for _ in range(12)))
        for place in range(LENGTH):
            for digit in "0123456789":
                if digit != number[place]:
                    assert read_number(number[:place] + digit + number[place + 1 :]) is None
            for other in (place + 1, place + 2):
                if other < LENGTH and number[other] != number[place]:
                    swapped = list(number)
                    swapped[place], swapped[other] = swapped[other], swapped[place]
                    assert read_number("".join(swapped)) is None


@pytest.mark.parametrize("text", ["", "1", "abc", "1" * 17, "1" * 19, "２" * 18, "9" + "0" * 17, "1001'; drop table notices", "-" * 400])
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_number(text) is None


def test_parts_of_another_length_make_no_number() -> None:
    for issuer, tail in (("41", "1" * 13), ("4170", "1" * 11), ("abc", "1" * 12)):
        with pytest.raises(ValueError, match="issuer"):
            make_number(issuer, tail)


@pytest.mark.rule("pay", "pay-design §8")
@given(issuers, tails, st.integers(0, 10**12 - 1))
def test_both_codes_of_a_slip_give_back_number_and_amount(issuer: str, tail: str, amount: int) -> None:
    number = make_number(issuer, tail)
    assert read_qr_text(qr_text("https://pay.example.cl", number, amount)) == (number, amount)
    assert read_code_128_text(code_128_text(number, amount)) == (number, amount)


def test_other_codes_are_none_of_ours() -> None:
    assert read_qr_text("https://elsewhere.example/notice/123?amount=1") is None
    assert read_qr_text(f"https://pay.example.cl/notice/{make_number('417', '0' * 12)}") is None
    assert read_code_128_text("4006381333931") is None
    with pytest.raises(ValueError, match="too long"):
        code_128_text(NoticeNumber(make_number("417", "0" * 12)), 10**12)


@pytest.mark.rule("pay", "pay-design §7.3")
@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("11.111.111-1", "11111111-1"),
        ("111111111", "11111111-1"),
        ("12.345.678-5", "12345678-5"),
        ("1000005-K", "1000005-K"),
        ("1000005k", "1000005-K"),
        ("12.345.678-4", None),
        ("12.345.678-K", None),
        ("0-0", None),
        ("", None),
        ("K", None),
    ],
)
def test_a_run_is_read_with_its_check_digit(typed: str, read: str | None) -> None:
    assert read_run(typed) == read


@given(st.integers(1, 99_999_999))
def test_each_number_has_one_check_digit(number: int) -> None:
    fitting = [digit for digit in "0123456789K" if read_run(f"{number}-{digit}")]
    assert fitting == [check_digit(number)]
