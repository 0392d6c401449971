"""Token Status List: many states in few bytes, signed.  Spec: draft-ietf-oauth-status-list-21; wallet contract §13.

A state has 1, 2, 4 or 8 bits; the first entry stands in the least significant bits of the first byte.
"""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from joserfc.jwk import ECKey

from wallet.standards import signing

TYP = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"
BITS = (1, 2, 4, 8)
BYTES_MAX = 16 * 1024 * 1024
LST_CHARACTERS_MAX = 8 * 1024 * 1024


class Status(IntEnum):
    """What an entry says."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


class BadStatusList(Exception):
    """The list cannot be believed or read."""


def pack(statuses: Mapping[int, int], *, size: int, bits: int) -> bytes:
    """Return the bytes of a list of `size` entries; those not named are VALID.  Raises: ValueError."""
    if bits not in BITS or any(not 0 <= value < 1 << bits for value in statuses.values()):
        raise ValueError("a status does not fit its bits")
    per_byte = 8 // bits
    packed = bytearray((size + per_byte - 1) // per_byte)
    for index, value in statuses.items():
        if not 0 <= index < size:
            raise ValueError("no such entry in the list")
        packed[index // per_byte] |= value << (index % per_byte) * bits
    return bytes(packed)


def status_at(packed: bytes, index: int, *, bits: int) -> int:
    """Return one entry.  Raises: BadStatusList when the list has no such entry."""
    per_byte = 8 // bits
    if index < 0 or index // per_byte >= len(packed):
        raise BadStatusList("no such entry")
    return packed[index // per_byte] >> (index % per_byte) * bits & ((1 << bits) - 1)


def encode(packed: bytes) -> str:
    """Return the `lst` member: compressed, in base64url without padding."""
    return base64.urlsafe_b64encode(zlib.compress(packed, 9)).rstrip(b"=").decode()


def decode(lst: str, *, bytes_max: int = BYTES_MAX) -> bytes:
    """Return the bytes of an `lst` member, at most so many (a small text can stand for a huge list).  Raises: BadStatusList."""
    if len(lst) > LST_CHARACTERS_MAX:
        raise BadStatusList("too long")
    try:
        inflater = zlib.decompressobj()
        packed = inflater.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)), bytes_max + 1)
    except (ValueError, zlib.error) as error:
        raise BadStatusList("not a compressed list") from error
    if len(packed) > bytes_max or not inflater.eof:
        raise BadStatusList("too large, or cut off")
    return packed


def sign_list(packed: bytes, *, bits: int, uri: str, signed_at: datetime, ttl_seconds: int, aggregation_uri: str, key: ECKey) -> str:
    """Return the signed list."""
    issued = int(signed_at.timestamp())
    members = {"bits": bits, "lst": encode(packed), "aggregation_uri": aggregation_uri}
    payload = {"sub": uri, "iat": issued, "exp": issued + 24 * 3600, "ttl": ttl_seconds, "status_list": members}
    return signing.sign(payload, key=key, typ=TYP)


@dataclass(frozen=True)
class ReadList:
    """A list that was believed: its bytes, and when it was signed and is to be fetched again."""

    packed: bytes
    bits: int
    issued: int
    ttl_seconds: int

    def is_fresh(self, now: int) -> bool:
        """True while it need not be fetched again."""
        return now < self.issued + self.ttl_seconds

    def status(self, index: int) -> Status:
        """Return an entry.  Raises: BadStatusList for one that is not there, or says something unknown."""
        value = status_at(self.packed, index, bits=self.bits)
        if value not in set(Status):
            raise BadStatusList("an unknown status")
        return Status(value)


def read_list(token: str, *, uri: str, keys: Mapping[str, ECKey], now: int) -> ReadList:
    """Return a list whose type, signature, subject and times are right.  Raises: BadStatusList.  Spec: TS4."""
    try:
        payload: dict[str, Any] = signing.verify(token, keys=keys, typ=TYP, characters_max=LST_CHARACTERS_MAX)
    except signing.BadSignature as error:
        raise BadStatusList("not signed as it should be") from error
    issued, expires, ttl, members = payload.get("iat"), payload.get("exp"), payload.get("ttl", 60), payload.get("status_list")
    if payload.get("sub") != uri or type(issued) is not int or issued > now + 30:
        raise BadStatusList("of another list, or of another time")
    if (expires is not None and (type(expires) is not int or expires <= now)) or type(ttl) is not int or ttl <= 0:
        raise BadStatusList("it has expired")
    if not isinstance(members, dict) or members.get("bits") not in BITS or not isinstance(members.get("lst"), str):
        raise BadStatusList("no list in it")
    return ReadList(decode(members["lst"]), members["bits"], issued, ttl)
