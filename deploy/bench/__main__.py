"""`make bench`: measure, print, and with `--write` put the figures into docs/performance.md."""

import argparse
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deploy.bench import running, targets
from deploy.bench.load import Measured, Target, measure, require_wrk
from deploy.bench.profiled import where_time_goes
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SERVICE_OF = {
    "discovery": "identity",
    "client_credentials": "identity",
    "POST v2 SMS": "notify",
    "POST v1 payments": "pay",
    "exchange": "wallet",
}


def main() -> int:
    """Run every measurement once."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each load (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="open connections (default: %(default)s)")
    parser.add_argument("--port", type=int, default=18_000, help="base port of the sandbox that is measured (default: %(default)s)")
    parser.add_argument("--only", action="append", help="one target, by name (may be repeated)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            page = bench(Path(folder) / "sandbox", options)
    except CannotStart as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    print(page)
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + page + "\n" + END + rest.partition(END)[2], encoding="utf-8")
    return 0


def bench(folder: Path, options: argparse.Namespace) -> str:
    """Measure a fresh sandbox, and return the figures as Markdown."""
    with running.sandbox(folder, options.port) as (_, cold, _pid):
        pass
    with running.sandbox(folder, options.port) as (document, warm, pid):
        time.sleep(5)  # at rest
        memory = running.memory_mib(pid)
        made = [make(document) for make in targets.ALL]
        wanted = [target for target in made if not options.only or target.name in options.only]
        loads = [measure(target, connections=options.connections, seconds=options.seconds) for target in wanted]
        profiles = {
            target.name: _profile(folder, options.port, make(document))
            for make, target in zip(targets.ALL, made, strict=True)
            if target in wanted
        }
    return render(Figures(cold, warm, memory, loads, profiles), options.seconds, options.connections)


def _profile(folder: Path, port: int, target: Target) -> list[tuple[str, float, float]]:
    """Profile one target's app, in this process, on the running sandbox's engines."""
    service = SERVICE_OF[target.name]
    os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(port)})
    os.environ.update(plans.from_environment().environment(service))
    return where_time_goes(import_module(f"{service}.app").create_app(), target.requests)


@dataclass(frozen=True)
class Figures:
    """All that one run measured."""

    cold_seconds: float
    warm_seconds: float
    memory: dict[str, float]
    loads: list[Measured]
    profiles: dict[str, list[tuple[str, float, float]]]


def render(figures: Figures, seconds: int, connections: int) -> str:
    """Return the figures as Markdown."""
    python = f"Python {platform.python_version()}"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, {python}; {time.strftime('%Y-%m-%d')}"
    lines = [
        f"Machine: {machine}. Command: `make bench ARGS='--seconds {seconds} --connections {connections}'`.",
        "",
        "| start | seconds |",
        "|---|---:|",
        f"| cold: no data, packages installed | {figures.cold_seconds:.1f} |",
        f"| warm: data kept | {figures.warm_seconds:.1f} |",
        "",
        "| memory at rest | MiB (proportional) |",
        "|---|---:|",
        *(f"| {kind} | {mib:.0f} |" for kind, mib in figures.memory.items()),
        f"| **all** | **{sum(figures.memory.values()):.0f}** |",
        "",
        f"| request, {connections} connections, one web process a service | right answers/s | p50 ms | p95 ms | p99 ms | wrong |",
        "|---|---:|---:|---:|---:|---:|",
        *(f"| {m.name} | {m.per_second:.0f} | {m.p50_ms:.1f} | {m.p95_ms:.1f} | {m.p99_ms:.1f} | {m.wrong} |" for m in figures.loads),
    ]
    for name, rows in figures.profiles.items():
        lines += ["", f"Where the time of one `{name}` goes (in process, under the profiler, which about doubles it):", ""]
        lines += ["| in | ms | share |", "|---|---:|---:|", *(f"| {group} | {ms:.3f} | {share:.0%} |" for group, ms, share in rows[:8])]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
