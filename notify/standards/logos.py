"""Logos and colours that teams send: pictures are made anew as PNG, colours are such that white words on them can be read."""

import re
from io import BytesIO

from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")
"""No SVG: it is a program."""
BYTES_MAX, SIDE_MAX = 500 * 1024, 4_096
WIDTH, HEIGHT = 480, 120
CONTRAST_MIN = 4.5
_COLOUR = re.compile(r"#[0-9a-f]{6}")


class NotALogo(ValueError):
    """The bytes are no picture of a kind that is taken, or one that is too large."""


def as_logo(content: bytes) -> bytes:
    """Return a picture as PNG, at most 480 by 120 points, with nothing else of the file.  Raises: NotALogo."""
    if len(content) > BYTES_MAX:
        raise NotALogo("too large")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as found:
            if max(found.size) > SIDE_MAX:  # known from the head of the file, before anything is unpacked
                raise NotALogo("too large")
            picture = found.convert("RGBA")
    except NotALogo:
        raise
    except Exception as error:  # noqa: BLE001 - the decoders raise what they like on files that lie
        raise NotALogo(type(error).__name__) from None
    picture.thumbnail((WIDTH, HEIGHT))
    made = BytesIO()
    picture.save(made, "PNG", optimize=True, icc_profile=None)
    return made.getvalue()


def colour(text: str) -> str | None:
    """Return a colour as `#rrggbb`, or None where it is none or white words on it could not be read (WCAG 2.2, 1.4.3)."""
    found = text.strip().lower()
    if not _COLOUR.fullmatch(found):
        return None
    return found if 1.05 / (_luminance(found) + 0.05) >= CONTRAST_MIN else None


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
