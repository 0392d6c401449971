"""Vectors of notify-api §17, under its own words."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.postal_address import InvalidAddress, postal_address

pytestmark = pytest.mark.rule("notify", "§17")


def address_of(text: str) -> dict[str, object]:
    return {f"address_line_{n}": line for n, line in enumerate(text.split("/"), 1)}


@pytest.mark.parametrize(
    ("text", "last", "postage"),
    [
        ("A/B/sw1a1aa", "SW1A 1AA", None),
        ("A/B/SW1 1AA", "SW1 1AA", None),
        ("A/B/SW1A 1AA/England", "SW1A 1AA", None),
        ("A/B/France", "France", "europe"),
        ("A/B/United States", "United States", "rest-of-world"),
        ("A/B/USA", "United States", "rest-of-world"),
        ("A/B/Congo", "Congo", "rest-of-world"),
        ("A/B/Cote d'Ivoire", "Ivory Coast", "rest-of-world"),
        ("A/B/JE2 3AB", "JE2 3AB", None),
        ("A/B/GY1 1AA", "GY1 1AA", None),
        ("A/B/BFPO 1", "BFPO 1", None),
        ("A/BFPO 1/BF1 1AA", "BF1 1AA", None),
        ("A/B/Quilpalín/Chile", "Chile", "rest-of-world"),
    ],
)
def test_accepted(text: str, last: str, postage: str | None) -> None:
    address = postal_address(address_of(text))
    assert (address.lines[-1], address.postage) == (last, postage)


REAL = "Last line of address must be a real UK postcode or another country"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A/B", "Address must be at least 3 lines"),
        ("A/B/Jersey", "Address must be at least 3 lines"),
        ("A/B/C/D/E/F/G/SW1A 1AA", "Address must be no more than 7 lines"),
        ("A/!!!/SW1A 1AA", "The first 2 lines of the address must both include at least one alphanumeric character"),
        ("A/BFPO 1/France", "The last line of a BFPO address must not be a country."),
        ("A/B/GIR0AA", REAL),
        ("A/B/N14 6XYZ", REAL),
        ("A/B/Paris", REAL),
        ("A/@B/SW1A 1AA", "Address lines must not start with any of the following characters: @ ( ) = [ ] ” \\ / , < >"),
        ("A/no fixed abode/SW1A 1AA", "Must be a real address"),
    ],
)
def test_refused(text: str, message: str) -> None:
    values = address_of(text)
    if "address_line_8" in values:
        values["postcode"] = values.pop("address_line_8")
    with pytest.raises(InvalidAddress) as refused:
        postal_address(values)
    assert str(refused.value) == message


def test_abroad_needs_the_permission() -> None:
    with pytest.raises(InvalidAddress, match="Must be a real UK postcode"):
        postal_address(address_of("A/B/France"), allow_international=False)


def test_postcode_key_is_the_last_line_and_noise_is_trimmed() -> None:
    values = {"Address Line 1": "A , ", "address_line_2": "B", "address_line_3": "", "postcode": "sw1a1aa"}
    assert postal_address(values).lines == ("A", "B", "SW1A 1AA")


@given(st.dictionaries(st.sampled_from([f"address_line_{n}" for n in range(1, 8)] + ["postcode"]), st.text() | st.integers() | st.none()))
def test_any_values_are_an_address_or_a_refusal(values: dict[str, object]) -> None:
    with contextlib.suppress(InvalidAddress):
        assert 3 <= len(postal_address(values).lines) <= 7
