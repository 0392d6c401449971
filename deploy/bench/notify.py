"""`make bench-notify`: how many messages a second notify accepts, hands over and sees delivered, on a sandbox of its own.

Everything shares the machine's cores: load, web processes, workers, relay, PostgreSQL, Valkey, and sinks that take the messages
over SMTP and HTTP, send receipts back, and are told by callback what became of each.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from deploy.bench import running
from deploy.bench.load import require_wrk
from deploy.bench.notify_steps import Rig
from deploy.bench.sinks import HOST, HTTP_OFFSET, SMTP_OFFSET, sinks
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans

STEPS = ("delivered", "accepted", "paced", "steady", "job", "recovery", "memory", "lists")
USUAL = "delivered,accepted,lists"


def main() -> int:
    """Run the steps that are asked for and print a row of Markdown for each figure."""
    options = _parser().parse_args()
    try:
        require_wrk()
        if unknown := [name for name in options.only.split(",") if name not in STEPS]:
            raise CannotStart(f"there is no step {unknown[0]}; there are {', '.join(STEPS)}")
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            bench(Path(folder) / "sandbox", options)
    except CannotStart as fault:
        print(f"bench-notify: {fault}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench-notify ARGS=…", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    number = [
        ("--seconds", 10, "length of each load"),
        ("--connections", 32, "open connections at full load"),
        ("--messages", 3000, "messages that are delivered from end to end"),
        ("--processes", 2, "web processes, and workers, of each service"),
        ("--port", 18_100, "base port of the sandbox that is measured"),
        ("--rate", 100, "paced: texts a second"),
        ("--minutes", 10, "steady: minutes at 3,000 texts a minute"),
        ("--job-rows", 100_000, "job: rows, while another service sends ten texts a second"),
        ("--waiting", 20_000, "recovery: texts that wait when Valkey is emptied and the workers are killed"),
        ("--flood", 1_000_000, "memory: texts that are accepted and handed over"),
        ("--rows", 5_000_000, "lists: messages of one service"),
    ]
    for name, default, words in number:
        parser.add_argument(name, type=int, default=default, help=words)
    parser.add_argument("--only", default=USUAL, help=f"steps, with commas between: {', '.join(STEPS)}")
    return parser


def bench(folder: Path, options: argparse.Namespace) -> None:
    """Start a sandbox and print a row for each figure, as it comes."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {time.strftime('%Y-%m-%d')}"
    print(f"Machine: {machine}. {options.processes} web processes and as many workers a service.\n")
    print("| notify | measured |\n|---|---|", flush=True)
    prepare(folder, options.port, options.processes)
    ports = (options.port + SMTP_OFFSET, options.port + HTTP_OFFSET)
    with sinks(*ports), running.sandbox(folder, options.port) as (document, _, pid):
        rig = Rig(document["notify"], folder, pid, options)
        rig.lift_limits()
        try:
            for step in (name for name in STEPS if name in options.only.split(",")):
                for name, value in getattr(rig, step)():
                    print(f"| {name} | {value} |", flush=True)
        finally:
            rig.notify.close()


def prepare(folder: Path, port: int, processes: int) -> None:
    """Say by the environment what the sandbox is made of: so many processes, and notify's messages go to the sinks."""
    os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(port), "SANDBOX_PROCESSES": str(processes)})
    plan = plans.from_environment()
    sink = f"{HOST}:{port + HTTP_OFFSET}"
    hosts = plan.environment("notify")["NOTIFY_OUTBOUND_PRIVATE_HOSTS"]
    os.environ["SANDBOX_NOTIFY_SMTP_PORT"] = str(port + SMTP_OFFSET)
    os.environ["SANDBOX_NOTIFY_SMS_GATEWAY_URL"] = f"http://{sink}/texts"
    os.environ["SANDBOX_NOTIFY_OUTBOUND_PRIVATE_HOSTS"] = f"{hosts},{sink}"


if __name__ == "__main__":
    sys.exit(main())
