"""Each table says what it holds and how long: docs/security/data.md."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from deploy.services import SERVICES
from shared.db import shared_metadata
from shared.migrations import _TABLES_IN

ROOT = Path(__file__).resolve().parents[2]
CLASSES = {"personal", "secret", "business", "counts", "public"}


def said() -> dict[str, list[tuple[str, str, str]]]:
    """(table, class, kept) by section of the document."""
    sections = re.split(r"^## (\w+)$", (ROOT / "docs/security/data.md").read_text(), flags=re.M)[1:]
    rows = re.compile(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", re.M)
    return {name: rows.findall(text) for name, text in zip(sections[::2], sections[1::2], strict=True)}


def tables_of(service: str) -> set[str]:
    models = importlib.import_module(f"{service}.models")
    for module in pkgutil.iter_modules(models.__path__, f"{service}.models."):
        importlib.import_module(module.name)
    return set(importlib.import_module(f"{service}.models.base").Base.metadata.tables)


@pytest.mark.parametrize("service", SERVICES)
def test_each_table_of_a_service_is_named_with_its_rule(service: str) -> None:
    assert {table for table, _, _ in said()[service]} == tables_of(service)


def test_each_shared_table_is_named_with_its_rule() -> None:
    for module in _TABLES_IN:
        importlib.import_module(f"shared.{module}")
    assert {table for table, _, _ in said()["shared"]} == set(shared_metadata.tables)


def test_each_line_has_a_class_and_a_rule() -> None:
    assert {kind for rows in said().values() for _, kind, _ in rows} == CLASSES
    assert [table for rows in said().values() for table, _, kept in rows if len(kept) < 7] == []


def test_each_job_that_is_named_runs_by_itself() -> None:
    """A rule that names a job names one of the service's own (docs/jobs.md has them all)."""
    for service in SERVICES:
        jobs = importlib.import_module(f"{service}.tasks").jobs
        for section in (service, "shared"):
            named = {job for _, _, kept in said()[section] for job in re.findall(r"`([a-z_]+)`", kept)}
            assert named <= jobs.definitions.keys(), (service, section)
