"""Read the spreadsheets people have: any usual encoding, with or without a byte order mark, commas, semicolons or tabs.

Cells are texts and nothing else: what looks like a formula is neither run nor changed.  Spec: RFC 4180, and practice.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from notify.standards.csv_encoding import UnknownEncoding, decode

ROWS_MAX = 100_000
COLUMNS_MAX = 200
CELL_CHARACTERS_MAX = 100_000
_DELIMITERS = ",;\t|"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_DELIMITER_TOLD = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)  # a first line that spreadsheet programs write


class InvalidSheet(ValueError):
    """The file cannot be read as rows; the message says why."""


@dataclass(frozen=True)
class Sheet:
    """Column names and rows of cells, each row as long as the names."""

    columns: tuple[str, ...]
    rows: list[list[str]] = field(repr=False)


def read_csv(data: bytes) -> Sheet:
    """Read a file.  Raises: InvalidSheet."""
    try:
        text = decode(data)
    except UnknownEncoding as fault:
        raise InvalidSheet(str(fault)) from None
    if told := _DELIMITER_TOLD.match(text):
        text, delimiter = text[told.end() :], told[1]
    else:
        delimiter = max(_DELIMITERS, key=re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0].count)
    # Strict: a quotation mark that is not closed would make all rows after it one cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return sheet(reader)
    except csv.Error:
        raise InvalidSheet(f"Line {reader.line_num} cannot be read: look at its quotation marks") from None


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


def csv_line(cells: Sequence[str]) -> str:
    """Write a row; cells that a spreadsheet would run as formulas are made text."""
    out = io.StringIO()
    csv.writer(out).writerow(["'" + cell if cell.startswith(_FORMULA_STARTS) else cell for cell in cells])
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > CELL_CHARACTERS_MAX:
        raise InvalidSheet(f"A cell has more than {CELL_CHARACTERS_MAX} characters")
    return text.replace("\x00", "").strip()
