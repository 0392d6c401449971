"""`make bench-identity`: our OpenID Connect provider, with everything in PostgreSQL, beside node-oidc-provider with all of it in memory.

The same requests and the same people go to both, one after the other, on the same machine.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask
from joserfc.jwk import ECKey

from deploy.bench import identity_people as people
from deploy.bench import peer, running
from deploy.bench.crowds import Steady
from deploy.bench.identity_factors import measure_factors
from deploy.bench.identity_servers import BY_KEY, BY_SECRET, PEER_CALLBACK, REFRESH, Server, our_server, targets, their_server
from deploy.bench.load import Measured, Target, measure, require_wrk
from deploy.bench.profiled import where_time_goes
from deploy.errors import CannotStart
from deploy.sandbox import plan as plans
from shared import logs

FACTORS = "factors"
LOGINS, SIGNED_IN, EXCHANGES = "whole logins (ours with Argon2id)", "logins without page and hash", "code exchanges (by secret)"
OVERLOAD, PROFILE = "overload", "profile"
Walk = Callable[[Server, int, float], Measured]
WALKS: Mapping[str, Walk] = {EXCHANGES: people.code_exchanges, SIGNED_IN: people.signed_in, LOGINS: people.whole_logins}


@dataclass(frozen=True)
class Figures:
    """All that one run measured; what was not asked for is empty."""

    ours: Mapping[str, Measured]
    theirs: Mapping[str, Measured]
    absent: str | None
    memory: Sequence[tuple[float, float]]
    hashes: float
    overload: people.Overload | None
    profile: tuple[str, list[tuple[str, float, float]]] | None


def main() -> int:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(prog="make bench-identity ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of each load (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="open connections (default: %(default)s)")
    parser.add_argument("--port", type=int, default=18_100, help="base port of the sandbox that is measured (default: %(default)s)")
    parser.add_argument("--only", action="append", help=f"one row, by name, or {FACTORS}, {OVERLOAD}, {PROFILE} (may be repeated)")
    parser.add_argument("--people", type=int, default=60, help="people who sign in once with each factor (default: %(default)s)")
    options = parser.parse_args()
    try:
        require_wrk()
        with tempfile.TemporaryDirectory(prefix="andamio-bench-") as folder:
            Path(folder).chmod(0o755)  # the database may run as another user
            with running.sandbox(Path(folder) / "sandbox", options.port) as (document, _, pid):
                print(render(bench(Path(folder) / "sandbox", document, pid, options)))
    except CannotStart as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    return 0


def bench(folder: Path, document: dict[str, Any], pid: int, options: argparse.Namespace) -> Figures:
    """Measure ours, then the peer."""

    def wanted(name: str) -> bool:
        return not options.only or name in options.only

    server = our_server(document)
    ours = load_all(server, wanted, options)
    hashes = people.hashes_per_second(options.seconds) if wanted(LOGINS) else 0.0
    memory = running.memory_of_web(pid, "identity")
    flood = None
    if wanted(OVERLOAD):
        served = ours[LOGINS] if LOGINS in ours else people.whole_logins(server, options.connections, options.seconds)
        flood = people.overload(server, served.per_second, options.seconds)
    profile = _profile(folder, options.port, server, ours) if wanted(PROFILE) else None
    if wanted(FACTORS):
        app = _app_here(folder, options.port)
        ours |= measure_factors(server, app.extensions["andamio"].context, document["inbox"], options.people)
    absent = peer.missing()
    theirs: dict[str, Measured] = {}
    if absent is None:
        machine = document["identity"]["clients"]["machine"]
        public = ECKey.import_key(machine["private_jwk"]).as_dict(private=False)
        asked = {"machine": {"client_id": machine["client_id"], "public_jwk": public}, "resource": document["notify"]["base_url"]}
        with peer.serving(options.port + 50, {**asked, "callback": PEER_CALLBACK}) as made:
            theirs = load_all(their_server(made, machine, asked["resource"]), wanted, options)
    if BY_SECRET in theirs and BY_KEY in ours:
        ours[BY_SECRET] = ours[BY_KEY]
    return Figures(ours, theirs, absent, memory, hashes, flood, profile)


def load_all(server: Server, wanted: Callable[[str], bool], options: argparse.Namespace) -> dict[str, Measured]:
    """Load each request in turn, then people."""
    found = {
        name: measure(make(), connections=options.connections, seconds=options.seconds)
        for name, make in targets(server).items()
        if wanted(name)
    }
    return found | {name: walk(server, options.connections, options.seconds) for name, walk in WALKS.items() if wanted(name)}


def _profile(folder: Path, port: int, server: Server, ours: Mapping[str, Measured]) -> tuple[str, list[tuple[str, float, float]]]:
    """Profile the slowest single request, in this process, on the running sandbox's engines."""
    makers = targets(server)
    slowest = min((name for name in makers if name in ours), key=lambda name: ours[name].per_second, default=REFRESH)
    target: Target = makers[slowest]()
    return slowest, where_time_goes(_app_here(folder, port), target.requests)


