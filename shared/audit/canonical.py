"""Canonical JSON, and the commitments that stand in it where a personal value would.  Spec: RFC 8785."""

import hashlib
import json
import re
from collections.abc import Mapping

import rfc8785

SALT_BYTES = 16
SAFE_INTEGER = 2**53 - 1
_PLAIN = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def canonical(value: Mapping[str, object]) -> str:
    """Return the one JSON text of a value.

    Raises: ValueError for what has no canonical form (not a JSON type, an integer past 2**53, NaN, a lone surrogate).
    Spec: RFC 8785 §3.2.
    """
    try:
        if _is_plain(value):  # nearly all are; ours is written in C, and every row of the log is written so
            text = _PLAIN.encode(value)
            text.encode()  # a lone surrogate has no form
            return text
        return rfc8785.dumps(value).decode()  # type: ignore[arg-type]  # it checks the values itself, member by member
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise ValueError(f"no canonical form: {error}") from error


def _is_plain(value: object) -> bool:
    """True for what Python's json writes just as RFC 8785 asks: names that sort alike by bytes and by UTF-16, numbers that are whole."""
    if isinstance(value, str) or value is None or value is True or value is False:
        return True
    if isinstance(value, int):
        return -SAFE_INTEGER <= value <= SAFE_INTEGER
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return isinstance(value, dict) and all(isinstance(name, str) and name.isascii() and _is_plain(item) for name, item in value.items())


def parse_core(core: str) -> dict[str, object]:
    """Read a core back.  Raises: ValueError unless it is a JSON object."""
    value = json.loads(core)
    if not isinstance(value, dict):
        raise ValueError("a core is a JSON object")  # noqa: TRY004 - a fault of the text, like any other that json reports
    return value


def holds_nul(text: bytes) -> bool:
    """True for JSON with U+0000 in it, escaped or not: PostgreSQL keeps it in no text, and later fails to read it in JSON."""
    return b"\x00" in text or (b"\\u0000" in text and _NUL.search(text) is not None)


def commit(salt: bytes, text: str) -> str:
    """Return the commitment to `scheme:value`: hex SHA-256 of salt ‖ text.

    The salt keeps the few million RUNs from being tried one by one; once it is erased, the commitment says nothing.
    Raises: ValueError unless the salt has 16 bytes (a longer one could borrow bytes from the text).
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return hashlib.sha256(salt + text.encode()).hexdigest()
