"""Addresses of letters: lines, postcodes, countries, postage.  Spec: notify-api §17."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from babel import Locale

from notify.standards.personalisation import Value, same_key

NAME_CHARACTERS_MAX = 200
LINE_KEYS = tuple(f"address_line_{n}" for n in range(1, 8))
_POSTCODE = re.compile(r"([A-PR-UWYZ]([0-9]{1,2}|[A-HK-Y][0-9]([0-9ABEHMNPRV-Y])?|[0-9][A-HJKPS-UW]) ?[0-9][ABD-HJLNP-UW-Z]{2})")
_BFPO = re.compile(r"\bBFPO ?(?:C/O )?[0-9]{1,4}\b", re.IGNORECASE)
# A comuna's name, and its code of seven digits before or after it: `Quilpalín`, `8320000 Santiago`, `Santiago, 832-0000`.
_COMUNA = re.compile(
    r"(?:(?P<before>[0-9]{3}[- ]?[0-9]{4})[ ,]+)?(?P<name>[^\W\d_][^\d_,]*[^\W\d_])(?:[ ,]+(?P<after>[0-9]{3}[- ]?[0-9]{4}))?"
)
_BAD_START = tuple("@()=[]”\\/,<>")
_NO_FIXED_ABODE = re.compile(r"\b(no fixed (abode|address)|nfa|sin domicilio( fijo)?)\b", re.IGNORECASE)
_UK_LINES = frozenset({"england", "scotland", "wales", "cymru", "northern ireland", "united kingdom", "uk", "great britain", "gb"})
_CROWN = frozenset({"jersey", "guernsey", "isle of man", "channel islands", "alderney", "sark"})
_SYNONYMS = {
    "usa": ("United States", "US"),
    "united states of america": ("United States", "US"),
    "cote divoire": ("Ivory Coast", "CI"),
    "ivory coast": ("Ivory Coast", "CI"),
    "congo": ("Congo", "CG"),
    "holland": ("Netherlands", "NL"),
    "eire": ("Ireland", "IE"),
    "republic of ireland": ("Ireland", "IE"),
    "burma": ("Myanmar", "MM"),
    "czech republic": ("Czechia", "CZ"),
    "turkey": ("Turkey", "TR"),
    "espana": ("Spain", "ES"),
    "argentina": ("Argentina", "AR"),
}
_EUROPE = frozenset(
    (
        *(
            "AL",
            "AD",
            "AM",
            "AT",
            "AZ",
            "BY",
            "BE",
            "BA",
            "BG",
            "HR",
            "CY",
            "CZ",
            "DK",
            "EE",
            "FO",
            "FI",
            "FR",
            "GE",
            "DE",
            "GI",
            "GR",
            "GL",
        ),
        *(
            "HU",
            "IS",
            "IE",
            "IT",
            "KZ",
            "KG",
            "XK",
            "LV",
            "LI",
            "LT",
            "LU",
            "MK",
            "MT",
            "MD",
            "MC",
            "ME",
            "NL",
            "NO",
            "PL",
            "PT",
            "RO",
            "RU",
        ),
        *("SM", "RS", "SK", "SI", "ES", "SE", "CH", "TJ", "TR", "TM", "UA", "UZ", "VA"),
    )
)


class InvalidAddress(ValueError):
    """The address cannot be printed or posted to; the message says which rule it breaks."""


@dataclass(frozen=True)
class Address:
    """An address ready to print; postage is set by the country when it is abroad."""

    lines: tuple[str, ...]
    international: bool = False
    postage: str | None = None


def postal_address(values: Mapping[str, Value], *, allow_international: bool = True, scheme: str = "uk") -> Address:
    """Read the address out of a letter's personalisation, by the rules of `uk` or `cl`.  Raises: InvalidAddress, the first rule broken."""
    lines = _lines(values)
    last = _plain(lines[-1]) if lines else ""
    bfpo = scheme == "uk" and any(_BFPO.search(line) for line in lines)
    if lines and not bfpo and last in (_UK_LINES | _CROWN if scheme == "uk" else {"chile"}):
        lines = lines[:-1]
    if len(lines) < 3:
        raise InvalidAddress("Address must be at least 3 lines")
    if len(lines) > 7:
        raise InvalidAddress("Address must be no more than 7 lines")
    if not all(any(character.isalnum() for character in line) for line in lines[:2]):
        raise InvalidAddress("The first 2 lines of the address must both include at least one alphanumeric character")
    if scheme == "cl":
        address = _chilean(lines, allow_international)
    else:
        address = _british_forces(lines) if bfpo else _by_last_line(lines, allow_international)
    if any(line.startswith(_BAD_START) for line in lines):
        raise InvalidAddress("Address lines must not start with any of the following characters: @ ( ) = [ ] ” \\ / , < >")
    if any(_NO_FIXED_ABODE.search(line) for line in lines):
        raise InvalidAddress("Must be a real address")
    return address


