"""Vectors of notify-api §14, under its own words."""

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.email_markdown import preheader, to_html, to_plain_text

pytestmark = pytest.mark.rule("notify", "§14")

HTML = [
    ("# Head", "<h2>Head</h2>"),
    ("## Sub", "<h3>Sub</h3>"),
    ("### x", "<p>x</p>"),
    ("###### x", "<p>x</p>"),
    ("* a\n* b", "<ul><li>a</li><li>b</li></ul>"),
    ("- a", "<ul><li>a</li></ul>"),
    ("• a", "<ul><li>a</li></ul>"),
    ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
    ("---", "<hr>"),
    ("***", "<hr>"),
    ("^ text", "<blockquote><p>text</p></blockquote>"),
    ("[t](https://e.com)", '<p><a href="https://e.com">t</a></p>'),
    ('[t](https://e.com "ti")', '<p><a href="https://e.com" title="ti">t</a></p>'),
    ("see https://e.com/a?b=c.", '<p>see <a href="https://e.com/a?b=c">https://e.com/a?b=c</a>.</p>'),
    ("http://e.com", '<p><a href="http://e.com">http://e.com</a></p>'),
    ("www.e.com", "<p>www.e.com</p>"),
    ("on gov.uk today", "<p>on gov.\u200buk today</p>"),
    ("a\nb", "<p>a<br>b</p>"),
    ("a\n\n\nb", "<p>a</p>\n<p>b</p>"),
    ("a\r\n\r\nb", "<p>a</p>\n<p>b</p>"),
    ("**b** _i_ `code` ~~s~~", "<p>**b** _i_ `code` ~~s~~</p>"),
    ("> q", "<p>&gt; q</p>"),
    ("a | b\n--|--\n1 | 2\n\nend", "<p>end</p>"),
    ("x ![alt](https://e.com/i.png)y", "<p>x y</p>"),
    ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
    ("[a](b)", '<p><a href="http://b">a</a></p>'),
    ("[a](javascript:alert(1))", '<p><a href="http://javascript:alert%281">a</a>)</p>'),
    (r"\[click\]\(\)", "<p>[click]()</p>"),
    (r"\# x", "<p># x</p>"),
]
PLAIN = [
    ("# Head", "Head\n" + "=" * 65),
    ("## Sub", "Sub\n" + "-" * 65),
    ("### x", "x"),
    ("* a\n- b", "• a\n• b"),
    ("1. one", "1. one"),
    ("---", "=-" * 32 + "="),
    ("^ text", "text"),
    ("[t](https://e.com)", "t: https://e.com"),
    ("https://e.com", "https://e.com"),
    ("a\nb", "a\nb"),
    ("a\n\n\n\nb", "a\n\nb"),
    ("[a](b)", "a: b"),
    ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
    ("<b>x</b>", "<b>x</b>"),
]
TYPOGRAPHY = [
    ("\"a\" and 'b'", "“a” and ‘b’"),
    ("it's", "it’s"),
    ("a - b", "a – b"),
    ("a -- b", "a – b"),
    ("a , b .", "a, b."),
    ("well-known", "well-known"),
]


@pytest.mark.parametrize(("source", "result"), HTML)
def test_html(source: str, result: str) -> None:
    assert to_html(source) == result


@pytest.mark.parametrize(("source", "result"), PLAIN)
def test_plain_text(source: str, result: str) -> None:
    assert to_plain_text(source) == result + "\n"


@pytest.mark.parametrize(("source", "result"), TYPOGRAPHY)
def test_typography(source: str, result: str) -> None:
    assert to_plain_text(source).strip() == result
    assert to_html(source) == f"<p>{result}</p>"


def test_the_preheader_is_one_line_of_256_characters() -> None:
    assert preheader("# Head\n\n" + "word " * 100) == ("Head " + "=" * 65 + " " + "word " * 100)[:256]


@given(st.text(alphabet=st.sampled_from("a <>\"'&#*-^[]()!|\\\n\r\t1.:/=") | st.characters(), max_size=200))
def test_no_source_brings_its_own_elements(source: str) -> None:
    allowed = {"p", "h2", "h3", "ul", "ol", "li", "hr", "br", "blockquote", "a"}
    tree = BeautifulSoup(to_html(source), "html.parser")
    assert {element.name for element in tree.find_all()} <= allowed
    for link in tree.find_all("a"):
        assert str(link["href"]).lower().startswith(("http://", "https://", "mailto:", "tel:"))
        assert set(link.attrs) <= {"href", "title"}
    to_plain_text(source)
