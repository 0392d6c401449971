"""The image, built for real: a base made by debootstrap, buildah in chroot isolation.  Needs root; see deploy/image/build.sh."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engines import locked

ROOT = Path(__file__).resolve().parents[2]
TAG = "andamio-tested"


@dataclass
class Image:
    """A container of the built image: `run` gives the command that runs something in it."""

    folder: Path
    container: str

    def buildah(self, *arguments: str) -> list[str]:
        """The command line of one buildah call on this image's store."""
        return [
            "buildah",
            "--storage-driver",
            "vfs",
            "--root",
            str(self.folder / "store"),
            "--runroot",
            str(self.folder / "run"),
            *arguments,
        ]

    def run(self, *command: str, environment: dict[str, str] | None = None) -> list[str]:
        """The command line that runs `command` in the container as the image's own user."""
        variables = [item for name, value in (environment or {}).items() for item in ("--env", f"{name}={value}")]
        return self.buildah("run", "--isolation", "chroot", *variables, self.container, "--", *command)

    def output(self, *command: str) -> str:
        """What a command in the container prints."""
        return subprocess.run(self.run(*command), capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def image(run_folder: Path) -> Iterator[Image]:
    """The image, built once a run, by whichever worker asks first; each has a container of its own."""
    folder = run_folder / "image"
    with locked(run_folder / "image.lock"):
        if not (folder / "built").exists():
            command = ["sh", str(ROOT / "deploy/image/build.sh"), str(folder), TAG]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
            assert done.returncode == 0, done.stderr
            (folder / "built").touch()
        image = Image(folder, "")
        made = subprocess.run(image.buildah("from", f"localhost/{TAG}"), capture_output=True, text=True, check=True)
        image.container = made.stdout.strip()
    yield image
    subprocess.run(image.buildah("rm", image.container), capture_output=True, check=False)
