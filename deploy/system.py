"""Questions put to the operating system: users, ports, processes, disk."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import CannotStart

# PostgreSQL refuses to run as root; these users are looked for, in this order, to run it instead.
UNPRIVILEGED_USERS = ("postgres", "nobody", "daemon")
LOOPBACK = "127.0.0.1"
M_ARENA_MAX = -8  # of malloc.h
LINUX: bool = sys.platform == "linux"


@dataclass(frozen=True)
class SystemUser:
    """A user of the operating system that a program runs as."""

    name: str
    uid: int
    gid: int


def share_memory_pools() -> None:
    """Have the threads of this process share two pools of memory, where the C library has a pool for each of many threads (glibc).

    What an Argon2 hash takes, 19 MiB, stays in the pool of its thread for the next one: with a pool for each of eight threads that was
    100 MiB more a process, and not a millisecond less a hash.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def be_quiet(text: str) -> None:
    """Stand in where nobody wants to be told."""


def unprivileged_user() -> SystemUser | None:
    """The user that engines run as when we are root; None when we are an ordinary user already.

    Raises: CannotStart when root has no such user.
    """
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise CannotStart(
        "PostgreSQL does not run as root and this machine has no user postgres, nobody or daemon: create one or run as another user."
    )


def run_as(
    user: SystemUser | None, command: Sequence[str | Path], *, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run command to its end as user (None: as we are) from the root folder, which every user can enter."""
    return subprocess.run(
        [str(part) for part in command],
        cwd="/",
        env=environment,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def can_work_in(user: SystemUser | None, folder: Path) -> bool:
    """Whether user can enter folder and write there.  Asked of the system itself, so that modes, ACLs and mounts all count."""
    return run_as(user, ["/bin/sh", "-c", 'cd -- "$1" && test -w .', "sh", folder]).returncode == 0


def port_is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether nothing listens on host:port.  A port in TIME_WAIT counts as free, as it does for our servers."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def listeners(port: int) -> int:
    """Count the sockets that listen at a port of this machine (Linux)."""
    lines = [line.split() for file in ("/proc/net/tcp", "/proc/net/tcp6") for line in Path(file).read_text().splitlines()[1:]]
    return sum(words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port for words in lines)


def free_port(preferred: int | None = None) -> int:
    """A free loopback port: the preferred one while it is free, else one that the system picks."""
    if preferred is not None and port_is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def process_birth(pid: int) -> str | None:
    """When process pid was born, in a form that only serves to tell it from a later process of the same pid.  None: no such process."""
    if LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def boot_id() -> str:
    """Differs from one start of the machine to the next, where the system says (Linux)."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def command_line(pid: int) -> str:
    """The command line of process pid with single spaces; empty when it cannot be seen."""
    if LINUX:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()


def wait_until(condition: Callable[[], bool], timeout_seconds: float, *, pause_seconds: float = 0.02) -> bool:
    """Ask condition until it holds or the time is up; whether it held."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_seconds)
    return True


def signal_quietly(pid: int, number: int, *, group: bool = False) -> None:
    """Send a signal to a process or its group; one that is gone, or is not ours, is left alone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if group else os.kill)(pid, number)


def end_process(pid: int, *, stop_signal: int = signal.SIGTERM, timeout_seconds: float = 5.0) -> None:
    """End a process that is not our child: politely first, then by force."""
    birth = process_birth(pid)
    if birth is None:
        return
    signal_quietly(pid, stop_signal)
    if not wait_until(lambda: process_birth(pid) != birth, timeout_seconds):
        signal_quietly(pid, signal.SIGKILL)
        wait_until(lambda: process_birth(pid) != birth, timeout_seconds)


def require_space(folder: Path, bytes_min: int) -> None:
    """Raises: CannotStart when the disk under folder has less than bytes_min free."""
    free = shutil.disk_usage(folder).free
    if free < bytes_min:
        raise CannotStart(
            f"The disk that holds {folder} has {free >> 20} MB free and {bytes_min >> 20} MB are needed: "
            "free some space or set SANDBOX_DIR to another disk."
        )
