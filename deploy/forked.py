"""A program that is a function, run in a fork of this process: what is imported already is neither imported again nor kept twice.

For a process with one thread on Linux.  `fork` gives a ForkedProcess, the part of subprocess.Popen that the supervisor uses.
"""

import contextlib
import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from deploy.system import signal_quietly

POLL_SECONDS = 0.01
PR_SET_NAME = 15
STAT_ARG_START, STAT_ARG_END = 45, 46  # fields of /proc/self/stat after the command's name


class ForkedProcess:
    """A child made by `fork`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        if self.returncode is None:
            try:
                found, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # reaped by someone else: how it ended is lost
                found, status = self.pid, 0
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.  Raises: subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(POLL_SECONDS)
        return code

    def kill(self) -> None:
        """End it by force."""
        if self.poll() is None:
            signal_quietly(self.pid, signal.SIGKILL)


def freeze() -> None:
    """Called once before the first fork: what lives now is left alone by the garbage collector, so that its memory stays shared."""
    gc.collect()
    gc.freeze()


def fork(
    call: Callable[[], int],
    *,
    title: tuple[str, ...],
    environment: Mapping[str, str] | None,
    folder: Path | None,
    log: BinaryIO,
    bind: Callable[[], None] | None,
) -> ForkedProcess:
    """Run call in a child of its own process group whose output goes to log; its result is the exit status.

    `title` is what ps shows; `bind` runs first.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setpgid(0, 0)
            if bind:
                bind()
            _leave_parent(log.fileno())
            _enter(title, environment, folder)
            status = call()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - a child must not run on as its parent, whatever happened
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)
    with contextlib.suppress(OSError):  # the child did it already
        os.setpgid(pid, pid)
    return ForkedProcess(pid)


def _leave_parent(log: int) -> None:
    """Drop the parent's signal handlers and open files: its lock must not outlive it in us."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _enter(title: tuple[str, ...], environment: Mapping[str, str] | None, folder: Path | None) -> None:
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    if folder:
        os.chdir(folder)
    with contextlib.suppress(OSError, ValueError):
        _show(title)


def _show(title: tuple[str, ...]) -> None:
    """Write title over the arguments this process was started with, which ps reads."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[STAT_ARG_START]), int(fields[STAT_ARG_END])
    text = "\0".join(title).encode()[: end - start - 1]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, text, len(text))
    ctypes.CDLL(None).prctl(PR_SET_NAME, " ".join(title[-2:]).encode()[:15], 0, 0, 0)
