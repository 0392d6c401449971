"""Whether a PDF can be printed and posted as it is: pages, size, margins, and an address that can be read in the window.

Spec: notify-api §17.
"""

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pypdf
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from notify.standards.postal_address import LINE_KEYS, Address, InvalidAddress, postal_address

PAGES_MAX = 10
# What a stream may become when it is unpacked: drawings, fonts' tables and packed objects; pictures (A4 in colour at 600 dots an inch).
STREAM_BYTES_MAX = 5 * 1024 * 1024
PICTURE_BYTES_MAX = 110 * 1024 * 1024
OBJECTS_MAX = 500
_LIMITS = pypdf.Configuration(
    zlib_maximum_output_length=STREAM_BYTES_MAX,
    lzw_maximum_output_length=STREAM_BYTES_MAX,
    run_length_maximum_output_length=STREAM_BYTES_MAX,
    array_based_stream_maximum_output_length=STREAM_BYTES_MAX,
    stream_decoding_work_maximum_length=4 * STREAM_BYTES_MAX,
    stream_parsing_work_maximum_count=500_000,
    page_tree_maximum_entries=50,
    page_tree_maximum_depth=20,
    xform_maximum_invocations_per_extraction=500,
)
"""Of the library that reads the file: one that would take it long is not read at all."""
MM = 72 / 25.4
A4 = (210.0, 297.0)
SIZE_TOLERANCE_MM = 2.0
SIDE_MARGIN_MM, TOP_MARGIN_MM = 15.0, 5.0
WINDOW_X, WINDOW_Y = (24.6, 120.0), (39.5, 66.3)
LINE_MM = 2.0
TAG = "NOTIFY"
_PIECE = 1024 * 1024

# What the address's own rules say, as the contract's codes.
_CODES = {
    "Address must be at least 3 lines": "not-enough-address-lines",
    "Address must be no more than 7 lines": "too-many-address-lines",
    "The first 2 lines of the address must both include at least one alphanumeric character": "invalid-address-line-1-or-2",
    "The last line of a BFPO address must not be a country.": "has-country-for-bfpo-address",
    "Must be a real UK postcode": "not-a-real-uk-postcode",
    "Last line of address must be a real UK postcode or another country": "not-a-real-uk-postcode-or-country",
    "Must be a real address": "no-fixed-abode-address",
}


