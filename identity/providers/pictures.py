"""Pictures that strangers send: read with care, and made anew, so that nothing of the original file goes on."""

from io import BytesIO

from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
"""No SVG: it is a program."""
SIDE_MAX, SMALL = 4_096, 96


class NotAPicture(ValueError):
    """The bytes are no picture of a kind that is taken, or one that is too large."""


def as_small_png(content: bytes) -> bytes:
    """Return a picture as PNG, at most 96 points wide and high.  Raises: NotAPicture."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as found:
            if max(found.size) > SIDE_MAX:  # known from the head of the file, before anything is unpacked
                raise NotAPicture("too large")
            picture = found.convert("RGBA")
    except NotAPicture:
        raise
    except Exception as error:  # noqa: BLE001 - the decoders raise what they like on files that lie
        raise NotAPicture(type(error).__name__) from None
    picture.thumbnail((SMALL, SMALL))
    made = BytesIO()
    picture.save(made, "PNG", optimize=True)
    return made.getvalue()
