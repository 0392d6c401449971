"""The file that goes with what a body is paid: a line for each payment, in the columns that the body wants.

No public form of the Treasury could be checked, so columns, separator and the form of days are the operator's to say.
Spec: pay-design.md §7.3 (RUT, form, folio, amount, value date), §8.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

SEPARATORS = (";", ",", "|", "\t")
DAYS: Mapping[str, str] = {"iso": "%Y-%m-%d", "dmy": "%d/%m/%Y", "compact": "%Y%m%d"}


@dataclass(frozen=True)
class RemittanceLine:
    """One payment's part, or what went back of it (negative): whose, by which form and folio, and when it was booked."""

    rut: str = field(repr=False)
    form: str
    folio: str
    amount_minor: int
    value_date: date
    reference: str
    payment_id: str
    purpose: str
    source: str


@dataclass(frozen=True)
class RemittanceFormat:
    """How a body wants its file."""

    columns: tuple[str, ...]
    separator: str = ";"
    days: str = "iso"

    def __post_init__(self) -> None:
        if not self.columns or set(self.columns) - set(COLUMNS) or self.separator not in SEPARATORS or self.days not in DAYS:
            raise ValueError(f"columns are of {', '.join(COLUMNS)}; days are of {', '.join(DAYS)}")


COLUMNS: Mapping[str, Callable[[RemittanceLine, str], object]] = {
    "rut": lambda line, _days: line.rut,
    "form": lambda line, _days: line.form,
    "folio": lambda line, _days: line.folio,
    "amount": lambda line, _days: line.amount_minor,
    "value_date": lambda line, days: line.value_date.strftime(DAYS[days]),
    "reference": lambda line, _days: line.reference,
    "payment_id": lambda line, _days: line.payment_id,
    "purpose": lambda line, _days: line.purpose,
    "source": lambda line, _days: line.source,
}
DEFAULT = RemittanceFormat(("rut", "form", "folio", "amount", "value_date", "reference", "payment_id", "source"))


def write_remittance(lines: Sequence[RemittanceLine], form: RemittanceFormat) -> bytes:
    """Return the file: a head, a line for each part, and nothing that changes from one writing to the next."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=form.separator, lineterminator="\r\n")
    writer.writerow(form.columns)
    for line in lines:
        writer.writerow([COLUMNS[column](line, form.days) for column in form.columns])
    return out.getvalue().encode()
