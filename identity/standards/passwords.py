"""What may be a password.  Spec: NIST SP 800-63B-4 §3.1.1, identity-oidc PW-4…PW-6.

No rules of composition: length, and not on a list of what others try first.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum

ALONE_LENGTH_MIN = 15
"""Code points of a password that is the only factor."""
BESIDE_LENGTH_MIN = 8
"""Code points of a password that is always used with a second factor."""
LENGTH_MAX = 256
PERSONAL_LENGTH_MIN = 4


class Fault(StrEnum):
    """Why a password is not taken."""

    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    CHARACTERS = "characters"
    PERSONAL = "personal"
    COMMON = "common"
    BREACHED = "breached"


_COMMON = """
123456 1234567 12345678 123456789 1234567890 12345678910 123123123 987654321 0987654321 111111111 000000000 11111111 00000000
password password1 password123 passw0rd p@ssw0rd qwerty qwerty123 qwertyuiop qwerty12345 asdfghjkl zxcvbnm 1q2w3e4r 1q2w3e4r5t
1qaz2wsx qazwsxedc abc12345 abcd1234 abcdefgh abcdefghi iloveyou princess sunshine football baseball superman batman trustno1
letmein1 welcome1 monkey123 dragon123 master123 login1234 admin123 administrator contraseña contrasena contraseña1 contraseña123
contrasena123 clave1234 claveunica claveúnica micontraseña miclave123 teamomucho teamo123 tequiero tequieromucho amorcito estrella
mariposa corazon corazón princesa chocolate futbol123 colocolo colocolo1991 universidaddechile chile2024 chile2025 chile2026
santiago1 viva chile vivachile santiago2026 familia123 hola1234 holahola password password passwordpassword contraseñacontraseña
123456789012345 111111111111111 qwertyuiopasdfgh abcdefghijklmno correcthorsebatterystaple correct horse battery staple
"""
COMMON = frozenset(_COMMON.split()) | {"correct horse battery staple", "password password", "viva chile", "a long enough password"}
"""What is tried first everywhere, in small letters; the breach filter holds the millions."""


def forms_of_day(day: date) -> list[str]:
    """Return how a date of birth is written in passwords."""
    return [day.strftime(form) for form in ("%d%m%Y", "%Y%m%d", "%d%m%y")]


def normal(password: str) -> str:
    """Return the form in which passwords are compared and hashed: NFC."""
    return unicodedata.normalize("NFC", password)


def fault_of(password: str, *, personal: Iterable[str], length_min: int, is_breached: Callable[[str], bool]) -> Fault | None:
    """Return why a password is not taken, or None.  `personal` are a person's own words: RUN, names, birth date, the service.

    Lengths count code points; over-long ones are refused, never cut.
    """
    text = normal(password)
    if len(text) < length_min:
        return Fault.TOO_SHORT
    if len(text) > LENGTH_MAX:
        return Fault.TOO_LONG
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        return Fault.CHARACTERS
    if _is_personal(text, personal):
        return Fault.PERSONAL
    if text.casefold() in COMMON or _is_run_of_one(text):
        return Fault.COMMON
    return Fault.BREACHED if is_breached(text) else None


def _is_personal(text: str, personal: Iterable[str]) -> bool:
    """Answer whether the whole password is made of nothing but one of a person's words and a few figures."""
    plain = _plain(text)
    words = {_plain(word) for word in personal}
    kept = [word for word in words if len(word) >= PERSONAL_LENGTH_MIN]
    if plain in kept:
        return True
    letters = re.sub(r"[0-9]", "", plain)
    figures = re.sub(r"[^0-9]", "", plain)
    parts = {re.sub(r"[0-9]", "", word) for word in kept} - {""}
    numbers = {re.sub(r"[^0-9]", "", word) for word in kept} - {""}
    made_of_names = bool(letters) and _is_made_of(letters, parts)
    return made_of_names and (len(figures) <= PERSONAL_LENGTH_MIN or figures in numbers)


def _is_made_of(text: str, parts: set[str]) -> bool:
    """Answer whether a text is one part after another."""
    reachable = {0}
    for start in range(len(text)):
        if start in reachable:
            reachable |= {start + len(part) for part in parts if text.startswith(part, start)}
    return len(text) in reachable


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def _is_run_of_one(text: str) -> bool:
    """Answer whether it is one short piece again and again: `aaaaaaaa`, `12341234`."""
    return any(len(text) % size == 0 and text == text[:size] * (len(text) // size) for size in range(1, min(5, len(text) // 2 + 1)))
