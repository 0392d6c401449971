"""Files that may be large: in their rows, or as objects of a bucket.  What comes here is sealed already.

A row's column holds the file itself or nothing; nothing says that it is in the bucket, under the file's name.  So both may be
read at any time, and files may be moved while everything runs.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from shared.s3 import Bucket


class FileGone(LookupError):
    """A row says that its file is in the bucket, and there it is not."""


class FileStore(Protocol):
    """Where files are kept.  A call may go over the network: none stands inside a transaction."""

    def keep(self, name: str, sealed: bytes) -> bytes:
        """Keep a file; return what its row is to hold.  Raises: BucketAway."""
        ...

    def read(self, name: str, held: bytes) -> bytes:
        """Give a file by its name and what its row holds.  Raises: FileGone, BucketAway."""
        ...

    def names(self, prefix: str, *, after: str = "", before: str) -> Iterator[str]:
        """Give the names of files outside the rows that begin with a prefix and stand between two others.  Raises: BucketAway."""
        ...

    def forget(self, names: Iterable[str]) -> None:
        """Delete files outside the rows; twice is once.  What stands in a row goes with it.  Raises: BucketAway."""
        ...


class InBucket:
    """Each file is an object."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def keep(self, name: str, sealed: bytes) -> bytes:
        """Put it into the bucket before its row is written: what was accepted is there."""
        self._bucket.put(name, sealed)
        return b""

    def read(self, name: str, held: bytes) -> bytes:
        """Give what the row holds, from before files were moved, or the object."""
        found = held or self._bucket.get(name)
        if found is None:
            raise FileGone(name)
        return found

    def names(self, prefix: str, *, after: str = "", before: str) -> Iterator[str]:
        """List the bucket."""
        return self._bucket.names(prefix, after=after, before=before)

    def forget(self, names: Iterable[str]) -> None:
        """Delete objects."""
        self._bucket.delete(names)


class InRows:
    """Each file stands in its row; `behind` knows those that were put into a bucket before."""

    def __init__(self, behind: InBucket | None = None) -> None:
        self._behind = behind

    def keep(self, name: str, sealed: bytes) -> bytes:
        """Leave it to the row."""
        return sealed

    def read(self, name: str, held: bytes) -> bytes:
        """Give what the row holds, or what is in the bucket still."""
        if held:
            return held
        if self._behind is None:
            raise FileGone(name)
        return self._behind.read(name, held)

    def names(self, prefix: str, *, after: str = "", before: str) -> Iterator[str]:
        """List what is in the bucket still."""
        return self._behind.names(prefix, after=after, before=before) if self._behind else iter(())

    def forget(self, names: Iterable[str]) -> None:
        """Delete what is in the bucket still."""
        if self._behind:
            self._behind.forget(names)
