"""Characters that people paste without seeing them."""

import re

_INVISIBLE = re.compile("[\u180e\u200b\u200c\u200d\u2060\ufeff\u00ad]")


def strip_invisible(text: str) -> str:
    """Drop zero-width characters anywhere, and whitespace at both ends."""
    return _INVISIBLE.sub("", text).strip()
