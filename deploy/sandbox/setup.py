"""Brings the four databases up to date and fills them: a process of its own, so that what it imports is not kept in memory.

Run as `python -m deploy.sandbox.setup`; writes parts.json (each service's part of sandbox.json) beside the other secrets.
"""

import hashlib
import importlib
import json
import os
import sys
from pathlib import Path

from deploy.sandbox import plan as plans
from deploy.sandbox.plan import Plan
from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]


def parts_file(plan: Plan) -> Path:
    """Where the parts and the fingerprint of what made them are kept."""
    return plan.folder / "parts.json"


def fingerprint(plan: Plan) -> str:
    """Changes whenever migrations, seeds or addresses do: then the setup must run again."""
    digest = hashlib.sha256(repr((plan.ports, plan.engines.own, plan.key("setup"))).encode())
    sources = [*(ROOT / "deploy" / "sandbox").rglob("*.py"), ROOT / "shared" / "schema.py"]
    for service in SERVICES:
        sources += (ROOT / service / "migrations").rglob("*.py")
    for source in sorted(sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def kept_parts(plan: Plan) -> dict[str, dict[str, object]] | None:
    """The parts as the last setup left them; None when it must run again."""
    try:
        kept = json.loads(parts_file(plan).read_text())
        return dict(kept["parts"]) if kept["fingerprint"] == fingerprint(plan) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def set_up(plan: Plan) -> None:
    """Migrate and seed all services, identity first: the others name its people and clients."""
    from deploy import serving
    from shared import migrations

    for service in SERVICES:
        os.environ.update(plan.environment(service))
        migrations.upgrade(service, plan.database_url(service))
    parts = {}
    for service in SERVICES:
        context = serving.create_context(service)
        try:
            parts[service] = importlib.import_module(f"deploy.sandbox.seeds.{service}").seed(context, plan)
        finally:
            context.close()
    plans.write_private(parts_file(plan), json.dumps({"fingerprint": fingerprint(plan), "parts": parts}))


def main() -> int:
    """Set up the sandbox that this process belongs to; the exit status."""
    os.umask(0o077)
    set_up(plans.from_environment())
    return 0


if __name__ == "__main__":
    sys.exit(main())
