"""A program that is to be kept alive, and how its process comes to be: in a group of its own, ending when we do (Linux)."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deploy.forked import ForkedProcess, fork
from deploy.system import LINUX, SystemUser

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """What is to be kept alive.

    `stage`: programs of a higher stage are stopped first.  `ready` answers quickly and may be asked at any time.
    `stop_signal` asks for an orderly end.  `before_restart` repairs what a violent death left.  `call` does the same as `command`
    in a fork of this process, where that is safe (Linux): nothing is imported again.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    ready: Callable[[], bool] = lambda: True
    user: SystemUser | None = None
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    before_restart: Callable[[], None] = lambda: None
    stage: int = 1
    call: Callable[[], int] | None = None


def spawn(program: Program, log: BinaryIO) -> "subprocess.Popen[bytes] | ForkedProcess":
    """Begin a process that writes to a log; a fork of this one where the program has a `call`.  Raises: OSError."""
    return _fork(program, log) if program.call and LINUX else _execute(program, log)


def _fork(program: Program, log: BinaryIO) -> ForkedProcess:
    if program.call is None or program.user is not None:
        raise ValueError(f"{program.name} cannot run in a fork")
    bind = _die_with(os.getpid(), program.stop_signal)
    title = (Path(program.command[0]).name, *program.command[1:])
    return fork(program.call, title=title, environment=program.environment, folder=program.folder, log=log, bind=bind)


def _execute(program: Program, log: BinaryIO) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        program.command,
        env=dict(program.environment) if program.environment is not None else None,
        cwd=program.folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        process_group=0,
        user=program.user.uid if program.user else None,
        group=program.user.gid if program.user else None,
        extra_groups=[] if program.user else None,
        preexec_fn=_die_with(os.getpid(), program.stop_signal),  # noqa: PLW1509 - we have no other thread that could hold a lock here
    )


def _die_with(parent: int, stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What a new process does before it becomes the program, so that it hears of our death.

    It runs after the change of user, which would undo it.
    """
    if not LINUX:
        return None
    prctl = ctypes.CDLL(None).prctl

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # we died in between
            os._exit(1)

    return bind