def postcode(text: str) -> str | None:
    """Give a postcode in its printed form, None when the text is no postcode (by pattern, not by look-up)."""
    bare = re.sub(r"[^A-Z0-9]", "", text.upper())
    if re.search(r"[^\w\s]", text) or not _POSTCODE.fullmatch(bare):
        return None
    return f"{bare[:-3]} {bare[-3:]}"


def country(text: str) -> tuple[str, str] | None:
    """Give a country's printed name and ISO code by any of the names people use, None when there is none."""
    return _countries().get(_plain(text))


def _lines(values: Mapping[str, Value]) -> list[str]:
    by_key = {same_key(key): value for key, value in values.items() if value is not None}
    keys = [*LINE_KEYS, "postcode"]
    lines = [re.sub(r"\s+", " ", str(by_key.get(same_key(key), ""))).strip(" ,") for key in keys]
    return [line for line in lines if line]


def _british_forces(lines: list[str]) -> Address:
    if country(lines[-1]) or _plain(lines[-1]) in _UK_LINES:
        raise InvalidAddress("The last line of a BFPO address must not be a country.")
    code = postcode(lines[-1])
    return Address((*lines[:-1], code or lines[-1]))


def _by_last_line(lines: list[str], allow_international: bool) -> Address:
    code = postcode(lines[-1])
    if code:
        return Address((*lines[:-1], code))
    abroad = country(lines[-1]) if allow_international else None
    if not abroad:
        wanted = (
            "Last line of address must be a real UK postcode or another country" if allow_international else "Must be a real UK postcode"
        )
        raise InvalidAddress(wanted)
    name, iso = abroad
    return Address((*lines[:-1], name), international=True, postage="europe" if iso in _EUROPE else "rest-of-world")


def _chilean(lines: list[str], allow_international: bool) -> Address:
    """End with a comuna, with or without its postal code of seven digits, or with another country; the code is printed first."""
    abroad = country(lines[-1])
    if abroad and allow_international:
        return Address((*lines[:-1], abroad[0]), international=True, postage="rest-of-world" if abroad[1] not in _EUROPE else "europe")
    place = _COMUNA.fullmatch(lines[-1])
    if abroad or not place:
        wanted = "Last line of address must be a comuna, with or without its postal code"
        raise InvalidAddress(f"{wanted}, or another country" if allow_international else wanted)
    code = re.sub(r"[^0-9]", "", place["before"] or place["after"] or "")
    return Address((*lines[:-1], f"{code} {place['name']}".strip()))


def _plain(text: str) -> str:
    if len(text) > NAME_CHARACTERS_MAX:
        return ""  # no country, and dear to put in order
    bare = "".join(part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part)).lower()
    return re.sub(r"\s+", " ", re.sub(r"[’'.]", "", bare).replace("-", " ")).strip()


@cache
def _countries() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    english = Locale.parse("en")
    for locale in (Locale.parse("es"), english):  # English last, so that its names win
        for iso, name in locale.territories.items():
            if len(iso) == 2 and iso.isalpha() and iso not in {"GB", "UK", "EU", "UN", "EZ", "ZZ", "QO", "JE", "GG", "IM"}:
                found[_plain(name)] = (english.territories.get(iso, name), iso)
    return found | _SYNONYMS
