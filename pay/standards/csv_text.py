"""Tables as CSV that a spreadsheet opens without running what a cell says.  Spec: RFC 4180; OWASP CSV injection."""

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as text; a mark at its start tells spreadsheets that it is UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return BOM + out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA):
        return "'" + value
    return "" if value is None else value
