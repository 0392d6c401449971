"""In which encoding a table was saved: with or without a mark, by Windows, by an old Macintosh, by DOS.

Bytes that are neither marked nor UTF-8 fit any of the three Western encodings, so it is looked at what they would say: a sign in
the middle of a word, or a capital after a small letter, is a sign of the wrong one.  In doubt it is Windows-1252, as a rule right.
"""

import codecs
import re
from itertools import islice

from charset_normalizer import from_bytes

_SNIFFED_BYTES = 256 * 1024
_NUL_SHARE = 0.2
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before the one of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ["utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be"]
_NOT_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF-", b"{\\rtf")
WINDOWS = "cp1252"
_OTHERS = ("mac_roman", "cp850")
_SPANISH = frozenset("áéíóúüñÁÉÍÓÚÜÑ")
_NEUTRAL = frozenset("¿¡ªº°«»’‘“”–—…€·®´\xa0")
_NEVER_IN_WORDS = frozenset("‚„ƒ‡†¤ˆ")
_LOOKED_AT_MAX = 5000


class UnknownEncoding(ValueError):
    """Nobody can tell what the bytes say; the message says what to do."""


def decode(data: bytes) -> str:
    """Give the text of a file in the encoding it seems to be in.  Raises: UnknownEncoding."""
    if data.startswith(_NOT_TEXT):
        raise UnknownEncoding("This is not a table saved as CSV: open it and save it as CSV (UTF-8)")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding)
    head = data[:256]
    if head.count(0) > _NUL_SHARE * len(head) and (found := from_bytes(data[:_SNIFFED_BYTES], cp_isolation=_WIDE).best()):
        return _decoded(data, found.encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(_western(data[:_SNIFFED_BYTES]), "replace")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UnknownEncoding("The encoding of the file cannot be told: save it as UTF-8") from None


def _western(data: bytes) -> str:
    """Tell which Western encoding bytes are in: another than Windows' only where that reads badly and the other reads as Spanish."""
    usual = data.decode(WINDOWS, "replace")
    if not _odd_places(usual):
        return WINDOWS
    spoken = _accents(usual)
    for encoding in _OTHERS:
        text = data.decode(encoding)
        beyond = {character for character in text if character > "\x7f"}
        if beyond <= _SPANISH | _NEUTRAL and _accents(text) > spoken and not _odd_places(text):
            return encoding
    return WINDOWS


def _accents(text: str) -> int:
    return sum(character in _SPANISH for character in text)


def _odd_places(text: str) -> int:
    """Count the places at which a reading is not what people write."""
    return sum(_is_odd(text, found.start()) for found in islice(re.finditer(r"[^\x00-\x7f]", text), _LOOKED_AT_MAX))


def _is_odd(text: str, at: int) -> bool:
    before, character, after = text[at - 1 : at], text[at], text[at + 1 : at + 2]
    if character in _NEVER_IN_WORDS and before.islower():
        return True
    if character not in _NEUTRAL and not character.isalpha():
        return before.isalpha() and after.isalpha()
    return (character.isupper() and before.islower()) or (character == "œ" and after != "u")
