"""What a slip carries for machines: a QR code that opens the payment page, and a Code 128 of number and amount.

Spec: pay-design.md §8; ISO/IEC 18004 (QR), ISO/IEC 15417 (Code 128).  Both are SVG, so that they print sharply.
"""

from urllib.parse import parse_qs, urlsplit

import segno
from barcode.codex import Code128  # type: ignore[import-untyped]  # the library has no types

from pay.standards.notice_number import LENGTH, NoticeNumber, read_number

AMOUNT_DIGITS = 12
QUIET_MODULES = 10
BAR_HEIGHT = 60


def qr_text(base_url: str, number: NoticeNumber, amount_minor: int) -> str:
    """Return what the QR code says: an address that a phone opens and a till reads."""
    return f"{base_url}/notice/{number}?amount={amount_minor}"


def read_qr_text(text: str) -> tuple[NoticeNumber, int] | None:
    """Return number and amount of a QR code's text, or None."""
    parts = urlsplit(text)
    number = read_number(parts.path.rpartition("/")[2])
    amount = parse_qs(parts.query).get("amount", [""])[0]
    return (number, int(amount)) if number and amount.isascii() and amount.isdigit() else None


def code_128_text(number: NoticeNumber, amount_minor: int) -> str:
    """Return the digits of the bar code: the number, then the amount in minor units, padded to 12 digits."""
    if not 0 <= amount_minor < 10**AMOUNT_DIGITS:
        raise ValueError("the amount is too long for the bar code")
    return f"{number}{amount_minor:0{AMOUNT_DIGITS}d}"


def read_code_128_text(text: str) -> tuple[NoticeNumber, int] | None:
    """Return number and amount of a bar code's digits, or None."""
    if len(text) != LENGTH + AMOUNT_DIGITS or not text.isascii() or not text.isdigit():
        return None
    number = read_number(text[:LENGTH])
    return (number, int(text[LENGTH:])) if number else None


def qr_svg(text: str) -> str:
    """Return a QR code, error correction M, with its quiet zone."""
    return segno.make(text, error="m", micro=False).svg_inline(scale=4, border=4)


def code_128_svg(digits: str) -> str:
    """Return a Code 128 with its quiet zones; pairs of digits share a symbol, so that it stays short."""
    modules = "".join(Code128(digits).build())
    width = len(modules) + 2 * QUIET_MODULES
    bars = []
    start = 0
    for end in range(1, len(modules) + 1):
        if end == len(modules) or modules[end] != modules[start]:
            if modules[start] == "1":
                bars.append(f'<rect x="{QUIET_MODULES + start}" y="0" width="{end - start}" height="{BAR_HEIGHT}"/>')
            start = end
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{BAR_HEIGHT}" viewBox="0 0 {width} {BAR_HEIGHT}">'
        f'<rect width="{width}" height="{BAR_HEIGHT}" fill="#fff"/>{"".join(bars)}</svg>'
    )
