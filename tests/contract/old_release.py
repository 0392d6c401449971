"""Run by the code of the release before this one, on databases that this one has migrated: `python old_release.py FOLDER PORT`.

It fills them, answers requests of each service, runs jobs, and prints what came of it.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy import serving
from deploy.bench import targets
from deploy.sandbox import plan as plans
from deploy.sandbox import report
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from shared import outbox
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.context import Context
from shared.tasks import run_leased

ASKED = (targets.discovery, targets.client_credentials, targets.notify_sms, targets.pay_create)
TIMES = 3
JOBS_MAX = 10


def main(folder: Path, port: int) -> None:
    """Do all of it."""
    plan = plans.load_or_make(folder, Ports(port))
    for service in SERVICES:
        os.environ.update(plan.environment(service))
    parts = _seed(plan)
    document = report.document(plan, parts, "old")
    statuses: dict[str, list[int]] = {}
    dead: dict[str, int] = {}
    for service in SERVICES:
        app = importlib.import_module(f"{service}.app").create_app()
        context: Context = app.extensions["andamio"].context
        client = app.test_client()
        statuses[service] = [client.get(path).status_code for path in ("/readyz", "/performance.json", "/openapi.json")]
        for make in ASKED:
            target = make(document)
            if target.origin == plan.ports.url(service):
                statuses[service] += [_ask(client, raw) for raw in (list(target.requests) * TIMES)[:TIMES]]
        dead[service] = _work(context, service)
        context.close()
    parts_of_it = [serving, *(sys.modules[f"{service}.app"] for service in SERVICES)]
    code = sorted({str(Path(part.__file__ or "").parents[1]) for part in parts_of_it})
    sys.stdout.write(json.dumps({"statuses": statuses, "dead": dead, "code": code}))


def _seed(plan: Plan) -> dict[str, Any]:
    parts = {}
    for service in SERVICES:
        context = serving.create_context(service)
        parts[service] = importlib.import_module(f"deploy.sandbox.seeds.{service}").seed(context, plan)
        context.close()
    return parts


def _ask(client: Any, raw: bytes) -> int:
    """Send one prepared request; its status."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines if not line.lower().startswith("content-length:"))
    status: int = client.open(urlsplit(path).path, method=method, data=body, headers=headers).status_code
    return status


def _work(context: Context, service: str) -> int:
    """Run jobs that are due, and number and sign the log as the relay does; how many were given up."""
    jobs = importlib.import_module(f"{service}.tasks").jobs
    with context.db.begin() as connection:
        rows = outbox.lease_due(connection, context.clock.now(), limit=JOBS_MAX)
    for row in rows:
        run_leased(context, jobs, row.job, row.id, row.lease, runner="old")
    with context.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, context.audit_signer, context.clock)
        return outbox.depth(connection, context.clock.now()).dead


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
