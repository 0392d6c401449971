"""`andamio journey`: finds the running sandbox, or starts one and stops it again, and walks the road that was asked for."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from deploy.journey.facts import Sandbox
from deploy.journey.report import JourneyFault, Report
from deploy.journey.roads import Journey, walk
from deploy.sandbox import authority
from deploy.sandbox.settings import SandboxSettings, from_environment

START_SECONDS = 240
STOP_SECONDS = 60
LOOK_SECONDS = 0.2
CALL_SECONDS = 30
ROOT = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Walk the journey; the exit status is 0 only when everything was as promised."""
    parsed = _parser().parse_args(argv)
    report = Report(road="refuse" if parsed.refuse else "grant", language=parsed.lang, as_json=parsed.json)
    settings = from_environment()
    if settings.ports.tls:
        bundle = str(authority.ensure(settings.folder).bundle)
        os.environ.update(SANDBOX_TLS="1", SSL_CERT_FILE=bundle, REQUESTS_CA_BUNDLE=bundle)
    try:
        with (
            sandbox_running(settings) as sandbox,
            httpx.Client(timeout=CALL_SECONDS) as http,
            httpx.Client(timeout=CALL_SECONDS) as visitor,
        ):
            walk(Journey(sandbox=sandbox, http=http, visitor=visitor, language=parsed.lang, folder=settings.folder), report)
    except JourneyFault as fault:
        report.fault = str(fault)
    return report.finish()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="andamio journey", description="Walk one person through all four services over HTTP.")
    parser.add_argument("--json", action="store_true", help="print the steps as one JSON document")
    parser.add_argument("--refuse", action="store_true", help="the person refuses the consent")
    parser.add_argument("--lang", choices=("es", "en"), default="es", help="the language of pages and steps (default: %(default)s)")
    return parser


@contextlib.contextmanager
def sandbox_running(settings: SandboxSettings) -> Iterator[Sandbox]:
    """The sandbox that runs in the folder; started for the block where none does.  Raises: JourneyFault."""
    path = settings.folder / "sandbox.json"
    if _answers(path):
        yield Sandbox.read(path)
        return
    process = subprocess.Popen([sys.executable, "-m", "deploy.cli", "sandbox", "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        _wait_until_up(process, path)
        yield Sandbox.read(path)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _wait_until_up(process: subprocess.Popen[str], path: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not _answers(path):
        if process.poll() is not None:
            said = process.stdout.read() if process.stdout else ""
            raise JourneyFault(f"the sandbox did not start: {_reason(said)}")
        if time.monotonic() > until:
            raise JourneyFault(f"the sandbox was not up after {START_SECONDS} seconds")
        time.sleep(LOOK_SECONDS)


def _reason(said: str) -> str:
    """The one sentence that a sandbox which cannot start prints."""
    try:
        return str(json.loads(said.strip().splitlines()[-1])["error"])
    except (ValueError, KeyError, IndexError):
        return "it said no reason"


def _answers(path: Path) -> bool:
    """Whether the sandbox of this file is up: the file may be left from one that was killed."""
    if not path.exists():
        return False
    try:
        sandbox = Sandbox.read(path)
        return httpx.get(f"{sandbox.text('front')}/healthz", timeout=2).status_code == 200
    except (httpx.HTTPError, JourneyFault):
        return False
