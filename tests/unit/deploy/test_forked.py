"""A program that runs in a fork of the supervisor behaves as one that was executed."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.supervisor import Supervisor
from deploy.system import LINUX, process_birth, wait_until

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 20.0
pytestmark = pytest.mark.skipif(not LINUX, reason="elsewhere programs are executed, never forked")

# A process of its own: forking the test's process, which has threads, is what the module does not promise.
PARENT = """
import fcntl, json, os, signal, sys, time
from pathlib import Path
from deploy.program import Program
from deploy.supervisor import Signals, Supervisor, run_until_stopped

folder = Path(sys.argv[1])
sentinel = "only imported once"

def tell():
    print("to the log", flush=True)
    about = {
        "environment": dict(os.environ), "folder": os.getcwd(), "group": os.getpgrp() == os.getpid(), "sentinel": sentinel,
        "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
        "terminates": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "title": Path("/proc/self/cmdline").read_bytes().decode().rstrip(chr(0)).split(chr(0)),
    }
    (folder / "told.new").write_text(json.dumps(about))
    (folder / "told.new").replace(folder / "told")
    signal.pause()

def fall():
    raise ValueError("fell over")

with (folder / "lock").open("w") as lock, Signals() as signals:
    fcntl.flock(lock, fcntl.LOCK_EX)
    supervisor = Supervisor(folder)
    supervisor.start(Program("teller", ("python", "-m", "teller"), environment={"ONLY": "this"}, folder=folder, call=tell))
    supervisor.start(Program("faller", ("python",), call=fall))
    supervisor.start(Program("leaver", ("python",), call=lambda: sys.exit("with words")))
    run_until_stopped(supervisor, signals)
"""


@pytest.fixture
def parent(tmp_path):
    """The parent, its child having told about itself: (process, folder)."""
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT) as process:
        assert wait_until((tmp_path / "told").exists, SECONDS)
        yield process
        process.kill()
    Supervisor(tmp_path).sweep()


@pytest.fixture
def told(parent, tmp_path):
    return json.loads((tmp_path / "told").read_text())


def test_it_has_the_environment_folder_and_group_it_was_given(told, tmp_path):
    assert told["environment"] == {"ONLY": "this"}
    assert told["folder"] == str(tmp_path)
    assert told["group"] is True


def test_it_shares_what_was_imported_and_nothing_that_was_open(told):
    assert told["sentinel"] == "only imported once"
    assert told["files"] == [0, 1, 2]
    assert told["terminates"] is True


def test_ps_shows_what_it_runs(told):
    assert told["title"] == ["python", "-m", "teller"]


def test_its_output_goes_to_its_log(told, tmp_path):
    assert (tmp_path / "logs" / "teller.log").read_text() == "to the log\n"


def test_an_exception_ends_it_with_a_traceback_in_its_log(parent, tmp_path):
    log = tmp_path / "logs" / "faller.log"
    assert wait_until(lambda: log.exists() and "ValueError: fell over" in log.read_text(), SECONDS)


def test_the_parents_lock_does_not_outlive_the_parent_in_its_child(parent, tmp_path):
    parent.kill()
    parent.wait()
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_it_ends_when_its_parent_is_killed(parent, tmp_path):
    child = json.loads((tmp_path / "run" / "teller.json").read_text())["pid"]
    parent.kill()
    assert wait_until(lambda: process_birth(child) is None, SECONDS)


def test_when_it_is_killed_it_is_forked_again(parent, tmp_path):
    record = tmp_path / "run" / "teller.json"
    first = json.loads(record.read_text())["pid"]
    (tmp_path / "told").unlink()
    os.kill(first, signal.SIGKILL)
    assert wait_until((tmp_path / "told").exists, SECONDS)
    assert wait_until(lambda: json.loads(record.read_text() or "{}").get("pid", first) != first, SECONDS)


def test_a_stop_ends_all(parent, tmp_path):
    child = json.loads((tmp_path / "run" / "teller.json").read_text())["pid"]
    parent.terminate()
    assert parent.wait(SECONDS) == 0
    assert process_birth(child) is None
