"""The release before this one, from the history: its code as a folder, to be run beside ours."""

import re
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from deploy.errors import CannotStart
from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
RELEASE = re.compile(r"v\d+\.\d+\.\d+")


def find() -> str:
    """Return the newest tag of a release before this commit; where there is none, the commit before the newest migration came.

    Raises: CannotStart where there is no history.
    """
    tags = [tag for tag in _git("tag", "--merged", "HEAD^", "--sort=-version:refname").split() if RELEASE.fullmatch(tag)]
    if tags:
        return tags[0]
    newest = [str(max((ROOT / service / "migrations" / "versions").glob("0*.py")).relative_to(ROOT)) for service in SERVICES]
    came = _git("log", "-1", "--format=%H", "--diff-filter=A", "--", *newest).strip()
    if not came:
        raise CannotStart("No migration was added in this history: fetch the whole of it (git fetch --unshallow), or name a release.")
    return _git("rev-parse", f"{came}^").strip()


def export(revision: str, folder: Path) -> Path:
    """Write the code of a revision into a folder that need not be there; return the folder.  Raises: CannotStart."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise CannotStart(f"There is no revision {revision} in this history: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotStart(f"The history of this code is not here ({done.stderr.strip()}): run this in a clone with all of it.")
    return done.stdout
