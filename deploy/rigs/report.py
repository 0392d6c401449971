"""What a run leaves: a report for people and one for programs."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.rigs.faults import Broken
from deploy.rigs.load import Run


@dataclass(frozen=True)
class Books:
    """What was accounted for after a run; `faults` is empty when all of it was."""

    waited_seconds: float
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Figures of a rig: a head and rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def as_html(self) -> str:
        """Return it for a page."""
        head = "".join(f"<th>{html.escape(name)}" for name in self.head)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in self.rows)
        return f"<h2>{html.escape(self.title)}</h2><table><thead><tr>{head}</thead><tbody>{rows}</tbody></table>"

    def as_text(self) -> str:
        """Return it as Markdown."""
        rows = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in self.rows]
        return "\n".join([f"| {' | '.join(self.head)} |", "|" + "---|" * len(self.head), *rows])


def write_tables(folder: Path, title: str, tables: Sequence[Table], faults: Sequence[str] = ()) -> Path:
    """Write report.json and report.html of a rig that is no day's load; return the second."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"title": title, "tables": [vars(table) for table in tables], "faults": list(faults)}
    (folder / "report.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    page = folder / "report.html"
    wrong = "".join(f"<li>{html.escape(fault)}</li>" for fault in faults) or "<li>No fault.</li>"
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><main><h1>{html.escape(title)}</h1>'
        f"{''.join(table.as_html() for table in tables)}<ul>{wrong}</ul></main></html>",
        encoding="utf-8",
    )
    return page


def as_document(run: Run, books: Books, broken: Broken | None = None, tables: Sequence[Table] = ()) -> dict[str, object]:
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
        "tables": [vars(table) for table in tables],
        "books": {"waited_seconds": books.waited_seconds, "faults": list(books.faults)},
    }


def write(folder: Path, run: Run, books: Books, broken: Broken | None = None, *, tables: Sequence[Table] = ()) -> Path:
    """Write report.json and report.html; return the second."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(as_document(run, books, broken, tables), indent=1), encoding="utf-8")
    page = folder / "report.html"
    page.write_text(_page(run, books, broken, tables), encoding="utf-8")
    return page


def _page(run: Run, books: Books, broken: Broken | None, tables: Sequence[Table]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(_statuses(kind.statuses))}</td><td>{kind.lost}</td>"
        f"<td>{kind.percentile(0.5)}</td><td>{kind.percentile(0.95)}</td><td>{kind.percentile(0.99)}</td></tr>"
        for name, kind in run.kinds.items()
    )
    told = (*books.faults, *(broken.errors if broken else ()))
    between = f"<p>{html.escape(broken.name)} from second {broken.began} to {broken.ended}.</p>" if broken else ""
    figures = "".join(table.as_html() for table in tables)
    faults = "".join(f"<li>{html.escape(fault)}</li>" for fault in told) or "<li>Everything accepted is accounted for.</li>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Load: '
        f"{html.escape(run.profile)}</title><main><h1>{html.escape(run.profile)}, {run.seconds:.0f} seconds</h1>"
        f"<p>{run.sent} requests, {run.wrong} wrong, {run.late} late.</p>{between}"
        "<table><thead><tr><th>request<th>answers<th>none<th>p50 ms<th>p95 ms<th>p99 ms</thead>"
        f"<tbody>{rows}</tbody></table>{figures}<h2>The books, after {books.waited_seconds:.1f} s</h2><ul>{faults}</ul></main></html>"
    )


def _statuses(statuses: dict[int, int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