def _app_here(folder: Path, port: int) -> Flask:
    """Make the running sandbox's identity once more, in this process."""
    os.environ.update({"SANDBOX_DIR": str(folder), "SANDBOX_PORT": str(port)})
    os.environ.update(plans.from_environment().environment("identity"))
    logs.configure("bench", "warning")
    app: Flask = import_module("identity.app").create_app()  # by name, as processes find it
    return app


def render(figures: Figures) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| request | ours/s | p50 ms | p95 ms | p99 ms | wrong | node/s | p50 ms | p95 ms | p99 ms | wrong | ours/node |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, mine in figures.ours.items():
        other = figures.theirs.get(name)
        beside = f"{_cells(other)} | {mine.per_second / other.per_second:.2f}" if other and other.per_second else " | ".join("–" * 6)
        lines.append(f"| {name} | {_cells(mine)} | {beside} |")
    lines += ["", *_about_hashes(figures), *_about_overload(figures.overload), *_about_memory(figures.memory)]
    if figures.absent:
        lines.append(f"node-oidc-provider was not measured: {figures.absent}.")
    lines += [line for who, all_of in (("Ours", figures.ours), ("node-oidc-provider", figures.theirs)) for line in _faults(who, all_of)]
    if figures.profile is not None:
        name, rows = figures.profile
        lines += ["", f"Where the time of one `{name}` goes (in process, under the profiler, which about doubles it):", ""]
        lines += ["| in | ms | share |", "|---|---:|---:|", *(f"| {group} | {ms:.3f} | {share:.0%} |" for group, ms, share in rows[:8])]
    return "\n".join(lines)


def _cells(one: Measured) -> str:
    digits = 0 if one.per_second >= 10 else 2
    return f"{one.per_second:.{digits}f} | {one.p50_ms:.1f} | {one.p95_ms:.1f} | {one.p99_ms:.1f} | {one.wrong}"


def _about_hashes(figures: Figures) -> list[str]:
    if not figures.hashes:
        return []
    share = figures.ours[LOGINS].per_second / figures.hashes
    return [f"Argon2id alone: {figures.hashes:.1f} hashes/s on all cores; whole logins are {share:.0%} of that (aim: 80 %)."]


def _about_overload(found: people.Overload | None) -> list[str]:
    if found is None:
        return []
    logins, tokens, jwks = (
        ", ".join(f"{many} × {said}" for said, many in sorted(one.answers.items())) for one in (found.logins, found.tokens, found.jwks)
    )
    p95 = partial(Steady.percentile, share=0.95)
    text = f"Overload: {found.offered_per_second:.0f} sign-in forms a second, ten times what is served: {logins}, "
    text += f"p95 {p95(found.logins):.0f} ms; meanwhile "
    return [f"{text}tokens p95 {p95(found.tokens):.0f} ms ({tokens}), JWKS p95 {p95(found.jwks):.0f} ms ({jwks}) (aim: below 200)."]


def _about_memory(workers: Sequence[tuple[float, float]]) -> list[str]:
    told = ", ".join(f"{proportional:.0f} MiB proportional, {resident:.0f} resident" for proportional, resident in workers)
    return [f"Memory of each web process of identity: {told} (aim: below 150)."]


def _faults(who: str, found: Mapping[str, Measured]) -> list[str]:
    return [f"{who}, {name}: {one.wrong} wrong answers, {one.fault or one.statuses}." for name, one in found.items() if one.wrong]


if __name__ == "__main__":
    sys.exit(main())
