"""PostgreSQL: one cluster in one folder.

The server runs in the foreground under the supervisor, as an unprivileged user when we are root, on a Unix socket (where the
path is short enough) and on a loopback port, and asks everyone for a password.
"""

import contextlib
import hashlib
import locale
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy.engines.binaries import ROOT_SHARED_FOLDER, Binaries, find_binaries, reachable
from deploy.errors import CannotStart
from deploy.program import Program
from deploy.system import (
    LOOPBACK,
    SystemUser,
    be_quiet,
    can_work_in,
    command_line,
    end_process,
    process_birth,
    require_space,
    run_as,
    unprivileged_user,
)

SUPERUSER = "postgres"
CLUSTER_BYTES_MIN = 150 << 20
SOCKET_PATH_BYTES_MAX = 100  # the kernel's limit is 104 to 108 with the terminating zero
READY_LINE = 7  # line of postmaster.pid that says "ready"

# Small machine, many small clients; and a service's own time zone never decides what is stored.
SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
# For clusters whose loss costs nothing: tests.
THROWAWAY_SETTINGS: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "1h"}


@dataclass(frozen=True)
class Cluster:
    """A prepared cluster.  `program` keeps it alive; `url` addresses it."""

    binaries: Binaries
    data: Path
    socket_folder: Path | None
    port: int
    password: str
    user: SystemUser | None
    settings: Mapping[str, str]

    def url(self, database: str = "postgres", *, role: str = SUPERUSER, password: str | None = None) -> str:
        """Address of a database over TCP: `postgresql://role:password@127.0.0.1:port/database`."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def ready(self) -> bool:
        """Whether the server says of itself that it takes connections."""
        lines = _pid_file_lines(self.data)
        return len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready" and process_birth(int(lines[0])) is not None

    def program(self) -> Program:
        """What the supervisor runs.  SIGINT is PostgreSQL's fast shutdown: clients are cut off, nothing committed is lost."""
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_folder or ""),
            **self.settings,
        }
        command = [str(self.binaries.folder / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        return Program(
            name="postgres",
            command=tuple(command),
            ready=self.ready,
            user=self.user,
            folder=Path("/"),
            stop_signal=signal.SIGINT,
            before_restart=lambda: recover(self.data),
            stage=0,
        )


def prepare(
    folder: Path, *, port: int, password: str, settings: Mapping[str, str] = SETTINGS, note: Callable[[str], None] = be_quiet
) -> Cluster:
    """A cluster in folder/postgres that is ready to be started: made when it is not there, recovered when an earlier run died.

    As root the folder may be out of reach of the unprivileged user; then the data go under /var/lib/andamio and `note` is told.
    Raises: CannotStart.
    """
    user = unprivileged_user()
    home = data_home(folder, user, note)
    binaries = reachable(find_binaries(), user)
    data = home / "data"
    recover(data)
    if not (data / "PG_VERSION").exists():
        require_space(home, CLUSTER_BYTES_MIN)
        _make_cluster(binaries, data, password, user)
    _check_version(binaries, data)
    return Cluster(binaries, data, _socket_folder(home), port, password, user, settings)


def data_home(folder: Path, user: SystemUser | None, note: Callable[[str], None] = be_quiet) -> Path:
    """The folder that the cluster lives in, owned by the user that runs it."""
    home = folder / "postgres"
    _own(home, user)
    if can_work_in(user, home):
        return home
    elsewhere = fallback_home(folder)
    if user is None:
        raise CannotStart(f"The folder {home} cannot be written to: set SANDBOX_DIR to one that can.")
    note(f"{home} is closed to the user {user.name}, who runs PostgreSQL: its data are in {elsewhere}.")
    with contextlib.suppress(OSError):
        home.rmdir()
    _own(elsewhere, user)
    if not can_work_in(user, elsewhere):
        raise CannotStart(
            f"The user {user.name}, who runs PostgreSQL, cannot write to {home} nor {elsewhere}: set SANDBOX_DIR to a folder it can reach."
        )
    return elsewhere


def fallback_home(folder: Path) -> Path:
    """Where root keeps the data of a cluster whose own folder the unprivileged user cannot enter."""
    return ROOT_SHARED_FOLDER / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12] / "postgres"


def remove(folder: Path) -> None:
    """Delete the cluster of folder, wherever it was kept.  The server must not run."""
    for home in (folder / "postgres", fallback_home(folder)):
        recover(home / "data")
        shutil.rmtree(home, ignore_errors=True)
    with contextlib.suppress(OSError):
        fallback_home(folder).parent.rmdir()


def recover(data: Path) -> None:
    """End a server that an earlier run left behind and remove a pid file that belongs to no server."""
    lines = _pid_file_lines(data)
    if not lines or not lines[0].strip().isdigit():
        return
    pid = int(lines[0])
    if str(data) in command_line(pid):
        end_process(pid, stop_signal=signal.SIGINT)
    # PostgreSQL would refuse to start when the pid now belongs to an unrelated process of the same user.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _own(folder: Path, user: SystemUser | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        if user:
            os.chown(folder, user.uid, user.gid)
    except OSError as fault:
        raise CannotStart(
            f"The folder {folder} cannot be made ({fault.strerror}): set SANDBOX_DIR to a folder that can be written to."
        ) from fault


def _make_cluster(binaries: Binaries, data: Path, password: str, user: SystemUser | None) -> None:
    """Run initdb beside the final place and move the result there, so that a half-made cluster is never taken for a whole one."""
    unfinished = data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix=".password-") as password_file:
        password_file.write(password + "\n")
        password_file.flush()
        if user:
            os.chown(password_file.name, user.uid, user.gid)
        options = ["--username", SUPERUSER, "--pwfile", password_file.name, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"]
        answer = run_as(user, [binaries.folder / "initdb", "-D", unfinished, *options, *_locale_options(binaries.version)])
    if answer.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise CannotStart(f"PostgreSQL could not make its data folder {data}: {_last_line(answer.stderr) or _last_line(answer.stdout)}")
    unfinished.rename(data)


def _locale_options(version: int) -> list[str]:
    """Byte order for sorting, Unicode for upper and lower case: the same on every machine that can do it."""
    if version >= 17:
        return ["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
    try:
        before = locale.setlocale(locale.LC_CTYPE)
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
        locale.setlocale(locale.LC_CTYPE, before)
    except locale.Error:
        return ["--locale", "C"]
    return ["--locale", "C.UTF-8"]


def _check_version(binaries: Binaries, data: Path) -> None:
    made_with = (data / "PG_VERSION").read_text().strip()
    if made_with != str(binaries.version):
        raise CannotStart(
            f"The data in {data} were made by PostgreSQL {made_with} and this machine now has {binaries.version}: "
            f"install PostgreSQL {made_with} again, or begin anew with `andamio sandbox --fresh`."
        )


def _socket_folder(home: Path) -> Path | None:
    """The data's own folder when a socket's whole path fits the kernel's limit there; a comma would split PostgreSQL's list of folders."""
    folder = home / "data"
    return (
        folder
        if len(os.fsencode(folder / ".s.PGSQL.65535.lock")) <= SOCKET_PATH_BYTES_MAX and not set(str(folder)) & set(",\"'\\")
        else None
    )


def _pid_file_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
