from hypothesis import given
from hypothesis import strategies as st

from shared.ids import SeededIds, SystemIds, _uuid7


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_uuid7_has_version_variant_and_time(milliseconds: int, tail: int) -> None:
    made = _uuid7(milliseconds, tail)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == milliseconds


def test_uuid7_sorts_by_time() -> None:
    ids = SeededIds()
    made = [ids.uuid7() for _ in range(100)]
    assert made == sorted(made)


def test_system_tokens_differ_and_have_the_length_asked_for() -> None:
    ids = SystemIds()
    assert len({ids.token() for _ in range(50)}) == 50
    assert len(ids.token(32)) == 43
    assert len(ids.pick("abc", 20)) == 20
    assert set(ids.pick("abc", 200)) == set("abc")


def test_seeded_ids_repeat() -> None:
    one, other = SeededIds(7), SeededIds(7)
    assert [one.uuid4(), one.uuid7(), one.token(), one.pick("xyz", 5)] == [
        other.uuid4(),
        other.uuid7(),
        other.token(),
        other.pick("xyz", 5),
    ]
