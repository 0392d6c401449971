"""Tables as the programs of this world save them are read as what they say.  Spec: notify-api §20 (jobs)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.standards.csv_encoding import UnknownEncoding, decode
from notify.standards.csv_rows import read_csv

pytestmark = pytest.mark.rule("notify", "§20")
MARKED = ["utf-8-sig", "utf-16", "utf-32"]
WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
WESTERN = ["cp1252", "latin-1", "iso8859-15", "mac_roman", "cp850"]
SPANISH = "phone number;name\r\n07700900001;José Muñoz Ávila\r\n07700900002;ÑANDÚ\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", *MARKED, *WIDE, *WESTERN])
def test_spanish_in_every_encoding(encoding: str) -> None:
    found = read_csv(SPANISH.encode(encoding))
    assert found.columns == ("phone number", "name")
    assert [row[1] for row in found.rows] == ["José Muñoz Ávila", "ÑANDÚ"]


@pytest.mark.parametrize("encoding", ["utf-8", *MARKED, *WIDE, "cp1252"])
@pytest.mark.parametrize("text", ["Sinéad O’Brien", "don’t – “yes” … 5€", "name only"])
def test_curly_signs_are_not_lost(encoding: str, text: str) -> None:
    assert read_csv(f"name,b\n{text},1\n".encode(encoding)).rows == [[text, "1"]]


@pytest.mark.parametrize(
    "text",
    [
        "François",
        "l’eau",
        "don’t",
        "MuÑoz",
        "lunes–viernes",
        "João",
        "Tomaš Žižek",
        "Straße",
        "cœur",
        "Ångström",
        "50 £",
        "18° 3ª",
        "García",
    ],
)
def test_what_windows_wrote_stays_what_it_was(text: str) -> None:
    assert decode(text.encode("cp1252")) == text


def test_the_line_that_tells_the_delimiter_is_no_row() -> None:
    assert read_csv(b"sep=;\r\na,x;b\r\n1;2\r\n").columns == ("a,x", "b")
    assert read_csv(b"a;b\r1;2\r").rows == [["1", "2"]]


@given(st.binary(max_size=300))
def test_whatever_the_bytes_they_are_text_or_refused(data: bytes) -> None:
    try:
        text = decode(data)
    except UnknownEncoding as refused:
        text = str(refused)
    assert isinstance(text, str)


@given(st.text(st.characters(min_codepoint=32, exclude_characters='",;|\t', exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=60))
def test_utf_8_is_read_as_it_is(text: str) -> None:
    assert read_csv(f"a,b\n1,{text}\n".encode()).rows == [["1", text.strip()]]
