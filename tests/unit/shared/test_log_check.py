"""The nightly look at a service's own log: where it begins, part by part, and what it says of each way to tamper."""

import json
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
import structlog
from sqlalchemy import text
from structlog.testing import capture_logs

from shared import log_check
from shared.audit.merkle import EMPTY_ROOT
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.audit.store import find_checkpoint
from shared.audit.tables import APPEND_ONLY
from shared.clock import FixedClock
from shared.context import Context
from shared.http import OutboundFailed, Reply
from shared.metrics import AUDIT_FAULTS
from tests.unit.shared.conftest import make_settings

DAY = 86_400
PEER = "https://notify.example"


class Action(StrEnum):
    MADE = "toy:thing:made"


def make(context: Context, count: int) -> list[UUID]:
    """Write, number and sign entries."""
    written = []
    assert isinstance(context.clock, FixedClock)
    for number in range(count):
        context.clock.advance(seconds=1)  # so that they get their numbers in this order
        with context.transaction() as tx:
            written.append(tx.record(Action.MADE, actor="client:toy", subject="cl-run:1-9", object_id=f"thing_{number}").entry_id)
    sign(context)
    return written


def sign(context: Context) -> None:
    with context.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, context.audit_signer, context.clock, every_seconds=0)


def tamper(context: Context, *statements: str) -> None:
    """Do as one does who owns the database."""
    with context.db.begin() as connection:
        for table in APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER audit_refuse"))
        connection.execute(text("ALTER TABLE audit_sequence DROP CONSTRAINT IF EXISTS fk_audit_sequence_entry_id"))
        for statement in statements:
            connection.execute(text(statement))


def change(context: Context, seq: int) -> None:
    tamper(
        context,
        "UPDATE audit_entries SET core = replace(core, 'thing_', 'other_')"
        f" WHERE entry_id = (SELECT entry_id FROM audit_sequence WHERE seq = {seq})",
    )


def places(context: Context) -> list[dict[str, Any]]:
    """Take the parts that wait."""
    with context.db.begin() as connection:
        rows = connection.execute(text("DELETE FROM outbox WHERE job = 'verify_log_part' RETURNING payload")).scalars()
        return list(rows)


def verified(context: Context) -> dict[str, Any]:
    """The audit rows of looks at the log, by their ids."""
    with context.db.begin() as connection:
        cores = connection.execute(text("SELECT core FROM audit_entries WHERE core LIKE '%audit:log:verified%'")).scalars()
        return {core["entry_id"]: core for core in map(json.loads, cores)}


def look(context: Context, *, rows_max: int = 4) -> tuple[list[int], dict[str, Any]]:
    """Look through the log as one night does; return where each part began, and the audit row it left."""
    before = verified(context)
    log_check.begin_check(context)
    begun = []
    while waiting := places(context):
        (place,) = waiting
        begun.append(place["since"])
        log_check.check_part(context, place, rows_max=rows_max)
    (entry_id,) = verified(context).keys() - before.keys()
    return begun, verified(context)[entry_id]


def gauge(context: Context) -> float:
    return float(AUDIT_FAULTS.labels(context.service)._value.get())


@pytest.mark.rule("wallet", "§10.2")
def test_an_empty_log_is_intact(context: Context) -> None:
    begun, core = look(context)
    assert (begun, core["outcome"], core["data"]) == ([0], "intact", {"since": 0, "size": 0, "witnesses": 0})


@pytest.mark.rule("wallet", "§10.2")
@pytest.mark.parametrize(("rows_max", "parts"), [(1, 11), (4, 3), (11, 1), (100, 1)])
def test_the_whole_is_looked_through_part_by_part(context: Context, rows_max: int, parts: int) -> None:
    make(context, 11)
    begun, core = look(context, rows_max=rows_max)
    assert begun == [number * rows_max for number in range(parts)]
    assert (core["outcome"], core["data"]) == ("intact", {"since": 0, "size": 11, "witnesses": 0})
    assert gauge(context) == 0


@pytest.mark.rule("wallet", "§10.2")
@pytest.mark.parametrize(("seq", "begun"), [(1, [0]), (4, [0]), (5, [0, 4]), (8, [0, 4]), (11, [0, 4, 8])])
def test_a_changed_row_is_named_told_and_counted_and_ends_the_look(context: Context, seq: int, begun: list[int]) -> None:
    entries = make(context, 11)
    change(context, seq)
    structlog.reset_defaults()
    with capture_logs() as lines:
        looked, core = look(context)
    assert (looked, core["outcome"]) == (begun, "faulty")
    assert core["data"]["first_fault"].startswith(f"changed at row {seq} (entry {entries[seq - 1]})")
    assert gauge(context) == core["data"]["faults"] == 1
    assert [line["event"] for line in lines if line["log_level"] == "critical"] == ["the audit log is not whole"]


@pytest.mark.rule("wallet", "§10.2")
@pytest.mark.parametrize("seq", [4, 5, 11])
def test_a_row_that_is_gone_is_missed_wherever_a_part_ends(context: Context, seq: int) -> None:
    make(context, 12)
    tamper(context, f"DELETE FROM audit_sequence WHERE seq = {seq}")
    assert look(context)[1]["data"]["first_fault"].startswith(f"missing at row {seq}")


@pytest.mark.rule("wallet", "§10.2")
def test_an_entry_that_was_kept_from_its_number_is_found_with_the_whole(context: Context) -> None:
    make(context, 5)
    with context.transaction() as tx:
        tx.record(Action.MADE, actor="client:toy")
    tamper(context, "ALTER TABLE audit_pending DISABLE TRIGGER audit_refuse", "DELETE FROM audit_pending")
    assert look(context)[1]["data"]["first_fault"].startswith("not-sequenced")


