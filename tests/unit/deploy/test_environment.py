"""deploy/make/environment.sh: one installation at a time in a folder."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "deploy/make/environment.sh"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the script looks at, and a virtual environment whose packages are not those of the lock file."""
    (tmp_path / "requirements").mkdir()
    for kind in ("sandbox", "dev"):
        (tmp_path / f"requirements/{kind}.txt").write_text(f"# {kind}\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    shutil.copy(SCRIPT, tmp_path / "environment.sh")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    return tmp_path


def begin(checkout: Path, **environment: str) -> "subprocess.Popen[str]":
    command = ["sh", "environment.sh", "sandbox"]
    return subprocess.Popen(command, cwd=checkout, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})


def finish(checkout: Path) -> None:
    """What the other leaves behind when it has installed everything."""
    mark = "cat requirements/sandbox.txt pyproject.toml | cksum > .venv/.installed-sandbox"
    subprocess.run(["sh", "-c", mark], cwd=checkout, check=True)


def test_whoever_comes_second_waits_and_finds_it_done(checkout: Path) -> None:
    with (checkout / ".venv.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with begin(checkout) as second:
            assert second.stderr
            assert "another installation is under way in this folder" in second.stderr.readline()
            finish(checkout)
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert second.wait(timeout=30) == 0
            assert second.stderr.read() == "", "it installs nothing itself"


def test_what_is_current_waits_for_nobody(checkout: Path) -> None:
    finish(checkout)
    with (checkout / ".venv.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with begin(checkout) as second:
            assert second.wait(timeout=30) == 0


def test_the_lock_is_held_while_it_installs(checkout: Path) -> None:
    """The interpreter stands in for pip: it is asked to install while nobody else may."""
    pip = checkout / ".venv/bin/python"
    pip.unlink()
    holds = "flock(open('.venv.lock', 'a'), LOCK_EX | LOCK_NB)"
    look = f"from fcntl import *\ntry: {holds}\nexcept BlockingIOError: print('held', file=__import__('sys').stderr)"
    pip.write_text(f'#!/bin/sh\nif [ "$1" = -m ]; then set -- -c "{look}"; fi\nexec {sys.executable} "$@"\n')
    pip.chmod(0o755)
    with begin(checkout) as only:
        assert only.stderr
        said = only.stderr.read()
        assert only.wait(timeout=30) == 0
    assert said.splitlines()[1:] == ["held", "held"], said
    with (checkout / ".venv.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
