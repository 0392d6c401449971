"""Looks for what names a person in everything that the suite leaves behind: logs, traces, metrics, queue, databases."""

import gzip
import json
from collections.abc import Iterator

import httpx
import psycopg
from psycopg import sql
from redis import Redis

from deploy.sandbox.people import CITIZENS, Persona
from deploy.sandbox.plan import Plan, load_or_make
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from tests.sandboxes import RunningSandbox

OUTSIDE = {"side", "alias"}
"""Programs that stand for what is not of the suite: inbox, registers, banks, the example service."""
TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"


def needles(person: Persona) -> list[bytes]:
    """What names a person, in the forms in which it might be written; also within JSON, and as PostgreSQL shows bytes."""
    digits, _, check = person.run.rpartition("-")
    run = f"{int(digits):,}".replace(",", ".") + "-" + check
    words = [" ".join((*person.given_names, *person.family_names)), person.email, person.phone, person.run, run]
    plain = [word.encode() for word in words]
    return [*plain, json.dumps(words[0])[1:-1].encode(), *(word.hex().encode() for word in plain)]


def found_in_clear(sandbox: RunningSandbox, person: Persona = CITIZENS[0]) -> list[str]:
    """Name the places where something of the person stands that anybody could read."""
    wanted = needles(person)
    return sorted({place for place, content in _places(sandbox) if any(needle in content for needle in wanted)})


def _places(sandbox: RunningSandbox) -> Iterator[tuple[str, bytes]]:
    plan = load_or_make(sandbox.folder, Ports(sandbox.base_port))
    for log in sorted((sandbox.folder / "logs").glob("*.log")):
        if log.stem not in OUTSIDE:
            yield f"log {log.stem}", log.read_bytes()
    for trace in (sandbox.folder / "traces").glob("*.otlp"):
        body = trace.read_bytes()
        yield "traces", gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    for service in SERVICES:
        yield f"metrics of {service}", httpx.get(sandbox.facts[service]["base_url"] + "/metrics").raise_for_status().content
        yield from _rows(plan, service)
        with Redis.from_url(plan.redis_url(service)) as queue:
            for key in queue.scan_iter():
                yield f"queue of {service}", key + (queue.dump(key) or b"")


def _rows(plan: Plan, service: str) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(plan.database_url(service), autocommit=True) as connection:
        for schema, table in connection.execute(TABLES).fetchall():
            statement = sql.SQL("COPY (SELECT * FROM {}.{}) TO STDOUT").format(sql.Identifier(schema), sql.Identifier(table))
            with connection.cursor().copy(statement) as rows:
                yield f"table {service}.{table}", b"".join(rows)
