"""Canonical JSON, and the commitments that stand in it where a personal value would.  Spec: RFC 8785."""

import hashlib
import json
import re
from collections.abc import Mapping

import rfc8785

SALT_BYTES = 16
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def canonical(value: Mapping[str, object]) -> str:
    """Return the one JSON text of a value.

    Raises: ValueError for what has no canonical form (not a JSON type, an integer past 2**53, NaN, a lone surrogate).
    Spec: RFC 8785 §3.2.
    """
    try:
        return rfc8785.dumps(value).decode()  # type: ignore[arg-type]  # it checks the values itself, member by member
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise ValueError(f"no canonical form: {error}") from error


def parse_core(core: str) -> dict[str, object]:
    """Read a core back.  Raises: ValueError unless it is a JSON object."""
    value = json.loads(core)
    if not isinstance(value, dict):
        raise ValueError("a core is a JSON object")  # noqa: TRY004 - a fault of the text, like any other that json reports
    return value


def holds_nul(text: bytes) -> bool:
    """True for JSON with U+0000 in it, escaped or not: PostgreSQL keeps it in no text, and later fails to read it in JSON."""
    return b"\x00" in text or _NUL.search(text) is not None


def commit(salt: bytes, text: str) -> str:
    """Return the commitment to `scheme:value`: hex SHA-256 of salt ‖ text.

    The salt keeps the few million RUNs from being tried one by one; once it is erased, the commitment says nothing.
    Raises: ValueError unless the salt has 16 bytes (a longer one could borrow bytes from the text).
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return hashlib.sha256(salt + text.encode()).hexdigest()