@pytest.mark.rule("wallet", "§10.2")
def test_on_sundays_it_begins_at_the_first_row_and_else_at_a_checkpoint_of_a_week_ago(context: Context, clock: FixedClock) -> None:
    make(context, 5)
    clock.advance(seconds=9 * DAY)  # a Wednesday
    make(context, 6)
    assert look(context)[0] == [5, 9]
    change(context, 7)
    assert look(context)[1]["data"]["first_fault"].startswith("changed at row 7")
    tamper(
        context,
        "UPDATE audit_entries SET core = replace(core, 'other_', 'thing_')"
        " WHERE entry_id = (SELECT entry_id FROM audit_sequence WHERE seq = 7)",
    )
    change(context, 2)
    assert look(context)[1]["outcome"] == "intact"  # the checkpoint's signature answers for the tree, and Sunday for its rows
    clock.advance(seconds=4 * DAY)
    begun, core = look(context)
    assert (begun[0], core["outcome"]) == (0, "faulty")
    assert core["data"]["first_fault"].startswith("changed at row 2")


@pytest.mark.rule("wallet", "§10.2")
@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE audit_nodes SET hash = sha256('x') WHERE level = 2 AND index = 0",
        "DELETE FROM audit_nodes WHERE level = 2 AND index = 0",
        "UPDATE audit_checkpoints SET note = 'x'",
        "DELETE FROM audit_sequence WHERE seq > 4",
    ],
)
def test_a_checkpoint_that_the_log_does_not_fit_any_more_is_no_place_to_begin(context: Context, clock: FixedClock, forgery: str) -> None:
    make(context, 5)
    clock.advance(seconds=9 * DAY)
    tamper(context, forgery)
    begun, core = look(context)
    assert (begun[0], core["outcome"]) == (0, "faulty")


@pytest.mark.rule("wallet", "§10.2")
def test_a_tree_that_changed_between_two_parts_is_a_fault(context: Context) -> None:
    make(context, 11)
    log_check.check_part(context, {"begun": 0, "since": 0, "root": EMPTY_ROOT.hex()}, rows_max=4)
    (place,) = places(context)
    log_check.check_part(context, {**place, "root": "00" * 32}, rows_max=4)
    assert (places(context), gauge(context)) == ([], 1)


class Peer:
    """Another service at the other end of `http`, and what it says that it saw of our log."""

    def __init__(self, body: str, status: int = 200, *, is_away: bool = False) -> None:
        self.body, self.status, self.is_away = body, status, is_away
        self.asked: list[str] = []

    def request(self, _method: str, url: str, **_options: Any) -> Reply:
        self.asked.append(url)
        if self.is_away:
            raise OutboundFailed("no connection", sent=False)
        return Reply(self.status, {}, self.body.encode())


def witnessed_by(context: Context, peer: Peer) -> Peer:
    url = context.settings.database_url.reveal()
    context.settings = make_settings(url, "redis://localhost", witnessed_logs=(f"{PEER}=its+key",))
    context.__dict__["http"] = peer
    return peer


def newest(context: Context) -> str:
    with context.reading() as tx:
        note = find_checkpoint(tx.connection)
    assert note is not None
    return note


@pytest.mark.rule("wallet", "§10.2")
def test_an_older_state_of_the_log_is_found_by_what_another_service_saw(context: Context) -> None:
    make(context, 4)
    make(context, 4)
    peer = witnessed_by(context, Peer(newest(context)))
    assert look(context)[1]["data"] == {"since": 0, "size": 8, "witnesses": 1}
    assert peer.asked == [f"{PEER}/log/v1/witnessed?origin=localhost%3A9000%2Flog"]  # with the last part alone
    tamper(
        context,
        "DELETE FROM audit_pending",
        "DELETE FROM audit_sequence WHERE seq > 4",
        "DELETE FROM audit_entries WHERE entry_id NOT IN (SELECT entry_id FROM audit_sequence)",
        "DELETE FROM audit_nodes WHERE (index + 1) << level > 4",
        "DELETE FROM audit_checkpoints WHERE size > 4",
    )
    assert look(context)[1]["data"]["first_fault"].startswith("truncated at row 5")


@pytest.mark.rule("wallet", "§10.2")
def test_what_another_service_saw_of_a_part_before_is_compared_too(context: Context) -> None:
    make(context, 3)
    seen = newest(context)
    make(context, 8)
    witnessed_by(context, Peer(seen))
    assert look(context)[1]["data"] == {"since": 0, "size": 11, "witnesses": 1}
    rogue = context.audit_signer.sign(3, b"\x07" * 32)
    witnessed_by(context, Peer(rogue))
    assert look(context)[1]["data"]["first_fault"].startswith("checkpoint-mismatch at row 3")


@pytest.mark.rule("wallet", "§10.2")
@pytest.mark.parametrize(
    "peer", [Peer("", 404), Peer("<html>", 200), Peer("ñ" * 50_000, 500), Peer("", is_away=True)], ids=["none", "page", "fault", "away"]
)
def test_who_saw_nothing_or_is_away_says_nothing_about_the_log(context: Context, peer: Peer) -> None:
    make(context, 5)
    witnessed_by(context, peer)
    core = look(context)[1]
    assert (core["outcome"], core["data"]["witnesses"]) == ("intact", 0)
