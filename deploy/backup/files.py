"""The files that notify has in a bucket: copied beside the dump, and put back into their rows.

They go back into rows and not into a bucket: a restored copy stands by itself, and what was deleted from the bucket since never
comes back there.  `andamio files move` takes them to a bucket.
"""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from deploy.backup import index
from deploy.backup.index import ABSENT, FOLDER, LIST, Files, sha256_of
from deploy.errors import CannotStart
from notify.context import Notify
from notify.operations import files
from shared.db import Database
from shared.files import FileGone
from shared.s3 import BucketAway

WANTED = "notify.files.wanted"
AT_ONCE = 8
"""Files in memory at the same time; each is small, and read whole since it is sealed whole."""
ROWS_AT_ONCE = 50
TOLD_MAX = 20
T = TypeVar("T")


@contextmanager
def snapshot(notify: Notify, folder: Path) -> Iterator[str]:
    """Write down what the rows of one moment have in the bucket; give that moment's name, for pg_dump to see the same."""
    with notify.db.engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
        moment = str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
        with (folder / WANTED).open("w", encoding="utf-8") as wanted:
            wanted.writelines(f"{name}\n" for name in files.names_outside(connection))
        yield moment


def copy(notify: Notify, folder: Path) -> Files:
    """Copy what was written down, a few files at a time.  Raises: CannotStart while the bucket is away."""
    count = size = 0
    absent = {"gone": 0, "missing": 0}
    with (folder / WANTED).open(encoding="utf-8") as wanted, (folder / LIST).open("w", encoding="utf-8") as found:
        for name, sealed in _fetched(notify, (line.rstrip("\n") for line in wanted)):
            if sealed:
                _write(folder / FOLDER / name, sealed)
                found.write(f"{hashlib.sha256(sealed).hexdigest()}  {FOLDER}/{name}\n")
                count, size = count + 1, size + len(sealed)
            else:
                what = "gone" if sealed is None else "missing"
                absent[what] += 1
                with (folder / ABSENT).open("a", encoding="utf-8") as lines:
                    lines.write(f"{what} {name}\n")
    (folder / WANTED).unlink()
    digest = sha256_of(folder / LIST)
    if not count:
        (folder / LIST).unlink()
    return Files(count, size, digest if count else "", **absent)


def put_back(db: Database, folder: Path) -> list[str]:
    """Put the files of a backup into their restored rows; return a sentence for each that is not whole or has no row."""
    faults = []
    for some in _few(_listed(folder), ROWS_AT_ONCE):
        with db.begin() as connection:
            for name, digest in some:
                sealed = _read(folder / FOLDER / name)
                if sealed is None or hashlib.sha256(sealed).hexdigest() != digest:
                    faults.append(f"notify: the file {name} is not what was backed up.")
                elif not files.put_back(connection, name, sealed):
                    faults.append(f"notify: the file {name} has no row that waits for it.")
    return _shortened(faults)


def prove(db: Database, folder: Path) -> list[str]:
    """Hold the restored rows against the backup: each file whole in its row, and no row without its file."""
    faults = []
    with db.reading() as connection:
        for name, digest in _listed(folder):
            if files.digest_held(connection, name) != digest:
                faults.append(f"notify: the file {name} is not whole in its row.")
    gone = _gone(folder)
    with db.begin() as connection:  # a cursor on the server needs a transaction
        empty = (name for name in files.names_outside(connection) if name not in gone)
        faults += [f"notify: the file {name} has a row and is not in the backup." for name in empty]
    return _shortened(faults)


def _listed(folder: Path) -> Iterator[tuple[str, str]]:
    """Give name and digest of each file of a backup.  Raises: CannotStart for what can be no file of notify."""
    for name, digest in index.listed(folder):
        if not files.is_name(name):
            raise CannotStart(f"{folder / LIST} names {name!r}, which is no file of notify.")
        yield name, digest


def _fetched(notify: Notify, names: Iterator[str]) -> Iterator[tuple[str, bytes | None]]:
    """Give each file; nothing in it where its row says that it is in the bucket and there it is not, None where the row is gone too."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for some in _few(names, AT_ONCE):
            try:
                yield from zip(some, pool.map(lambda name: _fetch(notify, name), some), strict=True)
            except BucketAway as fault:
                raise CannotStart(f"The files cannot be backed up: {fault}. Run `andamio doctor`, then this again.") from None


def _fetch(notify: Notify, name: str) -> bytes | None:
    try:
        return notify.files.read(name, b"")
    except FileGone:  # deleted since, or moved into its row since
        with notify.reading() as tx:
            return files.find_held(tx.connection, name)


def _few(every: Iterator[T], number: int) -> Iterator[list[T]]:
    return iter(lambda: list(islice(every, number)), [])


def _write(path: Path, sealed: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(sealed)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _gone(folder: Path) -> set[str]:
    """Return the names of files that were deleted while the backup was made, as their time had come."""
    if not (folder / ABSENT).exists():
        return set()
    lines = (line.split(" ", 1) for line in (folder / ABSENT).read_text(encoding="utf-8").splitlines())
    return {name for what, name in lines if what == "gone"}


def _shortened(faults: Iterable[str]) -> list[str]:
    every = list(faults)
    return every if len(every) <= TOLD_MAX else [*every[:TOLD_MAX], f"notify: and {len(every) - TOLD_MAX} files more."]
