"""Vectors of trust: how a person was checked once, and how they signed in now.  Spec: RFC 8485, identity-oidc §2.26."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from identity.errors import OAuthInvalidRequest
from identity.standards import acr, json_text

PROOFING = ("P0", "P1", "P2", "P3")
"""`NS:ip:0` to `NS:ip:3`."""
CREDENTIALS = ("Ca", "Cb", "Cc")
"""One factor, two, and two that cannot be phished: the levels of `acr` in the same order."""
LENGTH_MAX, VECTORS_MAX = 512, 8


@dataclass(frozen=True)
class Vector:
    """What is asked: the least proofing, 0 to 3, and the least level of sign-in; None where that was not said."""

    proofing: int
    level: str | None


def parse(text: str | None) -> tuple[str, ...]:
    """Return the vectors of `vtr`, best first.  Raises: OAuthInvalidRequest."""
    if text is None:
        return ()
    try:
        found = json_text.load(text, length_max=LENGTH_MAX)
    except ValueError:
        found = None
    if not isinstance(found, list) or not 1 <= len(found) <= VECTORS_MAX or not all(isinstance(vector, str) for vector in found):
        raise OAuthInvalidRequest("vtr is a JSON array of vectors")
    for vector in found:
        read(vector)
    return tuple(found)


def read(vector: str) -> Vector:
    """Read one vector such as `P2.Cb`.  Raises: OAuthInvalidRequest for components unknown here, or two of one kind."""
    proofing = [PROOFING.index(part) for part in vector.split(".") if part in PROOFING]
    levels = [acr.LEVELS[CREDENTIALS.index(part)] for part in vector.split(".") if part in CREDENTIALS]
    if len(proofing) > 1 or len(levels) > 1 or len(proofing) + len(levels) != len(vector.split(".")):
        raise OAuthInvalidRequest("vtr has a vector that is not known here")
    return Vector(proofing[0] if proofing else 0, levels[0] if levels else None)


def told(proofing: int, level: str) -> str:
    """Return the vector that a sign-in reached, for `vot`."""
    return f"{PROOFING[proofing]}.{CREDENTIALS[acr.LEVELS.index(level)] if level in acr.LEVELS else CREDENTIALS[0]}"


def as_text(vectors: Iterable[str]) -> str:
    """Return vectors as the parameter was."""
    return json.dumps(list(vectors))
