"""Documents that are made from the code: `make docs` writes them, `make check` fails when one is not current.

docs/settings.md      every setting of every service
docs/routes.md        every route, and who may use it
docs/jobs.md          every job and when it runs

and the dashboards of deploy/install/files/watch/dashboards/ and the manifests of deploy/kubernetes/base/.
"""

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from flask import Flask

from deploy.install import dashboards, kubernetes
from deploy.sandbox.environment import environment
from deploy.sandbox.plan import Engines, Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import settings_class
from shared.settings import Secret, describe, load

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Made by `make docs`. Do not edit. -->\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def settings_page() -> str:
    """Return docs/settings.md."""
    lines = [
        "# Settings",
        "",
        NOTE,
        "Read once from the environment when a process starts; all faults are told together.",
        "A secret may be given as a file: `<NAME>_FILE`.",
    ]
    for service in SERVICES:
        lines += ["", f"## {service}", "", "| variable | kind | default | what |", "|---|---|---|---|"]
        for row in describe(settings_class(service), service):
            default = "**required**" if row.default is None else f"`{row.default}`" if row.default else ""
            lines.append(f"| `{row.variable}` | {row.kind} | {default} | {_cell(row.help)} |")
    return "\n".join(lines) + "\n"


def routes_of(app: Flask) -> list[tuple[str, str, str, str]]:
    """List (address, methods, endpoint, access rule) of an app."""
    rules = app.extensions["andamio"].access_rules
    rows = []
    for rule in app.url_map.iter_rules():
        methods = " ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        rows.append((rule.rule, methods, rule.endpoint, rules[rule.endpoint].describe()))
    return sorted(rows)


def app_of(service: str, *, database_url: Secret | None = None, redis_url: Secret | None = None) -> Flask:
    """Return the app of a service as the sandbox would start it; without engines, for looking at, unless they are given."""
    plan = Plan(ROOT, Ports(8000), bytes(32), Engines("postgresql://nobody@localhost/none", "redis://localhost"))
    settings = load(settings_class(service), service, environment(plan, service))
    settings = replace(settings, database_url=database_url or settings.database_url, redis_url=redis_url or settings.redis_url)
    app = importlib.import_module(f"{service}.app").create_app(settings)
    assert isinstance(app, Flask)  # noqa: S101 - narrows the type of a module that was found by name
    return app


def routes_page() -> str:
    """Return docs/routes.md."""
    lines = ["# Routes, and who may use them", "", NOTE, "A route without an access rule keeps its service from starting."]
    for service in SERVICES:
        lines += ["", f"## {service}", "", "| address | methods | who |", "|---|---|---|"]
        lines += [f"| `{_cell(address)}` | {methods} | {_cell(access)} |" for address, methods, _, access in routes_of(app_of(service))]
    return "\n".join(lines) + "\n"


def jobs_page() -> str:
    """Return docs/jobs.md."""
    lines = [
        "# Jobs",
        "",
        NOTE,
        "Work outside requests. What is dead is listed by `andamio outbox list SERVICE` and run again by `andamio outbox replay SERVICE`.",
    ]
    for service in SERVICES:
        jobs = importlib.import_module(f"{service}.tasks").jobs
        every = {each.job: f"every {each.every_seconds} s" if each.hour is None else f"each night at {each.hour}" for each in jobs.periodic}
        lines += ["", f"## {service}", "", "| job | runs | attempts | again after |", "|---|---|---|---|"]
        for name, definition in sorted(jobs.definitions.items()):
            runs = every.get(name, "when enqueued")
            again = ", ".join(kind.__name__ for kind in definition.retry_on) or "engines away"
            lines.append(f"| `{name}` | {runs} | {definition.attempts_max} | {again} |")
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings_page,
    "docs/routes.md": routes_page,
    "docs/jobs.md": jobs_page,
    **{path: partial(dashboards.dashboard, service) for path, service in dashboards.PAGES.items()},
    **{path: partial(kubernetes.manifests, service) for path, service in kubernetes.PAGES.items()},
}


def stale() -> list[str]:
    """List the made documents that are not current."""
    return [name for name, make in PAGES.items() if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != make()]


def main() -> int:
    """Write every made document; with `--only NAME`, that one."""
    wanted = sys.argv[2:] if sys.argv[1:2] == ["--only"] else list(PAGES)
    for name in wanted:
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
