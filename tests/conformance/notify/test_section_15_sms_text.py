"""Vectors of notify-api §15, under its own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.sms_text import ALLOWED, GSM_BASIC, GSM_EXTENDED, WELSH, downgrade, fragments, prepare, tidy, with_prefix

pytestmark = pytest.mark.rule("notify", "§15")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("à" * 160, 1),
        ("à" * 161, 2),
        ("ŵ" * 70, 1),
        ("ŵ" * 71, 2),
        ("ŵ" * 134, 2),
        ("ŵ" * 135, 3),
        ("ŵ" + "€" * 69, 1),
        ("a" * 918, 6),
    ],
)
def test_fragments(text: str, expected: int) -> None:
    assert fragments(prepare(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ç", "c"),
        ("Ł", "L"),
        ("“a” ‘b’", "\"a\" 'b'"),
        ("a–b—c", "a-b-c"),
        ("a…", "a..."),
        ("a\tb", "a b"),
        ("a\u200bb", "ab"),
        ("a\u00a0b", "a b"),
        ("😀", "?"),
        ("日本", "??"),
        ("Ñandú pingüino", "Ñandú pingüino"),
        ("n\u0303", "ñ"),
        ("ő", "o"),
    ],
)
def test_downgrade(text: str, expected: str) -> None:
    assert downgrade(text) == expected


@pytest.mark.parametrize("character", "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉÄÖÑÜ§¿äöñüà¡¤_^{}[]~|\\€")
def test_gsm_characters_are_kept_and_do_not_cost_the_message(character: str) -> None:
    assert downgrade(character) == character
    assert fragments(character * 80) == 1


@pytest.mark.parametrize("character", "ÀÁÂÈÊËÌÍÎÏÒÓÔÙÚÛÝáâêëíîïóôúûýÿŴŵŶŷŸẀẁẂẃẄẅỲỳ")
def test_welsh_characters_are_kept_and_turn_the_whole_message_into_ucs2(character: str) -> None:
    assert downgrade(character) == character
    assert fragments("a" * 70 + character) == 2


def test_whitespace_is_tidied() -> None:
    assert prepare("  a \r\n\r\n\r\n\r\nb\u200b \n ") == "a\n\nb"


def test_prefix_is_the_service_name() -> None:
    assert with_prefix("hola", "Colegio Łódź") == "Colegio Lódz: hola"
    assert with_prefix("hola", None) == "hola"


def test_the_sets_do_not_overlap() -> None:
    assert not GSM_BASIC & GSM_EXTENDED
    assert not GSM_BASIC & WELSH
    assert len(GSM_BASIC) == 127


@given(st.text())
def test_nothing_else_is_ever_sent(text: str) -> None:
    prepared = prepare(text)
    assert set(prepared) <= ALLOWED
    assert prepare(prepared) == prepared


@given(st.text(alphabet=sorted(ALLOWED | {"\t", "\u00a0"})))
def test_a_text_that_networks_carry_is_only_tidied(text: str) -> None:
    assert prepare(text) == tidy(downgrade(tidy(text)))
