"""Calls to others leave by one door, which names the request and the journey; threads take both along."""

import ast
from collections.abc import Iterator
from pathlib import Path

from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
DOORS = {
    "shared/http.py": "every call by HTTP: adds X-Request-Id, X-Journey-Id and traceparent",
    "shared/time_server.py": "asks the time, for nobody",
    "shared/virus_scan.py": "shows a file to the scanner beside us",
    "notify/providers/print_sftp.py": "SFTP has no headers; the job that uses it has the journey",
    "notify/providers/smpp.py": "likewise",
    "notify/providers/smtp.py": "likewise",
}
NETWORK = {"aiohttp", "ftplib", "http.client", "httpcore", "httpx", "imaplib", "paramiko", "poplib", "requests", "smpplib", "smtplib"}
NETWORK |= {"socket", "urllib.request", "urllib3"}
COMPUTES = {"identity/providers/password_hasher.py", "shared/http.py"}
"""Threads that hash or look up names: they call nobody and write no log."""


def sources() -> Iterator[tuple[str, str]]:
    for package in ("shared", *SERVICES):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def imported(source: str) -> set[str]:
    """The modules that a file imports, with the packages they are in."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names | {name.partition(".")[0] for name in names}


def test_nothing_calls_outside_by_another_door() -> None:
    assert {path for path, source in sources() if imported(source) & NETWORK} == DOORS.keys()


def test_work_in_other_threads_is_done_in_the_name_of_its_journey() -> None:
    threaded = {path: source for path, source in sources() if "concurrent.futures" in imported(source)}
    assert {path for path, source in threaded.items() if "working_on(" not in source} == COMPUTES


def test_another_door_is_found() -> None:
    for line in (
        "import httpx",
        "from smtplib import SMTP",
        "import urllib.request",
        "from urllib import request",
        "from http import client",
    ):
        assert imported(line) & NETWORK, line
