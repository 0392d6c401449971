"""Documents that cannot go stale: settings, routes, problems, dependencies, decisions, locks."""

import importlib
import pkgutil
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from deploy import docs
from deploy.install import folder
from deploy.install.folder import Installation
from deploy.sandbox.environment import environment
from deploy.sandbox.plan import Engines, Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import settings_class
from shared.problems import Problem
from shared.settings import describe

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def every_problem() -> set[type[Problem]]:
    for package in (*SERVICES, "shared"):
        for module in pkgutil.walk_packages([str(ROOT / package)], package + "."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    found: set[type[Problem]] = set()
    waiting = [Problem]
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting.extend(kind.__subclasses__())
    return {kind for kind in found if kind.__module__.split(".")[0] in (*SERVICES, "shared")}


def test_made_documents_are_current() -> None:
    assert docs.stale() == [], "run `make docs`"


@pytest.mark.parametrize("service", SERVICES)
def test_sandbox_sets_only_settings_that_exist_and_all_that_are_required(service: str) -> None:
    plan = Plan(ROOT, Ports(8000), bytes(32), Engines("postgresql://nobody@localhost/none", "redis://localhost"))
    given = set(environment(plan, service))
    rows = describe(settings_class(service), service)
    assert given <= {row.variable for row in rows}
    assert {row.variable for row in rows if row.default is None} <= given


def test_each_secret_has_its_line_about_how_it_is_changed(tmp_path: Path) -> None:
    """Those of the settings, and those that `andamio init` makes beside them."""
    text = (ROOT / "docs/operations/keys.md").read_text()
    for service in SERVICES:
        for row in describe(settings_class(service), service):
            if row.kind == "secret":
                common = "*_" + row.variable.partition("_")[2]
                assert f"`{row.variable}`" in text or f"`{common}`" in text, row.variable
    folder.write(Installation(tmp_path, "servicios.example.cl", "Quilpalín", "800 000 000"))
    for name in ("postgres", "valkey", "grafana"):
        for path in (tmp_path / "secrets" / name).iterdir():
            assert f"secrets/{name}/{re.sub('|'.join(SERVICES), 'SERVICE', path.name)}" in text, path


def test_each_problem_has_its_page_and_each_page_its_problem() -> None:
    slugs = {kind.slug for kind in every_problem()}
    pages = {path.stem for path in (ROOT / "docs/problems").glob("*.md")} - {"README"}
    assert slugs == pages


def test_one_slug_is_one_kind_of_problem() -> None:
    kinds: dict[str, set[tuple[int, str]]] = {}
    for kind in every_problem():
        kinds.setdefault(kind.slug, set()).add((kind.status, kind.__module__.split(".")[0]))
    apart = {slug: places for slug, places in kinds.items() if len({status for status, _ in places}) > 1}
    assert not apart


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *(item for group in project["optional-dependencies"].values() for item in group)]
    names = {re.split(r"[\[<>=;! ]", item)[0].lower() for item in listed} - {"andamio"}
    told = set(re.findall(r"^\| `([^`]+)`", (ROOT / "docs/dependencies.md").read_text(), re.M))
    assert names == told


def test_locks_have_hashes_and_name_no_registry() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        pins = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^\]]+\])?==", text, re.M)
        assert pins
        assert len(pins) <= len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text))
        assert not re.search(r"https?://|--index-url|--find-links", text)


def test_decisions_are_numbered_without_gaps_and_have_their_parts() -> None:
    names = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    for name in names:
        text = (ROOT / "docs/adr" / name).read_text()
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in text, f"{name} lacks {part}"


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in (p for p in tracked() if p.suffix == ".md"):
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)} → {target}")
    assert not broken


def test_places_that_documents_name_exist() -> None:
    """Code and tests that stand in a text as evidence: `tests/…`, `shared/…`."""
    place = re.compile(r"`((?:shared|tests|deploy|docs|identity|notify|pay|wallet)/[\w./-]+)`")
    texts = {path: path.read_text() for path in tracked() if path.suffix == ".md"}
    gone = {
        f"{path.relative_to(ROOT)} → {named}"
        for path, text in texts.items()
        for named in place.findall(text)
        if not (ROOT / named).exists()
    }
    assert not gone


def test_no_path_of_a_machine_is_in_the_project() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/")
    found = [
        str(p.relative_to(ROOT))
        for p in tracked()
        if p.suffix in {".py", ".md", ".toml", ".sh", ".txt", ".yml", ".yaml", ""} and pattern.search(p.read_text(errors="ignore"))
    ]
    assert not found


def test_unreleased_changes_stand_on_top_of_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## Unreleased$", text, re.M)
