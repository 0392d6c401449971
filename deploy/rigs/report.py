"""What a run leaves: a report for people and one for programs."""

import html
import json
from dataclasses import dataclass
from pathlib import Path

from deploy.rigs.faults import Broken
from deploy.rigs.load import Run


@dataclass(frozen=True)
class Books:
    """What was accounted for after a run; `faults` is empty when all of it was."""

    waited_seconds: float
    faults: tuple[str, ...]


def as_document(run: Run, books: Books, broken: Broken | None = None) -> dict[str, object]:
    """Return the report as JSON."""
    kinds = {
        name: {
            "statuses": {str(status): count for status, count in sorted(kind.statuses.items())},
            "lost": kind.lost,
            "p50_ms": kind.percentile(0.5),
            "p95_ms": kind.percentile(0.95),
            "p99_ms": kind.percentile(0.99),
        }
        for name, kind in run.kinds.items()
    }
    return {
        "profile": run.profile,
        "seconds": run.seconds,
        "sent": run.sent,
        "wrong": run.wrong,
        "late": run.late,
        "kinds": kinds,
        "fault": vars(broken) if broken else None,
        "books": {"waited_seconds": books.waited_seconds, "faults": list(books.faults)},
    }


def write(folder: Path, run: Run, books: Books, broken: Broken | None = None) -> Path:
    """Write report.json and report.html; return the second."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(as_document(run, books, broken), indent=1), encoding="utf-8")
    page = folder / "report.html"
    page.write_text(_page(run, books, broken), encoding="utf-8")
    return page


def _page(run: Run, books: Books, broken: Broken | None) -> str:
    rows = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(_statuses(kind.statuses))}</td><td>{kind.lost}</td>"
        f"<td>{kind.percentile(0.5)}</td><td>{kind.percentile(0.95)}</td><td>{kind.percentile(0.99)}</td></tr>"
        for name, kind in run.kinds.items()
    )
    told = (*books.faults, *(broken.errors if broken else ()))
    between = f"<p>{html.escape(broken.name)} from second {broken.began} to {broken.ended}.</p>" if broken else ""
    faults = "".join(f"<li>{html.escape(fault)}</li>" for fault in told) or "<li>Everything accepted is accounted for.</li>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Load: '
        f"{html.escape(run.profile)}</title><main><h1>{html.escape(run.profile)}, {run.seconds:.0f} seconds</h1>"
        f"<p>{run.sent} requests, {run.wrong} wrong, {run.late} late.</p>{between}"
        "<table><thead><tr><th>request<th>answers<th>none<th>p50 ms<th>p95 ms<th>p99 ms</thead>"
        f"<tbody>{rows}</tbody></table><h2>The books, after {books.waited_seconds:.1f} s</h2><ul>{faults}</ul></main></html>"
    )


def _statuses(statuses: dict[int, int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
