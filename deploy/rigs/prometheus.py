"""A real Prometheus beside a sandbox, with our own rules: what our dashboards and alerts ask is asked of it."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.errors import CannotStart
from deploy.system import free_port, wait_until

WATCH = Path(__file__).resolve().parents[1] / "install" / "files" / "watch"
READY_SECONDS = 30
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Line:
    """One line of an answer: its labels, and (moment, value) of each point."""

    labels: Labels
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Prometheus:
    """Where it listens."""

    url: str

    def ask(self, expression: str) -> list[Line]:
        """Return what an expression gives now.  Raises: CannotStart for one that it does not understand."""
        found = self._get("query", query=expression)
        if found["resultType"] == "scalar":
            return [Line({}, (_point(found["result"]),))]
        return [Line(each["metric"], (_point(each["value"]),)) for each in found["result"]]

    def ask_range(self, expression: str, begin: float, end: float, step: float) -> list[Line]:
        """Return what an expression gave from one moment to another.  Raises: CannotStart."""
        found = self._get("query_range", query=expression, start=str(begin), end=str(end), step=str(step))
        return [Line(each["metric"], tuple(map(_point, each["values"]))) for each in found["result"]]

    def _get(self, what: str, **asked: str) -> Any:  # Any: Prometheus's own document, read by key
        answer = httpx.get(f"{self.url}/api/v1/{what}", params=asked, timeout=30)
        said = answer.json()
        if answer.is_error:
            raise CannotStart(f"Prometheus refuses {asked['query']}: {said['error']}")
        return said["data"]

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.TransportError:
            return False


def _point(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


@contextlib.contextmanager
def watching(folder: Path, jobs: Mapping[str, Mapping[str, str]], *, every: str = "1s") -> Iterator[Prometheus]:
    """Run it until the block ends; `jobs` gives the address of each component by job, as prometheus.yml names them.

    Raises: CannotStart.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise CannotStart("There is no prometheus on this machine: apt-get install prometheus.")
    folder.mkdir(parents=True, exist_ok=True)
    scraped = [
        {
            "job_name": job,
            "static_configs": [{"targets": [address], "labels": {"component": component}} for component, address in components.items()],
        }
        for job, components in jobs.items()
    ]
    about = {"global": {"scrape_interval": every, "evaluation_interval": every}, "rule_files": [str(WATCH / "rules.yml")]}
    (folder / "prometheus.yml").write_text(json.dumps(about | {"scrape_configs": scraped}))  # JSON is YAML
    made = Prometheus(f"http://127.0.0.1:{(port := free_port())}")
    command = [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], stdout=log, stderr=log)
    try:
        if not wait_until(lambda: made.is_ready() or process.poll() is not None, READY_SECONDS) or process.poll() is not None:
            raise CannotStart(f"Prometheus did not start: {(folder / 'log').read_text()[-400:]}")
        yield made
    finally:
        process.terminate()
        process.wait(READY_SECONDS)
