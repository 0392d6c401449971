"""Receipt codes: 16 characters without look-alikes, read aloud in groups of four.  Spec: requirements PA-7; Crockford's base 32."""

import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
_LOOK_ALIKE = str.maketrans("ILO", "110")


def read_code(text: str) -> str | None:
    """Return the code that somebody typed or scanned, with or without gaps; None when it is none."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(_LOOK_ALIKE)
    return plain if re.fullmatch(f"[{ALPHABET}]{{{LENGTH}}}", plain) else None
