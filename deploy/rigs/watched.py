"""`python -m deploy.rigs.watched --seconds 300`: a sandbox under an ordinary day's load, watched by a real Prometheus with our rules;
then each dashboard is drawn from its own JSON with what Prometheus answers, and kept in docs/operations/dashboards/.

These are no screenshots of Grafana: they show which panels there are, and that each gets its figures.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

from deploy.bench.running import sandbox
from deploy.errors import CannotStart
from deploy.rigs import drawn, load
from deploy.rigs.profiles import PROFILES
from deploy.rigs.prometheus import WATCH, Prometheus, watching
from deploy.services import SERVICES
from deploy.system import free_port

PORT = 8680
ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "operations" / "dashboards"
COLOURS = 64
PIXELS = (1280, 1400)
STEP_SECONDS = 5.0
JOURNEYS = 3
END_SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status says whether every panel had something to show."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rigs.watched", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--folder", type=Path, default=Path("var/rigs"))
    parsed = parser.parse_args(arguments)
    folder = parsed.folder / time.strftime("%Y%m%d-%H%M%S-watched")
    try:
        empty = _run(folder, parsed.seconds)
    except CannotStart as fault:
        print(f"watched: {fault}", file=sys.stderr)
        return 1
    for title in empty:
        print(f"  no data: {title}")
    return 0


def _run(folder: Path, seconds: float) -> list[str]:
    """Return the panels that had no data."""
    profile = PROFILES["ordinary"]
    with sandbox(folder / "sandbox", PORT) as (document, _, _), _workers(folder / "sandbox") as workers:
        webs = {service: urlsplit(document[service]["base_url"]).netloc for service in SERVICES}
        with watching(folder / "prometheus", {"andamio": webs, "background": workers}, every="5s") as prometheus:
            begin = time.time()
            people = threading.Thread(target=_walk, args=(folder / "sandbox",))
            people.start()
            load.send(load.begin("ordinary", profile, seconds), profile, load.requests_of(document, profile), seconds)
            people.join()
            return [title for service in SERVICES for title in _draw(folder, service, prometheus, begin, time.time())]


@contextlib.contextmanager
def _workers(sandbox_folder: Path) -> Iterator[Mapping[str, str]]:
    """One worker more of each service, which shows its metrics: the sandbox's own do not."""
    environment = {**os.environ, "SANDBOX_DIR": str(sandbox_folder.absolute()), "SANDBOX_PORT": str(PORT)}
    places, processes = {}, []
    try:
        for service in SERVICES:
            port = free_port()
            command = [sys.executable, "-m", "deploy.cli", "worker", service, "--name", f"{service}-watched", "--metrics-port", str(port)]
            null = subprocess.DEVNULL
            processes.append(subprocess.Popen(command, env=environment, stdout=null, stderr=null))
            places[f"{service}-worker"] = f"127.0.0.1:{port}"
        yield places
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:  # what it had is given to others
                process.kill()


def _walk(sandbox_folder: Path) -> None:
    """Let a person go through all four services, some times over: the load itself signs nobody in."""
    environment = {**os.environ, "SANDBOX_DIR": str(sandbox_folder.absolute()), "SANDBOX_PORT": str(PORT)}
    for _ in range(JOURNEYS):
        subprocess.run([sys.executable, "-m", "deploy.cli", "journey", "--json"], env=environment, capture_output=True, check=False)


def _draw(folder: Path, service: str, prometheus: Prometheus, begin: float, end: float) -> list[str]:
    dashboard = json.loads((WATCH / "dashboards" / f"{service}.json").read_text(encoding="utf-8"))
    asked = {
        target["expr"]: prometheus.ask_range(target["expr"], begin, end, STEP_SECONDS)
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    day = datetime.fromtimestamp(begin, UTC)
    what = f"{end - begin:.0f} s of an ordinary day's load and {JOURNEYS} journeys on one machine, {day:%Y-%m-%d}"
    said = f"{what}. Drawn from the dashboard's JSON; no screenshot of Grafana."
    page = folder / f"{service}.html"
    page.write_text(drawn.page(dashboard, asked.__getitem__, said=said, begin=begin, end=end), encoding="utf-8")
    _photograph(page, KEPT / f"{service}.png")
    return [
        f"{service}: {panel['title']}" for panel in dashboard["panels"] if not any(asked[target["expr"]] for target in panel["targets"])
    ]


def _photograph(page: Path, target: Path) -> None:
    browser = os.environ.get("ANDAMIO_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        raise CannotStart("There is no Chromium on this machine to draw with: apt-get install chromium.")
    taken = page.with_suffix(".png").absolute()
    window = f"--window-size={PIXELS[0]},{PIXELS[1]}"
    command = [browser, "--headless", "--no-sandbox", "--hide-scrollbars", window, f"--screenshot={taken}", page.absolute().as_uri()]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(taken) as picture:
        plain = picture.convert("RGB")
    below = plain.point(lambda value: 255 - value).getbbox()  # what is not white
    cut = plain.crop((0, 0, plain.width, min(plain.height, (below[3] if below else plain.height) + 16)))
    cut.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
