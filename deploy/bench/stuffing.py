"""`python -m deploy.bench.stuffing`: stolen passwords by the thousand, from many addresses, against a sandbox of its own (LK-3, LK-6).

10,000 RUNs with three passwords each (or, with `--spray`, one password for all of them) are sent to the sign-in page, each try from another
address; the sandbox's people are among them.  Then each of those signs in as always in a browser that is known, and in a new one.
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deploy.bench import running
from deploy.bench.identity_servers import Server, our_server
from deploy.bench.visitors import Filled, Lost, Visitor
from deploy.bench.wire import Answer
from deploy.errors import CannotStart
from identity.standards.robot_check import WAIT_SECONDS
from shared.run import Run, check_digit

FIRST_RUN = 9_000_000
SPRAYED = "Invierno-2026-Chile"
REFUSED, CHECKED, BUSY, LET_IN, NO_ANSWER = "refused", "robot check asked for", "busy", "let in", "no answer"
BUSY_SECONDS = 0.2
"""A program does not wait as long as `Retry-After` says."""
TICKET = b'name="ticket"'
Try = tuple[str, str, str]
"""RUN, password, address."""


@dataclass
class Attack:
    """What the tries were answered with, and who of the real people got in afterwards."""

    answers: Counter[str] = field(default_factory=Counter)
    turned_away: int = 0
    seconds: float = 0.0
    owners: int = 0
    known: int = 0
    new: int = 0
    new_checked: int = 0

    @property
    def is_held(self) -> bool:
        """True when nobody got in who should not, and everybody who should."""
        return not self.answers[LET_IN] and self.known == self.owners == self.new


def tries(runs: Sequence[str], *, spray: bool, passwords: int, seed: int = 4) -> Iterator[Try]:
    """Each RUN with each password, round by round, each from an address of a network of its own."""
    draw = random.Random(seed)  # noqa: S311 - addresses of made-up strangers
    for turn in range(1 if spray else passwords):
        for run in runs:
            password = SPRAYED if spray else f"stolen {turn} of {run}"
            yield run, password, f"{draw.randrange(170, 190)}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(1, 255)}"


def kind_of(answer: Answer) -> str:
    """Say what became of one try."""
    if answer.status == 503:
        return BUSY
    if 300 <= answer.status < 400:
        return LET_IN
    if answer.status == 400:
        return CHECKED if TICKET in answer.body else REFUSED
    return str(answer.status)


def attack(server: Server, sent: Iterator[Try], threads: int) -> Attack:
    """Send all tries, so many at once; a form serves until it has expired."""
    done, lock = Attack(), threading.Lock()
    began = time.monotonic()

    def work() -> None:
        visitor, filled = Visitor(server.door, server.people[0]), None
        while True:
            with lock:
                one = next(sent, None)
            if one is None:
                return visitor.leave()
            said = BUSY
            while said == BUSY:
                try:
                    filled = filled or visitor.come_to_form()
                    said = kind_of(_send(visitor, filled, one))
                except (Lost, OSError):
                    said = NO_ANSWER
                with lock:
                    done.turned_away += said == BUSY
                if said == BUSY:
                    time.sleep(BUSY_SECONDS)
            if said not in {REFUSED, CHECKED}:
                filled = None
            with lock:
                done.answers[said] += 1

    with ThreadPoolExecutor(threads) as pool:
        for each in [pool.submit(work) for _ in range(threads)]:
            each.result()
    done.seconds = time.monotonic() - began
    return done


def _send(visitor: Visitor, filled: Filled, one: Try) -> Answer:
    run, password, visitor.address = one
    return visitor.send_form(replace(filled, fields={**filled.fields, "run": run, "password": password}))


def let_owners_in(server: Server, known: Sequence[Visitor], done: Attack) -> None:
    """Sign each of the real people in, in the browser they always use and in a new one, which may have to wait for the robot check."""
    for number, (owner, visitor) in enumerate(zip(server.people, known, strict=True)):
        done.owners += 1
        done.known += _gets_in(visitor)
        done.new += _new_browser(server, owner, f"200.7.{number}.7", done)


def _gets_in(visitor: Visitor) -> bool:
    try:
        return bool(visitor.sign_in())
    except Lost:
        return False


def _new_browser(server: Server, owner: Mapping[str, str], address: str, done: Attack) -> bool:
    visitor = Visitor(server.door, owner)
    visitor.address = address
    filled = visitor.come_to_form()
    answer = visitor.send_form(filled)
    if kind_of(answer) == CHECKED:
        done.new_checked += 1
        time.sleep(WAIT_SECONDS + 1)  # as a browser without script does
        answer = visitor.send_form(visitor.read_form(filled.url, answer))
    visitor.leave()
    return kind_of(answer) == LET_IN


def render(done: Attack) -> str:
    """Return the figures as Markdown."""
    total = sum(done.answers.values())
    rows = [f"| {said} | {count} | {count / total:.1%} |" for said, count in done.answers.most_common()]
    told = [
        f"{total} tries in {done.seconds:.0f} s ({total / done.seconds:.1f} a second);",
        f"{done.turned_away} times turned away for a moment and sent again.",
        f"Of {done.owners} people under attack {done.known} got in at once in their own browser,",
        f"and {done.new} in a new one ({done.new_checked} after the robot check).",
        "Held." if done.is_held else "NOT HELD.",
    ]
    return "\n".join(["| answered | tries | share |", "|---|---:|---:|", *rows, "", " ".join(told)])


def run(document: dict[str, Any], options: argparse.Namespace) -> Attack:  # sandbox.json, read by key
    """Let the people come once, attack, and let them come again."""
    server = our_server(document)
    known = [Visitor(server.door, owner) for owner in server.people]
    for visitor in known:
        visitor.sign_in()
    strangers = [str(Run(number, check_digit(number))) for number in range(FIRST_RUN, FIRST_RUN + options.runs)]
    victims = [*(owner["run"] for owner in server.people), *strangers][: options.runs]
    done = attack(server, tries(victims, spray=options.spray, passwords=options.passwords), options.threads)
    let_owners_in(server, known, done)
    return done


def main() -> int:
    """Attack and print."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bench.stuffing", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="RUNs that are tried (default: %(default)s)")
    parser.add_argument("--passwords", type=int, default=3, help="passwords for each of them (default: %(default)s)")
    parser.add_argument("--spray", action="store_true", help="one password for all of them instead")
    parser.add_argument("--threads", type=int, default=8, help="tries at once (default: %(default)s)")
    parser.add_argument("--port", type=int, default=18_400, help="base port of the sandbox that is attacked (default: %(default)s)")
    options = parser.parse_args()
    os.environ["SANDBOX_IDENTITY_TRUSTED_PROXIES"] = "1"  # so that each try has the address that its header says
    try:
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            with running.sandbox(Path(folder) / "sandbox", options.port) as (document, _, _):
                done = run(document, options)
    except CannotStart as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    print(render(done))
    return 0 if done.is_held else 1


if __name__ == "__main__":
    raise SystemExit(main())
