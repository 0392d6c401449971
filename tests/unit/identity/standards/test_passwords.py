"""What may be a password: length, and not what others try first (PW-4…PW-6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.standards.passwords import ALONE_LENGTH_MIN, BESIDE_LENGTH_MIN, LENGTH_MAX, Fault, fault_of, normal

PERSONAL = ("11111111-1", "11111111", "Camila", "Andrea", "Soto", "camila@example.com", "Andamio")


def fault(password: str, *, length_min: int = ALONE_LENGTH_MIN, breached: frozenset[str] = frozenset()) -> Fault | None:
    return fault_of(password, personal=PERSONAL, length_min=length_min, is_breached=breached.__contains__)


@pytest.mark.rule("identity", "PW-4", "PW-5")
@pytest.mark.parametrize(
    "password",
    ["lluvia tejado naranja reloj", "ñandúes y pingüinos bailan", "日本語のパスワードは長いほうがいい", "all small letters"],
)
def test_long_ones_of_any_signs_are_taken(password: str) -> None:
    assert fault(password) is None


@pytest.mark.rule("identity", "PW-4")
def test_code_points_are_counted_in_one_form_and_nothing_is_cut() -> None:
    composed, decomposed = "ñ" * BESIDE_LENGTH_MIN, "n\u0303" * BESIDE_LENGTH_MIN
    assert normal(composed) == normal(decomposed)
    assert fault("n\u0303" * (BESIDE_LENGTH_MIN - 1), length_min=BESIDE_LENGTH_MIN) is Fault.TOO_SHORT
    words = "lluvia tejado "
    assert fault((words * 30)[: LENGTH_MAX + 1]) is Fault.TOO_LONG
    assert fault("lluvia tejado 12345678" + "x" * (LENGTH_MAX - 22)) is None


@pytest.mark.rule("identity", "PW-4")
def test_with_a_second_factor_eight_are_enough() -> None:
    assert fault("tejado71", length_min=BESIDE_LENGTH_MIN) is None
    assert fault("tejado71") is Fault.TOO_SHORT


@pytest.mark.rule("identity", "PW-6")
@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("11.111.111-1", Fault.PERSONAL),
        ("CamilaSoto1111", Fault.PERSONAL),
        ("soto camila andrea", Fault.PERSONAL),
        ("Andamio2026", Fault.PERSONAL),
        ("contraseña123", Fault.COMMON),
        ("QWERTYUIOP", Fault.COMMON),
        ("aaaaaaaaaaaa", Fault.COMMON),
        ("12341234123412341234", Fault.COMMON),
        ("lluvia tejado", Fault.BREACHED),
        ("camila tiene un tejado", None),
    ],
)
def test_what_others_would_guess_is_refused(password: str, expected: Fault | None) -> None:
    assert fault(password, length_min=BESIDE_LENGTH_MIN, breached=frozenset({"lluvia tejado"})) is expected


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text: str) -> None:
    answer = fault(text)
    assert answer is None or answer in set(Fault)
