"""The pages of a letter: A4, address window, fonts embedded, QR codes with their words.  Spec: notify-api §17; ADR 0006."""

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import pypdf
import segno
import structlog
import typst

from notify.models.catalogue import KnownBrand, KnownTemplate
from notify.operations.checks import QR_BYTES_MAX
from notify.operations.rendering import Content, compose
from notify.standards.email_markdown import printable_blocks
from notify.standards.readability import measure

PAGES_MAX = 10
CHARACTERS_MAX, CODES_MAX = 200_000, 200
"""Far more than ten pages hold."""
log = structlog.get_logger("andamio.notify.letters")
LAYOUT = Path(__file__).resolve().parents[1] / "templates" / "notify"
SCREEN_DOTS_PER_INCH = 72
_QR_LINE = re.compile(r"^[ \t]*QR:[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Rendered:
    """A letter's pages."""

    pdf: bytes
    pages: int


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What is printed around the words of a letter."""

    address: tuple[str, ...]
    service_name: str
    date: str
    reference: str | None = None
    brand: KnownBrand | None = None


def may_be_set(content: Content, address: Sequence[str]) -> bool:
    """Tell whether a letter could have ten pages; what is far longer could take minutes to set."""
    characters = sum(len(part) for part in (content.subject or "", content.body, *address))
    return characters <= CHARACTERS_MAX and sum(1 for _ in _QR_LINE.finditer(content.body)) <= CODES_MAX


def letter_pdf(template: KnownTemplate, values: dict[str, object], sheet: Sheet) -> Rendered:
    """Lay a letter out on A4, tagged for screen readers (PDF/UA-1).

    That standard refuses a sign that no font of ours draws, and a subject of nothing: such a letter goes without it, with a box for the
    sign, since a letter that never leaves serves nobody.
    """
    said = json.dumps(_said(template, values, sheet))
    try:
        pdf = _set(said, "ua-1")
    except typst.TypstError:  # its text may quote the letter
        log.warning("a letter does not meet PDF/UA", template=str(template.id), version=template.version)
        pdf = _set(said, None)
    return Rendered(pdf, len(pypdf.PdfReader(io.BytesIO(pdf)).pages))


def _set(said: str, standard: Literal["ua-1"] | None) -> bytes:
    return typst.compile(
        LAYOUT / "letter.typ",
        format="pdf",
        font_paths=[LAYOUT / "fonts"],
        ignore_system_fonts=True,
        sys_inputs={"letter": said},
        pdf_standards=standard,
    )


def letter_pictures(template: KnownTemplate, values: dict[str, object], sheet: Sheet) -> list[bytes]:
    """Give the same pages as pictures (PNG), for the screen."""
    made: object = typst.compile(
        LAYOUT / "letter.typ",
        format="png",
        ppi=SCREEN_DOTS_PER_INCH,
        font_paths=[LAYOUT / "fonts"],
        ignore_system_fonts=True,
        sys_inputs={"letter": json.dumps(_said(template, values, sheet))},
    )
    return list(made) if isinstance(made, list) else [cast(bytes, made)]  # one page comes alone


def _said(template: KnownTemplate, values: dict[str, object], sheet: Sheet) -> dict[str, object]:
    content = compose(template, values)
    return {
        "language": measure(f"{content.subject}\n{content.body}").language,
        "subject": content.subject,
        "body": _body(content.body),
        "address": sheet.address,
        "contact": (template.contact_block or "").splitlines(),
        "service_name": sheet.service_name,
        "date": sheet.date,
        "reference": sheet.reference,
        "organisation": sheet.brand.name if sheet.brand else None,
        "logo": _logo(sheet.brand.logo) if sheet.brand and sheet.brand.logo else None,
    }


def _logo(png: bytes) -> str:
    """Give a logo as a drawing that holds it: what goes to the layout is text."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))  # of the PNG's head
    picture = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    size = f'width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}"><image {size} href="{picture}"/></svg>'


def _body(source: str) -> list[dict[str, object]]:
    """Read the body as blocks, with each line `QR: …` as a code and, under it, its words for those who cannot scan."""
    found: list[dict[str, object]] = []
    at = 0
    for match in _QR_LINE.finditer(source):
        found += printable_blocks(source[at : match.start()])
        words = match[1].strip()
        if len(words.encode()) > QR_BYTES_MAX:  # refused when it is to be sent; a draft shows the words alone
            found += printable_blocks(words)
        else:
            picture = segno.make(words, error="m", micro=False).svg_inline(scale=3, border=2)
            found.append({"kind": "code", "picture": picture, "words": words})
        at = match.end()
    return _ranked(found + printable_blocks(source[at:]))


def _ranked(blocks: list[dict[str, object]]) -> list[dict[str, object]]:
    """Let a heading of the lower rank with none of the higher before it stand for one: PDF/UA refuses ranks that are skipped."""
    has_higher = False
    for block in blocks:
        if block["kind"] == "h3" and not has_higher:
            block["kind"] = "h2"
        has_higher = has_higher or block["kind"] == "h2"
    return blocks
