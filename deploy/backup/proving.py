"""Prove what was restored: audit logs and books are recomputed, and each file is held against the backup's list."""

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from deploy.backup import files, index
from deploy.operations import verify_log
from deploy.serving import settings_class
from shared.context import Context
from shared.settings import Secret, load


def prove(folder: Path, addresses: Mapping[str, str]) -> list[str]:
    """Return a sentence for each thing that does not hold in restored databases."""
    about = index.read(folder)
    contexts = {service: _context_at(service, address) for service, address in addresses.items()}
    faults = []
    try:
        for service, context in contexts.items():
            checkpoint = about.services[service].checkpoint
            # Not against the other three: they were dumped a moment later and may have witnessed more than this dump has.
            report = verify_log(context, (), seen=[("the backup", checkpoint)] if checkpoint else [])
            faults += [] if report.ok else [f"{service}: {report}"]
        if "pay" in contexts:
            faults += _faults_of_the_books(contexts["pay"])
        if "notify" in contexts:
            faults += files.prove(contexts["notify"].db, folder)
    finally:
        for context in contexts.values():
            context.close()
    return faults


def _faults_of_the_books(context: Context) -> list[str]:
    from pay.operations.proofs import prove as prove_books

    with context.reading() as tx:
        return [f"pay: {fault}" for fault in prove_books(tx.connection.execution_options(isolation_level="REPEATABLE READ")).faults]


def _context_at(service: str, address: str) -> Context:
    settings = replace(load(settings_class(service), service, os.environ), database_url=Secret(address))
    made = import_module(f"{service}.app").create_context(settings)
    assert isinstance(made, Context)  # noqa: S101 - narrows the type of a module that was found by name
    return made
