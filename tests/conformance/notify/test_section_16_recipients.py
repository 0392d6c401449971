"""Vectors of notify-api §16, under its own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards import phone_number as phones
from notify.standards.email_address import InvalidEmailAddress, email_address, local_part
from notify.standards.phone_number import InvalidPhoneNumber, phone_number

pytestmark = pytest.mark.rule("notify", "§16")


@pytest.mark.parametrize(
    "text",
    [
        "07700900003",
        "07700 900 003",
        "+447700900003",
        "00447700900003",
        "447700900003",
        "7700900003",
        "(07700) 900-003",
        "07700\u200b900003",
    ],
)
def test_home_number(text: str) -> None:
    number = phone_number(text)
    assert (number.e164, number.international, number.multiplier) == ("447700900003", False, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("07abc", phones.LETTERS),
        ("٠٧٧٠٠٩٠٠٠٠٣", phones.LETTERS),
        ("", phones.TOO_SHORT),
        ("999", phones.TOO_SHORT),
        ("+99912345678", phones.TOO_LONG),
        ("0800123456", phones.NOT_VALID),
        ("08001111", phones.NOT_VALID),
        ("1234567890123456789", phones.NOT_VALID),
        ("70900000000", phones.NOT_VALID),
        ("0770090000", phones.TOO_SHORT),
        ("077009000033", phones.TOO_LONG),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidPhoneNumber) as refused:
        phone_number(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "e164", "multiplier"),
    [("+12025550123", "12025550123", 1), ("+33612345678", "33612345678", 2), ("0033612345678", "33612345678", 2)],
)
def test_abroad(text: str, e164: str, multiplier: int) -> None:
    number = phone_number(text)
    assert (number.e164, number.international, number.multiplier) == (e164, True, multiplier)


@pytest.mark.parametrize(
    ("text", "e164"), [("+56912345678", "56912345678"), ("+56 9 8123 4567", "56981234567"), ("0056 9 0000 0002", "56900000002")]
)
def test_chilean_mobiles_are_home_numbers_too(text: str, e164: str) -> None:
    number = phone_number(text)
    assert (number.e164, number.international, number.multiplier) == (e164, False, 1)


@pytest.mark.parametrize("text", ["07911123456", "07624123456", "07781123456"])
def test_crown_dependencies_are_international(text: str) -> None:
    number = phone_number(text)
    assert (number.prefix, number.international, number.crown_dependency, number.multiplier) == ("44", True, True, 2)


def test_landline() -> None:
    number = phone_number("02079460000")
    assert (number.e164, number.landline, number.international) == ("442079460000", True, False)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_refusal(text: str) -> None:
    try:
        number = phone_number(text)
    except InvalidPhoneNumber:
        return
    assert number.e164.isascii()
    assert number.e164.isdigit()
    assert 5 <= len(number.e164) <= 17


@pytest.mark.parametrize("text", ["o'brien@b.com", ".a@b.com", "a.@b.com", "a@münchen.de", "a/b@b.com", " a@b.com ", "a@xn--mnchen-3ya.de"])
def test_email_accepted(text: str) -> None:
    assert email_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "a@b",
        "a..b@b.com",
        "a b@c.com",
        "a@-b.com",
        "a@b_c.com",
        '"q"@b.com',
        "ü@b.com",
        "a@1.2.3.4",
        "a@b.c",
        "a@b.co1",
        "a@b.com.",
        "<a@b.com>",
        "",
        "@b.com",
        "a@",
        "a" * 315 + "@b.com",
        "a@" + "b" * 64 + ".com",
        "a@b.com\nBcc: c@d.com",
        "a@b..com",
        "a@b.com\r"[:-1] + "\x00",
    ],
)
def test_email_refused(text: str) -> None:
    with pytest.raises(InvalidEmailAddress, match="Not a valid email address"):
        email_address(text)


@given(st.text(max_size=60) | st.emails())
def test_any_accepted_address_is_fit_for_a_header(text: str) -> None:
    try:
        address = email_address(text)
    except InvalidEmailAddress:
        return
    assert not set(address) & set("\r\n\0<>, ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Colegio Ñuñoa", "colegio.nunoa"), ("A  B & C..", "a.b.c"), ("日本", "notify"), ("..x..", "x")],
)
@pytest.mark.rule("notify", "§14")
def test_local_part(name: str, expected: str) -> None:
    assert local_part(name) == expected
