"""Vectors of notify-api §4.2, under its own words."""

import pytest

from notify.standards.email_markdown import to_html
from notify.standards.sanitise import sanitise, sanitise_values

pytestmark = pytest.mark.rule("notify", "§4.2")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[click](https://evil.com)", r"\[click\]\(\)"),
        ("www.evil.com", r"www\. evil\. com"),
        ("John.Smith", r"John\. Smith"),
        ("O'Brien-Smith", r"O'Brien\-Smith"),
        ("v1.2", r"v1\.2"),
        ("**b**", r"\*\*b\*\*"),
        ("go evil.com/x?y=1 now", "go  now"),
    ],
)
def test_sanitise(value: str, expected: str) -> None:
    assert sanitise(value) == expected


def test_only_named_keys_change_and_only_changes_are_told() -> None:
    values: dict[str, object] = {"Full Name": "# x", "other": "# y", "plain": "z", "n": 3}
    clean, changed = sanitise_values(values, ["full_name", "plain", "n"])
    assert clean == {"Full Name": r"\# x", "other": "# y", "plain": "z", "n": 3}
    assert changed == {"Full Name": {"unsanitised": "# x", "sanitised": r"\# x"}}


def test_values_that_are_no_texts_are_safe() -> None:
    clean, _ = sanitise_values({"a": ["# x", 1, None], "b": {"k": "https://evil.com"}}, ["a", "b"])
    assert clean["a"] == [r"\# x", 1, None]
    assert "evil.com" not in str(clean["b"])


def test_a_file_stays_a_file() -> None:
    values: dict[str, object] = {"f": {"file": "YSxiCg==", "filename": "datos.csv"}}
    assert sanitise_values(values, ["f"]) == (values, {})


def test_a_sanitised_value_has_no_effect_in_markdown() -> None:
    assert to_html(sanitise("# [x](https://evil.com) **b**")) == "<p># [x]() **b**</p>"
