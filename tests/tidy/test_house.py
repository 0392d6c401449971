"""The house: the same rooms in the four services, layers, no cycles, files that can be held in mind."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (*SERVICES, "shared", "deploy")
ROOMS = {
    "__init__.py",
    "app.py",
    "context.py",
    "settings.py",
    "tasks.py",
    "events.py",
    "errors.py",
    "cli.py",
    "routes/__init__.py",
    "schemas/__init__.py",
    "operations/__init__.py",
    "models/__init__.py",
    "standards/__init__.py",
    "providers/__init__.py",
    "providers/base.py",
    "migrations/env.py",
    "migrations/versions/0001_first.py",
    "translations/es/messages.po",
}
SPECIAL_ROOMS = {"wallet": {"provider"}}
"""Rooms that one service has: the wallet's library for bodies that hold data."""
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
LONG_BY_NATURE = "migrations/versions/"


def sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_the_same_rooms(service: str) -> None:
    missing = sorted(room for room in ROOMS if not (ROOT / service / room).exists())
    assert not missing
    assert (ROOT / service / "templates" / service).is_dir()
    top = {path.name for path in (ROOT / service).iterdir()} - {"__pycache__", "static"}
    extra = top - SPECIAL_ROOMS.get(service, set()) - {room.split("/")[0] for room in ROOMS} - {"templates"}
    assert not extra, f"rooms that the other services do not have: {sorted(extra)}"


@pytest.mark.parametrize("service", SERVICES)
def test_package_says_what_it_is(service: str) -> None:
    tree = ast.parse((ROOT / service / "__init__.py").read_text())
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1, "an __init__ with code is a place where things hide"


def test_imports_point_one_way() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_module_imports_another_in_a_circle() -> None:
    import grimp

    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    cycles = []
    modules = sorted(graph.modules)
    for module in modules:
        for imported in graph.find_modules_directly_imported_by(module):
            if module < imported and graph.chain_exists(imported, module):
                chain = graph.find_shortest_chain(imported, module)
                details = graph.get_import_details(importer=module, imported=imported)
                if not any("TYPE_CHECKING" in str(detail.get("line_contents", "")) for detail in details):
                    cycles.append((module, *(chain or ())))
    known = {cycle for cycle in cycles if _only_for_types(cycle)}
    assert not [cycle for cycle in cycles if cycle not in known]


def _only_for_types(cycle: tuple[str, ...]) -> bool:
    """True when some step of the circle is taken only for types, or late, inside a function."""
    steps = zip(cycle, (*cycle[1:], cycle[0]), strict=True)
    return any(not _imports_at_start(importer, imported) for importer, imported in steps)


def _imports_at_start(importer: str, imported: str) -> bool:
    path = ROOT / (importer.replace(".", "/") + ".py")
    path = path if path.exists() else ROOT / importer.replace(".", "/") / "__init__.py"
    package, _, name = imported.rpartition(".")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (
            node.module == imported or (node.module == package and any(a.name == name for a in node.names))
        ):
            return True
        if isinstance(node, ast.Import) and any(alias.name == imported for alias in node.names):
            return True
    return False


def test_nothing_imports_app() -> None:
    importers = []
    for path in sources(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in {f"{service}.app" for service in SERVICES}:
                importers.append(str(path))
    assert not importers


def test_files_can_be_held_in_mind() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in sources(*PACKAGES)
        if LONG_BY_NATURE not in str(p) and (n := len(p.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert not long


def test_functions_fit_on_a_screen() -> None:
    long = []
    for path in sources(*PACKAGES):
        if LONG_BY_NATURE in str(path):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.end_lineno
                and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
            ):
                long.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert not long


@pytest.mark.parametrize("word", ["datetime.now(", "time.time(", "uuid4()", "secrets.token", "os.urandom("])
def test_time_and_chance_come_in_through_the_context(word: str) -> None:
    users = [str(path.relative_to(ROOT)) for path in sources(*SERVICES) if word in path.read_text().replace("ids.uuid4()", "")]
    assert not users


def test_environment_is_read_at_the_edge_only() -> None:
    users = [str(path.relative_to(ROOT)) for path in sources(*SERVICES) if "os.environ" in path.read_text() and path.name != "app.py"]
    assert not users


def test_only_the_context_and_the_engine_commit() -> None:
    users = [str(path.relative_to(ROOT)) for path in sources(*SERVICES) if ".commit()" in path.read_text()]
    assert not users
