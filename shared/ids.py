"""Identifiers and randomness come in through an Ids, so that tests own them."""

import base64
import random
import secrets
import time
import uuid
from typing import Protocol


class Ids(Protocol):
    """Makes identifiers and secrets."""

    def uuid4(self) -> uuid.UUID:
        """Return a random UUID."""
        ...

    def uuid7(self) -> uuid.UUID:
        """Return a UUID that sorts by the time of its making.  Spec: RFC 9562 §5.7."""
        ...

    def token(self, bytes_n: int = 32) -> str:
        """Return `bytes_n` random bytes as base64url without padding."""
        ...

    def pick(self, alphabet: str, length: int) -> str:
        """Return `length` characters of the alphabet, each as likely as the others."""
        ...


def _uuid7(milliseconds: int, tail: int) -> uuid.UUID:
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (tail >> 62 & 0xFFF) << 64 | 0b10 << 62 | tail & (2**62 - 1)
    return uuid.UUID(int=value)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SystemIds:
    """Randomness of the operating system."""

    def uuid4(self) -> uuid.UUID:
        """Return a random UUID."""
        return uuid.uuid4()

    def uuid7(self) -> uuid.UUID:
        """Return a UUID that sorts by the time of its making."""
        return _uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))

    def token(self, bytes_n: int = 32) -> str:
        """Return `bytes_n` random bytes as base64url without padding."""
        return _base64url(secrets.token_bytes(bytes_n))

    def pick(self, alphabet: str, length: int) -> str:
        """Return `length` characters of the alphabet."""
        return "".join(secrets.choice(alphabet) for _ in range(length))


class SeededIds:
    """Repeatable identifiers, for tests only."""

    def __init__(self, seed: int = 0) -> None:
        # A repeatable source on purpose: nothing outside tests makes one of these.
        self._random = random.Random(seed)  # noqa: S311
        self._milliseconds = 1_700_000_000_000

    def uuid4(self) -> uuid.UUID:
        """Return the next UUID of the sequence."""
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    def uuid7(self) -> uuid.UUID:
        """Return the next UUID of the sequence, later than the one before."""
        self._milliseconds += 1
        return _uuid7(self._milliseconds, self._random.getrandbits(74))

    def token(self, bytes_n: int = 32) -> str:
        """Return the next `bytes_n` bytes as base64url."""
        return _base64url(self._random.randbytes(bytes_n))

    def pick(self, alphabet: str, length: int) -> str:
        """Return the next `length` characters of the alphabet."""
        return "".join(self._random.choice(alphabet) for _ in range(length))
