"""Read the spreadsheets people have: any usual encoding, with or without a byte order mark, commas, semicolons or tabs.

Cells are texts and nothing else: what looks like a formula is neither run nor changed.  Spec: RFC 4180, and practice.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from charset_normalizer import from_bytes

ROWS_MAX = 100_000
COLUMNS_MAX = 200
CELL_CHARACTERS_MAX = 100_000
_DELIMITERS = ",;\t|"
_SNIFFED_BYTES = 256 * 1024


class InvalidSheet(ValueError):
    """The file cannot be read as rows; the message says why."""


@dataclass(frozen=True)
class Sheet:
    """Column names and rows of cells, each row as long as the names."""

    columns: tuple[str, ...]
    rows: list[list[str]] = field(repr=False)


def read_csv(data: bytes) -> Sheet:
    """Read a file.  Raises: InvalidSheet."""
    text = decode(data)
    first = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    try:
        return sheet(reader)
    except csv.Error as fault:
        raise InvalidSheet(f"Line {reader.line_num} cannot be read: {fault}") from None


def decode(data: bytes) -> str:
    """Give the text of a file in the encoding it seems to be in.  Raises: InvalidSheet."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _decoded(data, encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # What is neither marked nor UTF-8 comes, as a rule, from a spreadsheet program in the West: Windows-1252 reads all of that.
    found = from_bytes(data[:_SNIFFED_BYTES], cp_isolation=["cp1252", "mac_roman", "utf_16_le", "utf_16_be", "cp850"]).best()
    return _decoded(data, found.encoding if found and b"\0" in data[:64] else "cp1252")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, "replace" if encoding == "cp1252" else "strict")
    except (UnicodeDecodeError, LookupError):
        raise InvalidSheet("The encoding of the file cannot be told: save it as UTF-8") from None


def sheet(lines: Iterable[Sequence[object]]) -> Sheet:
    """Take rows, the first of which has the names of the columns.  Raises: InvalidSheet."""
    reading = iter(lines)
    header = next((line for line in reading if any(_cell(cell) for cell in line)), None)
    if header is None:
        raise InvalidSheet("The file is empty")
    columns = tuple(_cell(cell) for cell in header)
    while columns and not columns[-1]:
        columns = columns[:-1]
    if len(columns) > COLUMNS_MAX:
        raise InvalidSheet(f"The file has more than {COLUMNS_MAX} columns")
    rows: list[list[str]] = []
    for line in reading:
        cells = [_cell(cell) for cell in line]
        if not any(cells):
            continue  # spreadsheets end in rows of nothing
        if len(rows) >= ROWS_MAX:
            raise InvalidSheet(f"The file has more than {ROWS_MAX:,} rows".replace(",", " "))
        if any(cells[len(columns) :]):
            raise InvalidSheet(f"Row {len(rows) + 1} has more cells than there are columns")
        rows.append((cells + [""] * len(columns))[: len(columns)])
    if not rows:
        raise InvalidSheet("The file has no rows below the names of the columns")
    return Sheet(columns, rows)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > CELL_CHARACTERS_MAX:
        raise InvalidSheet(f"A cell has more than {CELL_CHARACTERS_MAX} characters")
    return text.replace("\x00", "").strip()
