import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.audit.canonical import canonical, commit, parse_core
from tests.unit.shared.audit import vectors

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=12,
)


def test_wallet_10_2_commitment_of_a_run() -> None:
    assert commit(vectors.SALT, vectors.SUBJECT) == vectors.COMMITMENT


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(17)])
def test_a_salt_of_another_length_is_refused(salt: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        commit(salt, vectors.SUBJECT)


def test_members_are_sorted_and_nothing_is_escaped_without_need() -> None:
    # RFC 8785 §3.2.3: sorted by UTF-16 code units, so the emoji comes before U+FB33.
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "a": "ñ€\n/"}) == '{"a":"ñ€\\n/","\U0001f600":2,"\ufb33":1}'


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=5))
def test_canonical_form_keeps_the_value_and_is_stable(value: dict[str, object]) -> None:
    once = canonical(value)
    assert json.loads(once) == value
    assert canonical(json.loads(once)) == once


PLAIN = st.dictionaries(st.text(st.characters(codec="ascii")), JSON | st.text(st.characters(codec="utf-8")), max_size=5)


@given(PLAIN)
def test_what_is_written_fast_is_what_the_library_writes(value: dict[str, object]) -> None:
    """Names in ASCII, whole numbers: control characters, quotation marks and characters beyond the first plane among them."""
    text = canonical({"\x7f": "\x7f\u2028\x00\x1f\x0b", **value})
    assert text == rfc8785.dumps({"\x7f": "\x7f\u2028\x00\x1f\x0b", **value}).decode()  # type: ignore[dict-item]  # checked by it


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), "\ud800", b"bytes", {1: "a number as name"}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="canonical"):
        canonical({"value": value})


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"', "null"])
def test_a_core_is_an_object(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_core(text)
