"""Canonical JSON and the hashes made over it.  Spec: RFC 8785; wallet contract §3, §10.2."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Union

import rfc8785

Json = Union[str, int, float, bool, None, Sequence["Json"], Mapping[str, "Json"]]  # noqa: UP007 - a recursive type needs its name quoted
"""What may stand in a hashed record."""

FIRST_PREVIOUS = bytes(32)


def canonical(value: Json) -> bytes:
    """Return the canonical bytes of a JSON value.  Spec: RFC 8785."""
    return rfc8785.dumps(value)


def sha256_of(value: Json) -> str:
    """Return the hex SHA-256 over the canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()


def chained_hash(previous: bytes, event: Mapping[str, Json]) -> bytes:
    """Return `SHA-256(previous ‖ canonical(event))`, the link of a chain of events.  Spec: wallet contract §3."""
    return hashlib.sha256(previous + canonical(event)).digest()


def fingerprint(body: object) -> str:
    """Return the hex SHA-256 of a JSON body as it was read, whatever its order and spaces; a repeat has the same.

    Raises: ValueError for what has no canonical form (an integer past 2**53, NaN, a lone surrogate).
    """
    try:
        return hashlib.sha256(rfc8785.dumps(body)).hexdigest()  # type: ignore[arg-type]  # it checks the values itself
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise ValueError("no canonical form") from error
