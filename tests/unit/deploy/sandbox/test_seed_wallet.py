"""The wallet's seed: agreements really signed, a second run changes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.sandbox.seeds.wallet import seed
from shared.clock import FixedClock
from tests.factories.wallet import settings
from wallet.context import Wallet


@pytest.fixture
def context(database: Callable[[str], str], redis_url: str, clock: FixedClock) -> Iterator[Wallet]:
    made = Wallet(settings=settings(database("wallet"), redis_url), clock=clock)
    yield made
    made.close()


def counts(context: Wallet) -> dict[str, int]:
    tables = ("organisations", "clients", "datasets", "purposes", "procedures", "notices", "agreements", "signing_keys", "audit_entries")
    with context.db.begin() as connection:
        return {table: connection.execute(text(f"select count(*) from {table}")).scalar_one() for table in tables}


@pytest.mark.rule("wallet", "L14")
def test_both_agreements_are_in_force_by_both_signatures(context: Wallet, tmp_path: Path) -> None:
    part = seed(context, Plan(tmp_path, Ports(8000), b"s" * 32))
    with context.db.begin() as connection:
        rows = connection.execute(text("select agreement_id, state, signatures from agreements order by agreement_id")).all()
    assert [(row[0], row[1], len(row[2])) for row in rows] == [
        (part["agreement_id"], "active", 2),
        (part["law_agreement_id"], "active", 2),
    ]


def test_a_second_start_keeps_what_is_there(context: Wallet, tmp_path: Path) -> None:
    plan = Plan(tmp_path, Ports(8000), b"s" * 32)
    first = seed(context, plan)
    before = counts(context)
    assert seed(context, plan) == first
    assert counts(context) == before


def test_other_addresses_make_a_new_version_of_the_dataset(context: Wallet, tmp_path: Path) -> None:
    seed(context, Plan(tmp_path, Ports(8000), b"s" * 32))
    seed(context, Plan(tmp_path, Ports(9000), b"s" * 32))
    with context.db.begin() as connection:
        rows = connection.execute(text("select version, status, endpoint from datasets order by version")).all()
    assert [tuple(row) for row in rows] == [
        (1, "retired", "http://localhost:8007/v1/police-record"),
        (2, "active", "http://localhost:9007/v1/police-record"),
    ]
