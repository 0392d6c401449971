"""Files of evidence: PDF and pictures, looked into, and made anew as pages of one document, so that nothing of them runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

import pypdf
from PIL import Image, ImageOps
from pypdf.generic import DictionaryObject

FILES_MAX, BYTES_MAX, PAGES_MAX = 5, 4_000_000, 40
"""What all files of an answer may have together: card networks take 4.5 MB and 50 pages, the letter is some of it."""
SIDE_MAX, PAGE_SIDE = 10_000, 2_000
NAME_MAX = 100
_ACTIONS = ("/A", "/AA")


class UnreadableFile(ValueError):
    """The bytes are no PDF and no picture that can be read, or one with a password."""


@dataclass(frozen=True)
class EvidenceFile:
    """One file as it was given."""

    name: str
    content: bytes = field(repr=False)


def file_name(given: str) -> str:
    """Return a file's name without its folders, on one line, not too long."""
    name = "".join(letter for letter in given.replace("\\", "/").rpartition("/")[2] if letter.isprintable())
    return " ".join(name.split())[-NAME_MAX:] or "?"


def pages_of(file: EvidenceFile) -> list[pypdf.PageObject]:
    """Return a file as pages without actions.  Raises: UnreadableFile."""
    try:
        content = file.content if file.content.startswith(b"%PDF-") else _picture_page(file.content)
        found = [_tame(page) for page in pypdf.PdfReader(BytesIO(content), strict=False).pages[: PAGES_MAX + 1]]
    except Exception as error:  # noqa: BLE001 - the decoders raise what they like on files that lie
        raise UnreadableFile(type(error).__name__) from None
    if not found:
        raise UnreadableFile("no pages")
    return found


def joined(letter: bytes, files: Sequence[EvidenceFile]) -> bytes:
    """Return a letter and the pages of all files as one PDF.  Raises: UnreadableFile."""
    if not files:
        return letter
    writer = pypdf.PdfWriter(clone_from=BytesIO(letter))
    for file in files:
        for page in pages_of(file):
            writer.add_page(page)
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def _picture_page(content: bytes) -> bytes:
    with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as found:
        if max(found.size) > SIDE_MAX:  # known from the head of the file, before anything is unpacked
            raise UnreadableFile("too large")
        upright = ImageOps.exif_transpose(found).convert("RGBA")
    upright.thumbnail((PAGE_SIDE, PAGE_SIDE))
    page = Image.new("RGB", upright.size, "white")
    page.paste(upright, mask=upright)
    made = BytesIO()
    page.save(made, "PDF", resolution=200)
    return made.getvalue()


def _tame(page: pypdf.PageObject) -> pypdf.PageObject:
    page.pop("/AA", None)
    for mark in page.annotations or ():
        found = mark.get_object()
        if isinstance(found, DictionaryObject):
            for action in _ACTIONS:
                found.pop(action, None)
    return page
