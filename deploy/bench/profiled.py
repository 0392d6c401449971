"""Where the time of one request goes: the app in this process, under the profiler, own time by library."""

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Sequence
from io import BytesIO
from itertools import cycle, islice
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.test import EnvironBuilder

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

WARM_UP, COUNTED = 30, 300
GROUPS = (
    ("sqlalchemy", "SQLAlchemy"),
    ("psycopg", "psycopg, waiting for PostgreSQL"),
    ("redis", "redis"),
    ("joserfc", "joserfc"),
    ("cryptography", "cryptography"),
    ("flask", "Flask and Werkzeug"),
    ("werkzeug", "Flask and Werkzeug"),
    ("marshmallow", "marshmallow"),
    ("structlog", "logs"),
    ("prometheus", "metrics"),
    ("httpx", "outbound HTTP"),
    ("httpcore", "outbound HTTP"),
    ("h11", "outbound HTTP"),
    ("rfc8785", "canonical JSON"),
    ("shared/", "ours: shared"),
    ("identity/", "ours: the service"),
    ("notify/", "ours: the service"),
    ("pay/", "ours: the service"),
    ("wallet/", "ours: the service"),
)


def where_time_goes(app: Flask, requests: Sequence[bytes]) -> list[tuple[str, float, float]]:
    """Answer requests in this process and return (library, milliseconds a request, share), largest first."""
    client = app.test_client()
    environs = [_environ(raw) for raw in islice(cycle(requests), WARM_UP + COUNTED)]
    for environ in environs[:WARM_UP]:
        client.open(environ).close()
    profiler = cProfile.Profile()
    profiler.enable()
    for environ in environs[WARM_UP:]:
        client.open(environ).close()
    profiler.disable()
    return _by_library(pstats.Stats(profiler))


def _environ(raw: bytes) -> "WSGIEnvironment":
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    builder = EnvironBuilder(
        path=path, method=method, headers=headers.items(), input_stream=BytesIO(body), base_url=f"http://{headers['Host']}"
    )
    return builder.get_environ()


def _by_library(stats: pstats.Stats) -> list[tuple[str, float, float]]:
    own: dict[str, float] = defaultdict(float)
    entries: dict[tuple[str, int, str], tuple[int, int, float, float, dict[object, object]]] = stats.stats  # type: ignore[attr-defined]  # the module's own documented table
    for (file, _, name), (_, _, seconds, _, callers) in entries.items():
        own[_group(file, name, callers)] += seconds
    total = sum(own.values())
    rows = [(group, seconds / COUNTED * 1000, seconds / total) for group, seconds in own.items()]
    return sorted(rows, key=lambda row: -row[1])


def _group(file: str, name: str, callers: dict[object, object]) -> str:
    if file == "~":  # built in: put down to who calls it most
        files = [caller[0] for caller in callers if isinstance(caller, tuple)]
        file = files[0] if files and files[0] != "~" else name
    return next((label for mark, label in GROUPS if mark in file), "Python and others")
