"""Vectors of notify-api §13, under its own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.personalisation import bullet_list, fill, fill_line, missing, placeholders

pytestmark = pytest.mark.rule("notify", "§13")

FILLED: list[tuple[str, dict[str, object], str]] = [
    ("Hi ((first name))", {"firstName": "Ann"}, "Hi Ann"),
    ("Hi ((first_name))", {"FIRST-NAME": "Ann"}, "Hi Ann"),
    ("Hi ((name))", {"name": ""}, "Hi "),
    ("Hi ((name))", {"name": 0}, "Hi 0"),
    ("Hi ((name))", {"name": False}, "Hi False"),
    ("Hi ((name))", {"name": 1.5}, "Hi 1.5"),
    ("Hi ((name))", {"name": ["a", "", "c", None]}, "Hi a and c"),
    ("((name))", {"name": ["x", "y", "z"]}, "x, y and z"),
    ("((name))", {"name": ["x"]}, "x"),
    ("[((name))]", {"name": []}, "[]"),
    ("Hi ((name))", {"name": "((name))"}, "Hi ((name))"),
    ("((a??b ((c)) d))", {"a": "yes", "c": "C"}, "((a??b C d))"),
    ("((a??b??c))", {"a": "yes"}, "b??c"),
    ("(((a)))", {"a": "x"}, "(x)"),
    ("(( a ))", {"a": "x"}, "x"),
    ("((a?b))", {"a?b": "q"}, "q"),
    ("(())", {}, "(())"),
]


@pytest.mark.parametrize(("template", "values", "result"), FILLED)
def test_filled(template: str, values: dict[str, object], result: str) -> None:
    assert fill(template, values) == result


@pytest.mark.parametrize("value", ["yes", "y", "true", "t", "1", "include", "show", "YES", "Show", True, 1])
def test_conditional_shown(value: object) -> None:
    assert fill("((a??shown))x", {"a": value}) == "shownx"


@pytest.mark.parametrize("value", ["no", "on", "", False, " Yes ", 0, 2, ["yes"], {"yes": 1}])
def test_conditional_hidden(value: object) -> None:
    assert fill("((a??shown))x", {"a": value}) == "x"


@pytest.mark.parametrize("values", [{}, {"a": None}])
def test_null_is_missing(values: dict[str, object]) -> None:
    assert missing(values, "((a??shown))x") == ["a"]
    assert missing(values, "Hi ((a))") == ["a"]


def test_missing_are_named_subject_first_in_order_of_appearance() -> None:
    assert missing({"b": 1}, "((z)) ((b))", "((a)) ((Z)) ((c))") == ["z", "a", "c"]


def test_a_list_in_an_email_body_becomes_bullets_on_own_lines() -> None:
    assert fill("x ((l))", {"l": ["a", "b"]}, write_list=bullet_list) == "x \n\n* a\n* b"


def test_newlines_in_a_subject_become_spaces() -> None:
    assert fill_line("Re: ((x))", {"x": "a\r\nBcc: all@example.com"}) == "Re: a Bcc: all@example.com"


def test_placeholders_are_listed_once_as_first_written() -> None:
    assert placeholders("((Name)) ((name)) ((a??b))", "((x y))") == ["Name", "a", "x y"]


@given(st.text())
def test_a_value_is_never_scanned_again(value: str) -> None:
    assert fill("<((a))>", {"a": value, "b": "SECRET", value: "SECRET"} | {"a": value}) == f"<{value}>"


@given(st.text(), st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()))))
def test_filling_never_fails_and_what_is_left_is_what_is_missing(text: str, values: dict[str, object]) -> None:
    filled = fill(text, values)
    if not placeholders(text):
        assert filled == text
