"""What a backup says of itself: backup.json, and the lists beside it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.errors import CannotStart

INDEX, LIST, ABSENT, FOLDER = "backup.json", "notify.files", "notify.files.absent", "files"
DIGEST_LENGTH = 64


@dataclass(frozen=True)
class Dumped:
    """One dump; `postgresql` is the server's major version, 0 where a backup of an earlier release does not say."""

    sha256: str
    checkpoint: str | None
    postgresql: int = 0


@dataclass(frozen=True)
class Files:
    """The files that were copied from the bucket; `gone` were deleted while the backup was made, `missing` have a row and no file."""

    count: int = 0
    bytes: int = 0
    sha256: str = ""
    gone: int = 0
    missing: int = 0


@dataclass(frozen=True)
class Index:
    """What backup.json says: the dumps by service, and the files."""

    services: dict[str, Dumped]
    files: Files = Files()

    def write(self, folder: Path) -> None:
        """Write it, which makes the folder a whole backup."""
        about = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(self)}
        (folder / INDEX).write_text(json.dumps(about, indent=1), encoding="utf-8")


def read(folder: Path) -> Index:
    """Return what backup.json says, after each dump and the list of files were held against it.  Raises: CannotStart."""
    try:
        about = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        index = Index({service: Dumped(**each) for service, each in about["services"].items()}, Files(**about.get("files", {})))
        wanted = {f"{service}.dump": dumped.sha256 for service, dumped in index.services.items()}
        wanted |= {LIST: index.files.sha256} if index.files.sha256 else {}
        for name, digest in wanted.items():
            if sha256_of(folder / name) != digest:
                raise CannotStart(f"{folder / name} is not what was backed up: it was changed or cut off.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise CannotStart(f"{folder} is not a whole backup.") from fault
    return index


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listed(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the name and the digest of each file of a backup."""
    if (folder / LIST).exists():
        with (folder / LIST).open(encoding="utf-8") as lines:
            for line in lines:
                yield line[DIGEST_LENGTH + 2 :].rstrip("\n").removeprefix(f"{FOLDER}/"), line[:DIGEST_LENGTH]