class LetterRefused(ValueError):
    """The file cannot be posted; `code` is the contract's word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class CheckedLetter:
    """A file that can be printed: its pages and the address in its window."""

    pages: int
    address: Address


@dataclass(frozen=True)
class _Word:
    text: str
    x_mm: float
    y_mm: float


def check_letter(pdf: bytes, *, allow_international: bool, scheme: str = "uk") -> CheckedLetter:
    """Look into a PDF.  Raises: LetterRefused, with the first reason found."""
    try:
        with pypdf.apply_configuration(_LIMITS):
            return _check(pdf, allow_international=allow_international, scheme=scheme)
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OSError, zlib.error) as fault:
        if isinstance(fault, LetterRefused):
            raise
        raise LetterRefused("unable-to-read-the-file") from None


def _check(pdf: bytes, *, allow_international: bool, scheme: str) -> CheckedLetter:
    reader = pypdf.PdfReader(io.BytesIO(pdf), strict=False)
    if reader.is_encrypted:
        raise LetterRefused("unable-to-read-the-file")
    pages = len(reader.pages)
    if pages == 0:
        raise LetterRefused("unable-to-read-the-file")
    if pages > PAGES_MAX:
        raise LetterRefused("letter-too-long")
    if not all(_is_a4(page) for page in reader.pages):
        raise LetterRefused("letter-not-a4-portrait-oriented")
    for page in reader.pages:
        _refuse_bomb(page)
    words = [list(_words(page)) for page in reader.pages]
    if any(_is_outside(word) for page in words for word in page):
        tagged = any(TAG in word.text and _is_outside(word) for page in words for word in page)
        raise LetterRefused("notify-tag-found-in-content" if tagged else "content-outside-printable-area")
    return CheckedLetter(pages, _address(words[0], allow_international=allow_international, scheme=scheme))


def _is_a4(page: pypdf.PageObject) -> bool:
    width, height = float(page.mediabox.width) / MM, float(page.mediabox.height) / MM
    if page.rotation % 180:
        width, height = height, width
    return abs(width - A4[0]) <= SIZE_TOLERANCE_MM and abs(height - A4[1]) <= SIZE_TOLERANCE_MM


def _refuse_bomb(page: pypdf.PageObject) -> None:
    """Refuse a page whose streams blow up when they are unpacked, before anything unpacks them."""
    seen: set[int] = set()
    streams = [page.get("/Contents"), page.get("/Resources")]
    while streams:
        found = streams.pop()
        item = found.get_object() if found is not None else None
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        if len(seen) > OBJECTS_MAX:
            raise LetterRefused("unable-to-read-the-file")
        if isinstance(item, ArrayObject):
            streams.extend(item)
        elif isinstance(item, StreamObject):
            _refuse_bomb_stream(item)
        if isinstance(item, DictionaryObject):
            streams.extend(value for name, value in item.items() if name in {"/XObject", "/Resources"} or name.startswith("/Fm"))


def _refuse_bomb_stream(stream: StreamObject) -> None:
    filters = stream.get("/Filter")
    names = [filters] if isinstance(filters, str) else list(filters or ())
    if names.count("/FlateDecode") > 1 or len(names) > 2:
        raise LetterRefused("unable-to-read-the-file")
    if names[:1] == ["/FlateDecode"]:
        most = PICTURE_BYTES_MAX if stream.get("/Subtype") == "/Image" else STREAM_BYTES_MAX
        unpacking, packed, unpacked = zlib.decompressobj(), stream._data, 0  # pypdf gives the packed bytes nowhere else
        while part := unpacking.decompress(packed, _PIECE):
            unpacked, packed = unpacked + len(part), unpacking.unconsumed_tail
            if unpacked > most:
                raise LetterRefused("unable-to-read-the-file")


def _words(page: pypdf.PageObject) -> Iterator[_Word]:
    found: list[_Word] = []
    height = float(page.mediabox.height)

    def keep(text: str, cm: list[float], tm: list[float], *_font: object) -> None:
        if text.strip():
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            found.append(_Word(text.strip("\n"), x / MM, (height - y) / MM))

    page.extract_text(visitor_text=keep)
    yield from found


def _is_outside(word: _Word) -> bool:
    across = SIDE_MARGIN_MM - 1 <= word.x_mm <= A4[0] - SIDE_MARGIN_MM + 1
    return not across or not TOP_MARGIN_MM <= word.y_mm <= A4[1] - TOP_MARGIN_MM


def _address(words: list[_Word], *, allow_international: bool, scheme: str) -> Address:
    inside = [w for w in words if WINDOW_X[0] - 1 <= w.x_mm <= WINDOW_X[1] and WINDOW_Y[0] <= w.y_mm <= WINDOW_Y[1] + LINE_MM]
    lines: list[tuple[float, str]] = []
    for word in sorted(inside, key=lambda word: (round(word.y_mm, 1), word.x_mm)):
        if lines and abs(lines[-1][0] - word.y_mm) < LINE_MM:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {word.text}")
        else:
            lines.append((word.y_mm, word.text))
    texts = [line.strip() for _, text in lines for line in text.splitlines() if line.strip()]
    if not texts:
        raise LetterRefused("address-is-empty")
    if len(texts) > len(LINE_KEYS):
        raise LetterRefused("too-many-address-lines")
    try:
        address = postal_address(dict(zip(LINE_KEYS, texts, strict=False)), scheme=scheme)
    except InvalidAddress as fault:
        told = str(fault)
        if "comuna" in told:
            raise LetterRefused("not-a-real-comuna") from None
        if told.startswith("Last line") and not allow_international:
            raise LetterRefused("not-a-real-uk-postcode") from None
        raise LetterRefused(_CODES.get(told, "invalid-char-in-address")) from None
    if address.international and not allow_international:
        raise LetterRefused("cant-send-international-letters")
    return address
