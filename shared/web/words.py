"""The words of pages and messages: English in the source, other languages in `<package>/translations/<language>/messages.po`.

Catalogues are read at start; nothing is compiled beforehand.  The language belongs to the present piece of work (a context
variable): a request chooses it, a task sets it to that of the person it writes to.

Numbers, dates and the like are written as people here write them, in the language of the moment.
"""

import gettext as standard_gettext
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec

import phonenumbers
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

from shared.clock import ZONE

SOURCE_LANGUAGE = "en"
DEFAULT_LANGUAGE = "es"
NAMES = {"es": "Español", "en": "English", "arn": "Mapudungun", "ay": "Aymara", "qu": "Runasimi", "rap": "Rapa Nui", "ht": "Kreyòl"}
"""Each language by its own name, in the order of the switch.  A language is offered when shared/web has a catalogue of it."""

LOCALES = {"es": "es_CL", "en": "en_GB", "qu": "qu", "ay": "es_CL", "arn": "es_CL", "rap": "es_CL", "ht": "fr"}
COUNTRY = "CL"
CALLING_CODE = 56

_language: ContextVar[str | None] = ContextVar("language", default=None)
_catalogues: dict[str, standard_gettext.NullTranslations] = {}
_loaded: set[str] = set()


def _choose() -> str:
    return DEFAULT_LANGUAGE


def load(package: str) -> None:
    """Read the catalogues of a package, if it has any; again is harmless.  Raises: babel.messages.pofile.PoFileError."""
    if package in _loaded:
        return
    _loaded.add(package)
    folder = folder_of(package, "translations")
    if folder is not None:
        for entry in sorted(folder.iterdir(), key=lambda found: found.name):
            if (entry / "messages.po").is_file():
                _add(entry.name, _read(entry / "messages.po", entry.name))


def folder_of(package: str, name: str) -> Traversable | None:
    """Return a folder inside a package, or None where there is none."""
    folder = resources.files(package) / name if find_spec(package) else None
    return folder if folder is not None and folder.is_dir() else None


def _read(file: Traversable, language: str) -> standard_gettext.GNUTranslations:
    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language, abort_invalid=True))
    compiled.seek(0)
    return standard_gettext.GNUTranslations(compiled)


def _add(language: str, catalogue: standard_gettext.GNUTranslations) -> None:
    if language in _catalogues:
        _catalogues[language].add_fallback(catalogue)
    else:
        _catalogues[language] = catalogue


_SOURCE = standard_gettext.NullTranslations()


def _catalogue() -> standard_gettext.NullTranslations:
    return _catalogues.get(language(), _SOURCE)


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that pages are offered in: the source's and those shared/web has a catalogue of."""
    folder = resources.files("shared.web") / "translations"
    return tuple(code for code in NAMES if code == SOURCE_LANGUAGE or (folder / code / "messages.po").is_file())


def language() -> str:
    """Return the language of the present work: the one that was set, else the visitor's, else Spanish."""
    code = _language.get()
    if code is None:
        code = _choose()
        _language.set(code)
    return code


def choose_by(choose: Callable[[], str]) -> None:
    """Say how the language is found where none was set; asked at the first word of a piece of work, if there is one."""
    global _choose  # noqa: PLW0603 - one way for the process, like the catalogues
    _choose = choose


def use_language(code: str | None) -> None:
    """Set the language of the present work; an unknown one is the default, none leaves it to be found."""
    _language.set(code if code is None or code in languages() else DEFAULT_LANGUAGE)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Do the work inside in a language: messages to a person are in that person's."""
    token = _language.set(code if code in languages() else DEFAULT_LANGUAGE)
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str, **values: object) -> str:
    """Return the message in the language of the moment, with `%(name)s` filled in where values are given."""
    translated = _catalogue().gettext(message) if message else ""
    return translated % values if values else translated


def ngettext(singular: str, plural: str, n: int, **values: object) -> str:
    """Return the form for a count, which also fills in `%(n)s`."""
    return _catalogue().ngettext(singular, plural, n) % {"n": number(n), **values}


def pgettext(context: str, message: str, **values: object) -> str:
    """Return the message as it is said in a context, where one English word has two meanings."""
    translated = _catalogue().pgettext(context, message)
    return translated % values if values else translated


def gettext_noop(message: str) -> str:
    """Mark a message for translation where it is only stored; `gettext` is called where it is shown."""
    return message


def locale() -> str:
    """Return the locale in which numbers and dates are written."""
    return LOCALES.get(language(), "es_CL")


def run(value: str) -> str:
    """Write a RUN or RUT as `12.345.678-5`; what is not one stays as it is."""
    plain = re.sub(r"[.\s-]", "", value).upper()
    if not re.fullmatch(r"[0-9]{1,9}[0-9K]", plain):
        return value
    return f"{int(plain[:-1]):,}".replace(",", ".") + "-" + plain[-1]


def clp(amount_minor: int) -> str:
    """Write an amount in pesos, which have no decimals, as `$14.500`, in every language."""
    written = format_currency(abs(amount_minor), "CLP", locale="es_CL")
    return "-" + written if amount_minor < 0 else written


def number(value: float) -> str:
    """Write a number with the separators of the language."""
    return format_decimal(value, locale=locale())


def _here(value: date) -> date:
    return value.astimezone(ZONE) if isinstance(value, datetime) else value


def day(value: date) -> str:
    """Write a date as `21 de noviembre de 2026`; a moment counts as the day it is in Santiago."""
    return str(format_date(_here(value), "long", locale=locale()))


def moment(value: datetime) -> str:
    """Write a moment as `21 de noviembre de 2026, 14:05`, in Santiago's time."""
    pattern = "h:mma" if locale() == "en_GB" else "HH:mm"
    return f"{day(value)}, {format_datetime(_here(value), pattern, locale=locale())}"


def period(value: timedelta) -> str:
    """Write a length of time in its largest fitting unit: `30 minutes`, `2 hours`, `3 days`."""
    minutes = max(1, round(value.total_seconds() / 60))
    if minutes < 120:
        return ngettext("%(n)s minute", "%(n)s minutes", minutes)
    if minutes < 48 * 60:
        return ngettext("%(n)s hour", "%(n)s hours", minutes // 60)
    return ngettext("%(n)s day", "%(n)s days", minutes // (24 * 60))


def _parsed(value: str) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(value, COUNTRY)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def phone(value: str) -> str:
    """Write a telephone number as `+56 9 1234 5678`; one that is only called inside the country without +56, what is none as it is."""
    parsed = _parsed(value)
    if parsed is None:
        return value
    digits = str(parsed.national_number)
    if parsed.country_code == CALLING_CODE and re.fullmatch(r"[68]00[0-9]{6}", digits):
        return f"{digits[:3]} {digits[3:6]} {digits[6:]}"
    # libphonenumber sets Chilean numbers without the gaps that people here use.
    if parsed.country_code == CALLING_CODE and re.fullmatch(r"[29][0-9]{8}", digits):
        return f"+56 {digits[0]} {digits[1:5]} {digits[5:]}"
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def dial(value: str) -> str:
    """Return the digits that a `tel:` link dials."""
    return re.sub(r"[^0-9+]", "", phone(value))


def code(value: str) -> str:
    """Write a code in groups of four, to be read aloud and typed."""
    plain = re.sub(r"[\s-]", "", value)
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


FILTERS = {
    "run": run,
    "clp": clp,
    "number": number,
    "day": day,
    "moment": moment,
    "period": period,
    "phone": phone,
    "dial": dial,
    "code": code,
}
