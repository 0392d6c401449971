"""Load by wrk: prepared requests over a number of connections, answers counted by status."""

import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.errors import CannotStart

SCRIPT = Path(__file__).with_name("load.lua")
SEPARATOR = b"\x1e"
WRK_THREADS = 2


@dataclass(frozen=True)
class Target:
    """What is measured: raw HTTP requests to one origin, and the statuses that count as right."""

    name: str
    origin: str
    requests: Sequence[bytes]
    right: frozenset[int]


@dataclass(frozen=True)
class Measured:
    """What came of it: requests a second with a right answer, latencies in milliseconds."""

    name: str
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    wrong: int
    statuses: dict[int, int]
    fault: str = ""
    """The first thing that went wrong, in words, where there are words."""


def raw_request(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of one HTTP/1.1 request."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def require_wrk() -> str:
    """Return the path of wrk.  Raises: CannotStart."""
    found = shutil.which("wrk")
    if found is None:
        raise CannotStart("The load generator wrk is not installed: apt-get install wrk (or your system's way), then run this again.")
    return found


def measure(target: Target, *, connections: int, seconds: int) -> Measured:
    """Load one target; the requests of its list are sent in turn, again from the start when they run out."""
    with tempfile.NamedTemporaryFile(suffix=".requests") as file:
        file.write(b"".join(request + SEPARATOR for request in target.requests))
        file.flush()
        command = [
            require_wrk(),
            f"-t{WRK_THREADS}",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "10s",
            "-s",
            str(SCRIPT),
            target.origin,
        ]
        done = subprocess.run([*command, "--", file.name, str(WRK_THREADS)], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise CannotStart(f"wrk did not finish: {done.stderr.strip() or done.stdout.strip()}")
    return _read(target, json.loads(lines[0].removeprefix("RESULT ")))


def _read(target: Target, answer: dict[str, int | str]) -> Measured:
    statuses: Counter[int] = Counter()
    for part in str(answer["statuses"]).replace(";", ",").split(","):
        code, _, count = part.partition(":")
        if count:
            statuses[int(code)] += int(count)
    right = sum(count for status, count in statuses.items() if status in target.right)
    seconds = int(answer["microseconds"]) / 1e6
    wrong = sum(statuses.values()) - right + int(answer["socket_errors"])
    p50, p95, p99 = (int(answer[name]) / 1000 for name in ("p50", "p95", "p99"))
    return Measured(target.name, right / seconds, p50, p95, p99, wrong, dict(statuses))
