"""`python -m deploy.bench.turns TREE TREE …`: checkouts side by side, each accepting texts when it is its turn.

On a machine whose speed changes within minutes, what is measured one after the other says little about a change.  Here each
tree, a folder with its `.venv`, has a sandbox that waits while another is measured; turns go to and fro, and medians are given.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.bench import notify, running
from deploy.bench.load import measure, require_wrk
from deploy.bench.notify_steps import Rig
from deploy.bench.sinks import HTTP_OFFSET, SMTP_OFFSET, sinks
from deploy.errors import CannotStart

PORT, PORTS_APART = 18_100, 200
WARM_UP_SECONDS = 4
Turn = dict[str, float]
"""A rate, latencies, and CPU milliseconds a text by kind of process."""


def main() -> int:
    """Measure the trees in turns and print a table, a column each."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bench.turns", description=__doc__)
    parser.add_argument("trees", nargs="+", type=Path, help="checkouts with their .venv")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=6, help="length of a turn (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="open connections (default: %(default)s)")
    parser.add_argument("--key", choices=("test", "live"), default="test", help="kind of key (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="base port of the first sandbox (default: %(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        require_wrk()
        if options.serve:
            serve(options)
            return 0
        with contextlib.ExitStack() as stack:
            riders = [stack.enter_context(rider(tree.absolute(), options, number)) for number, tree in enumerate(options.trees)]
            turns = take_turns(riders, options.rounds)
    except CannotStart as fault:
        print(f"turns: {fault}", file=sys.stderr)
        return 1
    print("\n".join(render([str(tree) for tree in options.trees], turns)))
    return 0


@contextlib.contextmanager
def rider(tree: Path, options: argparse.Namespace, number: int) -> Iterator["subprocess.Popen[str]"]:
    """Start this program in a tree, with that tree's code, and give it once its sandbox waits for a turn.  Raises: CannotStart."""
    python = tree / ".venv/bin/python"
    if not python.exists():
        raise CannotStart(f"{tree} is no checkout with a .venv")
    names = ("seconds", "connections", "key")
    told = [part for name in names for part in (f"--{name}", str(getattr(options, name)))]
    command = [
        str(python),
        "-P",
        __file__,
        str(tree),
        "--serve",
        "--port",
        str(options.port + number * PORTS_APART),
        *told,
    ]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    process = subprocess.Popen(command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        _line(process)  # it is ready
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(running.STOP_SECONDS_MAX * 3)


def _line(process: "subprocess.Popen[str]") -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise CannotStart("a tree could not be measured: see above")
    return line


def take_turns(riders: Sequence["subprocess.Popen[str]"], rounds: int) -> list[list[Turn]]:
    """Have each ride once a round, to and fro; return the turns of each."""
    turns: list[list[Turn]] = [[] for _ in riders]
    for round_number in range(rounds):
        order = list(range(len(riders)))
        for each in order if round_number % 2 == 0 else reversed(order):
            process = riders[each]
            print("turn", file=process.stdin, flush=True)
            turns[each].append(json.loads(_line(process)))
    return turns


def render(names: Sequence[str], turns: Sequence[Sequence[Turn]]) -> list[str]:
    """Return a table in Markdown: medians, and the most and the least of what was accepted."""
    rows = ["| median of the turns | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for what in dict.fromkeys(key for each in turns for turn in each for key in turn):
        cells = [statistics.median(turn.get(what, 0.0) for turn in each) for each in turns]
        rows.append(f"| {what} | " + " | ".join(f"{cell:.0f}" if cell >= 100 else f"{cell:.2f}" for cell in cells) + " |")
    for words, pick in (("least accepted", min), ("most accepted", max)):
        rows.append(f"| {words} | " + " | ".join(f"{pick(turn['accepted a second'] for turn in each):.0f}" for each in turns) + " |")
    return rows


def serve(options: argparse.Namespace) -> None:
    """Start a sandbox of the present tree, say so, and load it for each line that is read."""
    with tempfile.TemporaryDirectory(prefix="andamio-bench-") as name:
        Path(name).chmod(0o755)  # the database may run as another user
        folder = Path(name) / "sandbox"
        notify.prepare(folder, options.port, 2)
        ports = (options.port + SMTP_OFFSET, options.port + HTTP_OFFSET)
        with sinks(*ports), running.sandbox(folder, options.port, code=options.trees[0]) as (document, _, pid):
            rig = Rig(document["notify"], folder, pid, options)
            rig.lift_limits()
            measure(rig.target(options.key), connections=options.connections, seconds=WARM_UP_SECONDS)
            rig.drain()
            print("ready", flush=True)
            for _ in sys.stdin:
                print(json.dumps(ride(rig)), flush=True)


def ride(rig: Rig) -> Turn:
    """Load for the seconds of a turn, let all of it be worked off, and return what that was and took."""
    options, before = rig.options, running.busy_ms(rig.pid)
    found = measure(rig.target(options.key), connections=options.connections, seconds=options.seconds)
    if found.wrong:
        raise CannotStart(f"{found.wrong} wrong answers: {found.statuses}")
    rig.drain()
    texts = found.per_second * options.seconds
    turn = {"accepted a second": found.per_second, "p50 ms": found.p50_ms, "p95 ms": found.p95_ms}
    busy = {kind: (ms - before.get(kind, 0.0)) / texts for kind, ms in running.busy_ms(rig.pid).items()}
    return turn | {f"CPU ms a text: {kind}": ms for kind, ms in busy.items() if ms >= 0.01}


if __name__ == "__main__":
    sys.exit(main())
