"""A person's page of the access log costs the same however long the log is.  Spec: wallet contract §10.3, §19."""

from typing import Any

import pytest
from sqlalchemy import event, text

from deploy.bench.filling import fill
from shared.audit.entries import SUBJECT_INDEX
from tests.factories.wallet import DATASET, PURPOSE, SCHOOL, World
from wallet.operations.access_log import Filters, lines_of_subject

PERSON, ROWS, OWN_ROWS = "cl-run:77777777-7", 6_000, 600


def core() -> dict[str, object]:
    return {
        "outcome": "released",
        "accessor": {"org_id": SCHOOL, "client_id": "c"},
        "source": {"dataset_id": DATASET},
        "fields": ["full_name"],
        "purpose_id": PURPOSE,
        "basis": {"kind": "law", "law_reference": "Ley 1"},
        "txn": "7f0c5c1e-0000-4000-8000-00000000aaaa",
        "reporter": "gate",
    }


@pytest.mark.rule("wallet", "§10.3", "§19")
@pytest.mark.parametrize("filters", [Filters(), Filters(org_id=SCHOOL)], ids=["all", "one body"])
def test_a_page_walks_the_persons_own_entries_and_stops_when_it_is_full(world: World, filters: Filters) -> None:
    wallet = world.wallet
    every = ROWS // OWN_ROWS
    fill(wallet, [PERSON if number % every == 0 else f"cl-run:{number}-0" for number in range(ROWS)], iter(core, None))
    world.run_sql(
        "insert into bulk_people select gen_random_uuid(), 0, 'released', 'x', 'x', 'x', sha256(number::text::bytea), now()"
        " from generate_series(1, 20000) as number"
    )
    with wallet.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    seen: list[tuple[str, Any]] = []
    listen = lambda _c, _cursor, statement, parameters, *_: seen.append((statement, parameters))  # noqa: E731 - SQLAlchemy calls it
    event.listen(wallet.db.engine, "before_cursor_execute", listen)
    index = wallet.cipher.blind_index(PERSON, purpose=SUBJECT_INDEX)
    assert lines_of_subject(wallet, index, filters, lang="es", limit=50)
    event.remove(wallet.db.engine, "before_cursor_execute", listen)
    statement, parameters = next(pair for pair in seen if "audit_sides" in pair[0])
    with wallet.db.begin() as connection:
        plan = connection.exec_driver_sql("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters).scalar_one()[0]["Plan"]
    scans = dict(_scans(plan))
    assert "Seq Scan" not in {kind for kind, _ in scans}
    assert scans[("Index Scan", "audit_entries")] == 150  # three for each line of the page, and not all six hundred


def _scans(node: dict[str, Any]) -> list[tuple[tuple[str, str], int]]:
    own = [((node["Node Type"], node["Relation Name"]), node["Actual Loops"])] if "Relation Name" in node else []
    return own + [found for part in node.get("Plans", ()) for found in _scans(part)]
