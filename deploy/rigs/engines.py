"""Engines of a fault rig: PostgreSQL with a streaming replica and Valkey, each behind a proxy, all to be broken."""

import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from deploy.engines import postgres, valkey
from deploy.engines.postgres import Cluster
from deploy.errors import CannotStart
from deploy.program import Program
from deploy.rigs.proxy import Proxy
from deploy.system import LOOPBACK, free_port, run_as, wait_until

START_SECONDS_MAX = 60.0
SYNCHRONOUS = "ALTER SYSTEM SET synchronous_standby_names = '*'"


class Engine:
    """One server process, in a group of its own so that its children share its fate."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self._log = log
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        user = self.program.user
        with self._log.open("ab") as output:
            process = subprocess.Popen(
                self.program.command,
                stdout=output,
                stderr=output,
                cwd=self.program.folder,
                start_new_session=True,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
        if not wait_until(self.program.ready, START_SECONDS_MAX):
            raise CannotStart(f"{self.program.name} did not start: {self._log.read_text()[-400:]}")
        return process

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def again(self) -> None:
        """Start it anew where it has ended."""
        if self.process.poll() is not None:
            self.program.before_restart()
            self.process = self._start()

    def stop(self) -> None:
        """End it in order."""
        self.signal(signal.SIGCONT)
        if self.process.poll() is None:
            self.process.send_signal(self.program.stop_signal)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class Rig:
    """What a fault may break; `sandbox_pid(name)` is the process of one of the sandbox's programs."""

    folder: Path
    cluster: Cluster
    primary: Engine
    replica: Engine
    replica_cluster: Cluster
    queue: Engine
    database_wire: Proxy
    queue_wire: Proxy
    disk: Path
    queue_password: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What leads a sandbox here."""
        place = f"{LOOPBACK}:{self.database_wire.port}"
        database = self.cluster.url().replace(f"{LOOPBACK}:{self.cluster.port}", place)
        return {"ANDAMIO_DATABASE_URL": database, "ANDAMIO_REDIS_URL": f"redis://:{self.queue_password}@{LOOPBACK}:{self.queue_wire.port}"}

    def fail_over(self) -> None:
        """Kill the primary, make the replica the primary, and lead the wire there."""
        self.primary.kill()
        with psycopg.connect(self.replica_cluster.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote(true, 60)")
        self.database_wire.lead_to(self.replica_cluster.port)


@contextlib.contextmanager
def engines(folder: Path, *, disk_mib: int = 0) -> Iterator[Rig]:
    """Start the engines; with `disk_mib` the primary's files lie on a disk of that size (root only)."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(_small_disk(folder / "disk", disk_mib)) if disk_mib else folder
        password = secrets.token_urlsafe(12)
        cluster = postgres.prepare(disk, port=free_port(), password=password)
        primary = Engine(cluster.program(), folder / "primary.log")
        stack.callback(primary.stop)
        replica_cluster = _copy(cluster, folder)
        replica = Engine(replica_cluster.program(), folder / "replica.log")
        stack.callback(replica.stop)
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(SYNCHRONOUS)  # what is promised stands on both, or a fail-over would lose it
            connection.execute("SELECT pg_reload_conf()")
        server = valkey.prepare(folder, port=free_port(), password=secrets.token_urlsafe(12).replace("-", "x"))
        queue = Engine(server.program(), folder / "queue.log")
        stack.callback(queue.stop)
        database_wire = stack.enter_context(Proxy(cluster.port))
        queue_wire = stack.enter_context(Proxy(server.port))
        yield Rig(folder, cluster, primary, replica, replica_cluster, queue, database_wire, queue_wire, disk, server.password)


def _copy(cluster: Cluster, folder: Path) -> Cluster:
    """Make a streaming replica of a running cluster."""
    home = postgres.data_home(folder / "replica", cluster.user)
    data = home / "data"
    order: list[str | Path] = [
        cluster.binaries.folder / "pg_basebackup",
        "-D",
        data,
        "-R",
        "-X",
        "stream",
        "-c",
        "fast",
        "-d",
        cluster.url(),
    ]
    answer = run_as(cluster.user, order)
    if answer.returncode != 0:
        raise CannotStart(f"The replica could not be made: {answer.stderr.strip().splitlines()[-1:]}")
    return replace(cluster, data=data, port=free_port(), socket_folder=None)


@contextlib.contextmanager
def _small_disk(place: Path, mib: int) -> Iterator[Path]:
    """Raises: CannotStart where we may not mount."""
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(place)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotStart("A disk that can be filled needs root and the right to mount.")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
