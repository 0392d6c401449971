"""A local file of breached passwords: sorted prefixes of their SHA-1, searched in place (PW-6).

Ten bytes a password: a corpus of a thousand million takes 10 GB of disk and no memory.  The file is made from the published lists of
SHA-1 hashes with `flask --app identity.app identity make-breach-file`.
"""

import hashlib
import mmap
from collections.abc import Iterable
from pathlib import Path

PREFIX_BYTES = 10


class NoBreachFile:
    """No corpus is installed: the list of common passwords alone is asked."""

    def has(self, password: str) -> bool:
        """Never."""
        return False


class BreachFile:
    """One file, mapped into memory and shared by all processes."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._map) % PREFIX_BYTES:
            raise ValueError(f"{path} is not a breach file")

    def has(self, password: str) -> bool:
        """Answer by binary search: some thirty comparisons."""
        wanted = prefix_of(password)
        low, high = 0, len(self._map) // PREFIX_BYTES
        while low < high:
            middle = (low + high) // 2
            found = self._map[middle * PREFIX_BYTES : (middle + 1) * PREFIX_BYTES]
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False


def prefix_of(password: str) -> bytes:
    """Return what the file holds of a password."""
    return hashlib.sha1(password.encode(), usedforsecurity=False).digest()[:PREFIX_BYTES]


def write_breach_file(lines: Iterable[str], path: Path) -> int:
    """Write a file from lines `SHA1[:count]` in ascending order, as corpora are published; return how many.

    Raises: ValueError for a line out of order or of another form.
    """
    last, written = b"", 0
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("wb") as file:
        for line in lines:
            prefix = bytes.fromhex(line.split(":", 1)[0].strip())[:PREFIX_BYTES]
            if len(prefix) != PREFIX_BYTES or prefix < last:
                raise ValueError("the lines must be SHA-1 hashes in ascending order")
            if prefix != last:
                file.write(prefix)
                written += 1
            last = prefix
    unfinished.replace(path)
    return written
