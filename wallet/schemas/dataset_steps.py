"""A dataset declared page by page: one thing is asked a page, what was answered goes along, and all of it is shown before the end.

What was answered travels in the form itself and not in the address: sixty pieces of data do not fit into one.
Spec: wallet contract §2, R1; pages.md.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from marshmallow import ValidationError
from werkzeug.datastructures import MultiDict

from shared.web import gettext
from wallet.operations.registry import DatasetDeclaration
from wallet.schemas.console import ROW, ROWS_MAX, Wrong, read_dataset, row_body, rows_of
from wallet.schemas.registry import FieldSchema

CHECK, DATUM = "check", "datum-"
ASKED: Mapping[str, tuple[str, ...]] = {
    "name": ("dataset_id", "title_es", "title_en", "description_es", "description_en"),
    "kind": ("classification", "subject_kind"),
    "system": ("system", "endpoint", "audience"),
    "terms": ("procedure_codes", "consent_max_days", "cache_max_seconds"),
}
"""The pages before the pieces of data, in their order, and what each asks."""
WRONG_ON: Mapping[str, str] = {
    "dataset_id": "name",
    "title": "name",
    "description": "name",
    "classification": "kind",
    "subject_kinds": "kind",
    "system": "system",
    "endpoint": "system",
    "audience": "system",
    "procedure_codes": "terms",
    "consent_max_seconds": "terms",
    "cache_max_seconds": "terms",
    "fields": CHECK,
}
"""On which page each fault is mended."""
CARRIED = ("follows", "rows", "checked")
TYPED = ("id", "title_es", "title_en", "concept")
"""What a piece of data is written with; without any of it there is none."""


@dataclass(frozen=True)
class DatasetStep:
    """The page to show, what was answered so far, and what is wrong on it."""

    name: str
    form: MultiDict[str, str]
    wrong: Wrong

    @property
    def number(self) -> int:
        """The place of the piece of data that the page asks about."""
        return _place(self.name, self.form)

    @property
    def rows(self) -> list[dict[str, str]]:
        """The pieces of data so far."""
        return rows_of(self.form)

    @property
    def row(self) -> dict[str, str]:
        """The piece of data that the page asks about, empty where it is a new one."""
        return self.rows[self.number] if self.number < len(self.rows) else dict.fromkeys(ROW, "")

    @property
    def before(self) -> str:
        """The page that stands before this one, empty before the first."""
        if self.form.get("checked"):
            return "" if self.name == CHECK else CHECK
        if self.name.startswith(DATUM):
            return f"{DATUM}{self.number - 1}" if self.number else list(ASKED)[-1]
        if self.name == CHECK:
            return f"{DATUM}{max(len(self.rows) - 1, 0)}"
        place = list(ASKED).index(self.name)
        return list(ASKED)[place - 1] if place else ""

    @property
    def others(self) -> list[tuple[str, str]]:
        """What was answered on other pages and goes along."""
        asked = {*ASKED.get(self.name, ()), *(_row_names(self.number) if self.name.startswith(DATUM) else ())}
        return [(name, value) for name in _known(self.form) if name not in asked for value in self.form.getlist(name) if value]


def read_step(form: MultiDict[str, str], systems: Collection[str]) -> DatasetStep:
    """Return the page that follows what was answered, or the same one with what is wrong; `systems` may answer for the body."""
    form = MultiDict(form)
    page = _page(form.get("step", ""), form)
    if page.startswith(DATUM):
        form["rows"] = str(max(_place(page, form) + 1, len(rows_of(form))))
    if "remove" in form:
        return _shown(CHECK, _without(form, form["remove"]), [])
    wanted = form.get("to", "")
    if wanted and wanted == DatasetStep(page, form, []).before:
        is_blank = page.startswith(DATUM) and not any(rows_of(form)[_place(page, form)][name] for name in TYPED)
        return _shown(wanted, _without(form, page.removeprefix(DATUM)) if is_blank else form, [])
    wrong = [] if page == CHECK else faults_on(page, form, systems)
    return _shown(page, form, wrong) if wrong else _shown(_next(page, wanted, form), form, [])


def faults_of(form: MultiDict[str, str], systems: Collection[str]) -> tuple[DatasetDeclaration | None, Wrong]:
    """Return the declaration that all pages make together, or what is wrong with it."""
    declaration, wrong = read_dataset(form)
    if form.get("system", "") not in systems:
        return None, [*wrong, ("system", gettext("Choose the system that answers."))]
    return declaration, wrong


def faults_on(page: str, form: MultiDict[str, str], systems: Collection[str]) -> Wrong:
    """Return what is wrong with the answers of one page."""
    if page.startswith(DATUM):
        return _faults_of_row(_place(page, form), form)
    return [(name, text) for name, text in faults_of(form, systems)[1] if WRONG_ON.get(name) == page]


def mending(form: MultiDict[str, str], wrong: Wrong) -> DatasetStep:
    """Return the page on which the first fault of a whole declaration is mended."""
    page = WRONG_ON.get(wrong[0][0], CHECK)
    return _shown(page, MultiDict(form), [one for one in wrong if WRONG_ON.get(one[0], CHECK) == page])


def _shown(page: str, form: MultiDict[str, str], wrong: Wrong) -> DatasetStep:
    if page == CHECK:
        form["checked"] = "1"
    return DatasetStep(page, form, wrong)


def _next(page: str, wanted: str, form: MultiDict[str, str]) -> str:
    """Return the page that was asked for, else the one that follows; what was checked once goes back to the check."""
    if wanted == "more":
        return f"{DATUM}{min(len(rows_of(form)), ROWS_MAX - 1)}"
    if wanted:
        return _page(wanted, form)
    pages = [*ASKED, f"{DATUM}0"]
    return CHECK if form.get("checked") or page not in ASKED else pages[pages.index(page) + 1]


def _page(name: str, form: MultiDict[str, str]) -> str:
    """Return a page that exists."""
    if name == CHECK or name in ASKED:
        return name
    return f"{DATUM}{_place(name, form)}" if name.startswith(DATUM) else next(iter(ASKED))


def _place(name: str, form: MultiDict[str, str]) -> int:
    """Return the place of a piece of data, at most one behind the last."""
    text = name.removeprefix(DATUM)
    place = int(text) if text.isascii() and text.isdecimal() and len(text) <= 2 else 0
    return min(place, len(rows_of(form)), ROWS_MAX - 1)


def _row_names(place: int) -> list[str]:
    return [f"row-{place}-{name}" for name in ROW]


def _known(form: MultiDict[str, str]) -> Iterator[str]:
    """Yield every name that a form of these pages may have."""
    yield from CARRIED
    for names in ASKED.values():
        yield from names
    for place in range(len(rows_of(form))):
        yield from _row_names(place)


def _without(form: MultiDict[str, str], place: str) -> MultiDict[str, str]:
    """Return the form without one piece of data."""
    rows = [row for number, row in enumerate(rows_of(form)) if str(number) != place]
    kept = MultiDict([(name, value) for name in (*CARRIED, *chain.from_iterable(ASKED.values())) for value in form.getlist(name)])
    kept["rows"] = str(len(rows))
    for number, row in enumerate(rows):
        kept.update({f"row-{number}-{name}": value for name, value in row.items()})
    return kept


def _faults_of_row(place: int, form: MultiDict[str, str]) -> Wrong:
    """Return what is wrong with one piece of data, each fault at its field."""
    at, rows = f"row-{place}-", rows_of(form)
    words = {
        "field_id": (at + "id", gettext("Write a code with letters, digits and . _ - and no spaces.")),
        "title": (at + "title_es", gettext("Write a title, in Spanish at least.")),
        "kind": (at + "kind", gettext("Choose of which kind the datum is.")),
        "dpv_category": (at + "concept", gettext("Write a concept that begins with https://w3id.org/dpv.")),
    }
    try:
        FieldSchema().load(row_body(rows[place]))
    except ValidationError as error:
        return [said for name, said in words.items() if name in error.messages_dict]
    if any(row["id"] == rows[place]["id"] for number, row in enumerate(rows) if number != place):
        return [(at + "id", gettext("Another datum has this code. Choose another one."))]
    return []
