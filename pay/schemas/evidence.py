"""What staff type and upload about disputes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from werkzeug.datastructures import FileStorage

from pay.schemas.console import read_amount
from pay.standards.dispute_states import REASONS
from pay.standards.evidence_files import BYTES_MAX, FILES_MAX, PAGES_MAX, EvidenceFile, UnreadableFile, file_name, pages_of
from pay.standards.link_reference import holds_real_card_number
from shared.clock import ZONE
from shared.web import gettext
from shared.web.dates import day_parts, read_day

WORDS_MAX, NUMBER_MAX = 5_000, 60
Faults = list[tuple[str, str]]


@dataclass(frozen=True)
class Evidence:
    """What an office says against a dispute, and what is wrong with it."""

    words: str
    files: tuple[EvidenceFile, ...]
    faults: Faults


def read_evidence(form: Mapping[str, str], uploads: Iterable[FileStorage]) -> Evidence:
    """Read the words and the files."""
    words, fault = _words(form)
    files, wrong = _files(uploads)
    return Evidence(words, files, [*([("words", fault)] if fault else []), *([("files", wrong)] if wrong else [])])


def _words(form: Mapping[str, str]) -> tuple[str, str]:
    words = form.get("words", "").replace("\r\n", "\n").replace("\0", "").strip()
    if not words:
        return words, gettext("Write what the bank should know.")
    if len(words) > WORDS_MAX:
        return words[:WORDS_MAX], gettext("Write at most %(n)s letters.", n=WORDS_MAX)
    if holds_real_card_number(words):
        return "", gettext("Leave out the number of the card.")
    return words, ""


def _files(uploads: Iterable[FileStorage]) -> tuple[tuple[EvidenceFile, ...], str]:
    files = tuple(EvidenceFile(file_name(each.filename), each.read(BYTES_MAX + 1)) for each in uploads if each.filename)
    if len(files) > FILES_MAX:
        return (), gettext("Choose at most %(n)s files.", n=FILES_MAX)
    if sum(len(file.content) for file in files) > BYTES_MAX:
        return (), gettext("The files are too large. All together may have 4 MB.")
    pages = 0
    for file in files:
        if holds_real_card_number(file.name):
            return (), gettext("Leave out the number of the card.")
        try:
            pages += len(pages_of(file))
        except UnreadableFile:
            return (), gettext("%(name)s cannot be read. Choose a PDF without a password, or a picture (JPEG or PNG).", name=file.name)
    if pages > PAGES_MAX:
        return (), gettext("The files have too many pages. All together may have %(n)s.", n=PAGES_MAX)
    return files, ""


@dataclass(frozen=True)
class LetterForm:
    """What a provider's letter says of a dispute, as typed, and what is wrong."""

    number: str = ""
    typed_amount: str = ""
    amount_minor: int = 0
    reason: str = ""
    due_at: datetime | None = None
    due_parts: Mapping[str, str] = field(default_factory=lambda: day_parts({}, "due"))
    faults: Faults = field(default_factory=list)


def read_letter(form: Mapping[str, str], currency: str, most_minor: int) -> LetterForm:
    """Read the form of a dispute that a letter told of."""
    number, reason, typed = read_number(form), form.get("reason", ""), form.get("amount", "").strip()[:30]
    faults: Faults = []
    if not number:
        faults.append(("number", gettext("Type the number that the letter gives.")))
    amount = read_amount(typed, currency) or 0
    if not 1 <= amount <= most_minor:
        faults.append(("amount", gettext("Type an amount that is not more than what was paid.")))
    if reason not in REASONS:
        faults.append(("reason", gettext("Choose what the letter says.")))
    due_at = None
    try:
        due_at = _end_of(read_day(form, "due"))
    except ValueError:
        faults.append(("due-day", gettext("Type a day that exists.")))
    else:
        if due_at is None:
            faults.append(("due-day", gettext("Type the last day for an answer.")))
    return LetterForm(number, typed, amount, reason if reason in REASONS else "", due_at, day_parts(form, "due"), faults)


def read_number(form: Mapping[str, str], name: str = "number") -> str:
    """Return a number that a provider gave, on one line; nothing where it holds the number of a card."""
    number = " ".join("".join(letter for letter in form.get(name, "") if letter.isprintable()).split())[:NUMBER_MAX]
    return "" if holds_real_card_number(number) else number


def _end_of(day: date | None) -> datetime | None:
    return datetime.combine(day, time(23, 59), ZONE) if day else None
