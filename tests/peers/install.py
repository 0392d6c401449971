"""Install peers into var/peers, once for each content of their list; two test processes do not do it at the same time."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import locked

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "var" / "peers"
SECONDS = 300


def _install(name: str, sources: list[Path], command: list[str], folder_of: str) -> Path:
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    folder = FOLDER / f"{name}-{digest}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with locked(FOLDER / f"{name}.lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for source in sources:
                shutil.copy(source, folder)
            done = subprocess.run(
                [*command, folder_of, str(folder)], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            if done.returncode:
                pytest.fail(f"the peers of {name} could not be installed: {done.stderr[-600:]}")
            (folder / "done").touch()
    return folder


def python_peers() -> Path:
    """Return the folder that goes into PYTHONPATH."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", "python.txt"]
    return _install("python", [HERE / "python.txt"], command, "--target")


def node_peers() -> Path:
    """Return the folder with node_modules in it.  Fails where npm is missing: these tests are not left out in silence."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.fail("npm and node are needed to try our server against their clients: install Node 20 or newer")
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    return _install("node", [HERE / "package.json", HERE / "package-lock.json"], command, "--prefix")
