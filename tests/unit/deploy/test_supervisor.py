"""Programs are kept alive, and none is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy import supervisor as supervision
from deploy.errors import CannotStart
from deploy.program import Program
from deploy.supervisor import Supervisor
from deploy.system import boot_id, process_birth, wait_until

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 20.0
SLEEPER = ("sleep", "1000")
# A supervisor in a process of its own: one program that forked a child, one that does not stop when asked.
RUNNING_SUPERVISOR = """
import sys
from pathlib import Path
from deploy.program import Program
from deploy.supervisor import Signals, Supervisor, run_until_stopped
folder = Path(sys.argv[1])
with Signals() as signals:
    supervisor = Supervisor(folder)
    supervisor.start(Program("family", ("sh", "-c", f"sleep 1000 & echo $! > '{folder}/grandchild'; wait")))
    deaf = f"test -e '{folder}/deaf' && exec sleep 1000; trap '' TERM; touch '{folder}/deaf'; while :; do sleep 1000; done"
    supervisor.start(Program("stubborn", ("sh", "-c", deaf)))
    supervisor.wait_ready(10)
    print("up", flush=True)
    run_until_stopped(supervisor, signals)
"""


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(tmp_path)
    yield made
    made.stop(2.0)


def pid_of(folder, name):
    return json.loads((folder / "run" / f"{name}.json").read_text())["pid"]


def gone(pid):
    return wait_until(lambda: process_birth(pid) is None, SECONDS)


def tend_until(supervisor, condition):
    def step():
        supervisor.tend()
        return condition()

    return wait_until(step, SECONDS)


@pytest.fixture
def running(tmp_path):
    """A supervisor in its own process with its programs up: (process, pids of all that it started)."""
    process = subprocess.Popen([sys.executable, "-c", RUNNING_SUPERVISOR, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    assert wait_until(lambda: (tmp_path / "deaf").exists() and (tmp_path / "grandchild").exists(), SECONDS)
    assert wait_until(lambda: (tmp_path / "grandchild").read_text().strip() != "", SECONDS)
    pids = {name: pid_of(tmp_path, name) for name in ("family", "stubborn")}
    pids["grandchild"] = int((tmp_path / "grandchild").read_text())
    yield process, pids
    process.kill()
    process.wait()
    process.stdout.close()
    for pid in pids.values():
        supervision.signal_quietly(pid, signal.SIGKILL, group=pid != pids["grandchild"])


def test_a_program_that_is_killed_is_started_again(supervisor, tmp_path):
    supervisor.start(Program("sleeper", SLEEPER))
    first = pid_of(tmp_path, "sleeper")
    os.kill(first, signal.SIGKILL)
    assert tend_until(supervisor, lambda: pid_of(tmp_path, "sleeper") != first)
    assert process_birth(pid_of(tmp_path, "sleeper")) is not None


def test_what_a_dead_program_forked_is_ended_before_it_is_started_again(supervisor, tmp_path):
    supervisor.start(Program("family", ("sh", "-c", f"sleep 1000 & echo $! > '{tmp_path}/child'; wait")))
    assert wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip() != "", SECONDS)
    grandchild = int((tmp_path / "child").read_text())
    os.kill(pid_of(tmp_path, "family"), signal.SIGKILL)
    assert tend_until(supervisor, lambda: process_birth(grandchild) is None)


def test_each_death_makes_the_next_start_later(supervisor):
    supervisor.start(Program("falls", ("false",)))
    waits = []
    for deaths in (1, 2, 3):
        assert tend_until(supervisor, lambda count=deaths: supervisor.children["falls"].deaths == count)
        waits.append(supervisor.children["falls"].restart_at - time.monotonic())
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]


def test_a_program_that_keeps_dying_is_given_up_with_its_last_words(supervisor):
    supervisor.start(Program("falls", ("sh", "-c", "echo no such table >&2; exit 3"), ready=lambda: False))
    with pytest.raises(CannotStart, match=r"falls stopped 3 times while starting.*no such table"):
        supervisor.wait_ready(SECONDS)


def test_a_program_that_does_not_become_ready_in_time_is_named(supervisor):
    supervisor.start(Program("slow", SLEEPER, ready=lambda: False))
    with pytest.raises(CannotStart, match=r"slow did not become ready in 0 seconds; see .*slow\.log"):
        supervisor.wait_ready(0.1)


def test_a_command_that_is_not_there_is_one_sentence(supervisor):
    with pytest.raises(CannotStart, match="ghost cannot be started: No such file"):
        supervisor.start(Program("ghost", ("/nonexistent/program",)))


def test_a_step_that_fails_says_why(supervisor):
    with pytest.raises(CannotStart, match=r"setup failed \(exit 4\); its last words .*disk is full"):
        supervisor.run_once(Program("setup", ("sh", "-c", "echo disk is full; exit 4")), SECONDS)


def test_a_step_that_takes_too_long_is_ended(supervisor, tmp_path):
    step = Program("setup", ("sh", "-c", f"echo $$ > '{tmp_path}/step'; exec sleep 1000"))
    with pytest.raises(CannotStart, match="setup was not done in 1 seconds"):
        supervisor.run_once(step, 1.0)
    assert gone(int((tmp_path / "step").read_text()))


def test_programs_stop_in_the_reverse_order_of_their_stages(supervisor, tmp_path):
    order = tmp_path / "order"
    for stage, name in enumerate(("engine", "service")):
        script = f"trap 'echo {name} >> {order}; exit 0' TERM; touch {tmp_path}/{name}; while :; do sleep 0.05; done"
        supervisor.start(Program(name, ("sh", "-c", script), stage=stage))
    assert wait_until(lambda: (tmp_path / "engine").exists() and (tmp_path / "service").exists(), SECONDS)
    supervisor.stop()
    assert order.read_text().split() == ["service", "engine"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_to_stop_is_an_orderly_one(running, number):
    process, pids = running
    os.killpg(pids["stubborn"], signal.SIGKILL)
    process.send_signal(number)
    assert process.wait(SECONDS) == 0
    assert [name for name, pid in pids.items() if process_birth(pid) is not None] == []


def test_a_stop_leaves_no_process_behind_within_ten_seconds(running):
    process, pids = running
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    assert time.monotonic() - began < 10
    assert [name for name, pid in pids.items() if process_birth(pid) is not None] == []


def test_after_the_supervisor_is_killed_the_next_start_ends_what_is_left(running, tmp_path):
    process, pids = running
    process.kill()
    process.wait()
    Supervisor(tmp_path).sweep()
    assert all(gone(pid) for pid in pids.values())
    assert list((tmp_path / "run").glob("*.json")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_on_linux_a_child_hears_of_the_death_of_its_supervisor(running):
    process, pids = running
    process.kill()
    assert gone(pids["family"])


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(tmp_path):
    with subprocess.Popen(SLEEPER) as stranger:
        record = {"name": "web", "pid": stranger.pid, "birth": "long ago", "boot": boot_id(), "stop_signal": 15}
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "web.json").write_text(json.dumps(record))
        assert Supervisor(tmp_path).sweep() == []
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"pid": "x"}'])
def test_a_damaged_pid_file_is_removed(tmp_path, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "web.json").write_text(text)
    assert Supervisor(tmp_path).sweep() == []
    assert list((tmp_path / "run").iterdir()) == []


def test_a_large_log_is_set_aside_at_the_next_start(supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr(supervision, "LOG_BYTES_MAX", 10)
    for text in ("first run, long", "second run, long"):
        (tmp_path / "logs").mkdir(exist_ok=True)
        (tmp_path / "logs" / "sleeper.log").write_text(text)
        supervisor.start(Program("sleeper", SLEEPER))
        supervisor.stop()
    assert (tmp_path / "logs" / "sleeper.log.1").read_text() == "second run, long"
    assert (tmp_path / "logs" / "sleeper.log.2").read_text() == "first run, long"
