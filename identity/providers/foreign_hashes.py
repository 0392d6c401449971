"""Password hashes that come from other institutions: bcrypt and PBKDF2, checked once and then made anew (PW-8)."""

import base64
import hashlib
import hmac
import re

import bcrypt

FOREIGN_VERSION = ""
"""Such a hash has no pepper of ours."""
BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
PBKDF2 = re.compile(r"\$pbkdf2-(sha256|sha512)\$(\d{1,8})\$([./A-Za-z0-9]+)\$([./A-Za-z0-9]+)")
BCRYPT_BYTES_MAX = 72
COST_MAX, ROUNDS_MAX = 16, 2_000_000
"""Beyond, one sign-in would hold a process for seconds."""


def is_known(text: str) -> bool:
    """Answer whether a hash is of a form that can be taken over."""
    if found := BCRYPT.fullmatch(text):
        return 4 <= int(found[1]) <= COST_MAX
    found = PBKDF2.fullmatch(text)
    return found is not None and 1 <= int(found[2]) <= ROUNDS_MAX and bool(_decode(found[3])) and bool(_decode(found[4]))


def verify(text: str, password: str) -> bool:
    """Answer whether a password is the one of a foreign hash, as the institution before has checked it."""
    plain = password.encode("utf-8", "surrogatepass")
    if BCRYPT.fullmatch(text):
        # Older programs cut at 72 bytes, so their hashes know no more.
        return bcrypt.checkpw(plain[:BCRYPT_BYTES_MAX], text.encode()) if b"\0" not in plain else False
    found = PBKDF2.fullmatch(text)
    if found is None:
        return False
    expected = _decode(found[4])
    made = hashlib.pbkdf2_hmac(found[1], plain, _decode(found[3]), int(found[2]), len(expected))
    return hmac.compare_digest(made, expected)


def _decode(text: str) -> bytes:
    """Read the base64 of modular crypt strings: a dot for plus, no padding."""
    try:
        return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
