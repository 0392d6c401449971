"""The RUN, with the vectors of the contract."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.run import InvalidRun, Run, check_digit, parse_run

GOOD = ("1-9", "9-4", "7654321-6", "12345678-5", "11111111-1", "1000005-K", "1000013-0", "17000003-K", "76354771-K")
LONG = ("61001000-8", "100000004-K", "100000009-0")
BAD = ("12345678-4", "1000005-0", "1000013-K", "-5", "", "12.345.6785-", "12345678-X", "0-0", "1.2.3-4", "12,345,678-5")


@pytest.mark.rule("identity", "RUN-1", "RUN-2", "RUN-4")
@pytest.mark.parametrize("text", [*GOOD, *LONG])
def test_the_vectors_of_the_contract(text: str) -> None:
    assert str(parse_run(text)) == text
    assert parse_run(parse_run(text).shown) == parse_run(text)


@pytest.mark.rule("identity", "RUN-2", "RUN-3")
@pytest.mark.parametrize("text", [*BAD, "１２３４５６７８-5"])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(InvalidRun):
        parse_run(text)


@pytest.mark.rule("identity", "RUN-3")
@given(
    numero=st.integers(1, 999_999_999),
    hyphen=st.sampled_from(["", "-", "\u2010", "\u2013", "\uff0d"]),
    zeros=st.integers(0, 3),
    dots=st.booleans(),
)
def test_every_way_of_writing_it_is_read(numero: int, hyphen: str, zeros: int, dots: bool) -> None:
    digits = f"{numero:,}".replace(",", ".") if dots else "0" * zeros + str(numero)
    text = f"  {digits}{hyphen}{check_digit(numero).lower()} "
    assert parse_run(text) == Run(numero, check_digit(numero))


@pytest.mark.rule("identity", "RUN-3")
@given(st.text(max_size=100))
@example("\x00")
@example("9" * 90)
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        run = parse_run(text)
    except InvalidRun:
        return
    assert check_digit(run.numero) == run.dv


@pytest.mark.rule("identity", "RUN-5")
def test_the_range_of_a_number_does_not_tell_people_from_companies() -> None:
    for text in ("61001000-8", "76354771-K", "100000004-K", "1-9"):
        run = parse_run(text)
        assert str(run) == text
        assert run.rol_unico["tipo"] == "RUN"
