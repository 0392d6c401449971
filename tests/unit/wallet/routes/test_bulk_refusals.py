"""Bulk transfers that are sent again, cut off, or cannot be read.  Spec: wallet contract §8.3 X5, X7."""

from typing import Any

import pytest

from shared.run import check_digit
from tests.factories.bulk import BULK_AGREEMENT, OTHERS, allow_bulk, code, lines, person, persons, send
from tests.factories.wallet import DATASET, FIELDS, LAW_AGREEMENT, MARKER, PURPOSE, RUN, World
from wallet.operations.batches import SECONDS_MAX
from wallet.operations.bulk_outcomes import close_interrupted_bulks
from wallet.providers.base import Order


@pytest.fixture(autouse=True)
def allowed(world: World) -> None:
    allow_bulk(world)


@pytest.mark.rule("wallet", "X7")
def test_the_same_again_runs_under_the_same_number_and_another_body_is_a_conflict(world: World) -> None:
    first, second = send(world), send(world)
    assert first.json["txn"] == second.json["txn"]
    assert [core["outcome"] for core in world.log()] == ["attempt", "bulk"] * 2
    assert [line["txn"] for line in lines(world, RUN)] == [first.json["txn"]]
    other = send(world, criteria={"es": "Otras personas."})
    assert (other.status_code, code(other)) == (409, "id_conflict")
    assert len(world.log()) == 4
    world.clock.advance(seconds=86_400)
    assert send(world, criteria={"es": "Otras personas."}).json["txn"] != first.json["txn"]


@pytest.mark.rule("wallet", "X5", "§8.1")
def test_nothing_is_released_while_the_log_cannot_be_written(world: World) -> None:
    def break_log(_order: Order) -> None:
        world.run_sql("alter table if exists audit_pending rename to gone")

    world.register.before = break_log
    answer = send(world)
    assert (answer.status_code, code(answer)) == (503, "log_unavailable")
    assert MARKER not in answer.text
    before = len(world.register.orders)
    assert send(world, request_id="bulk-0002").status_code == 503
    assert len(world.register.orders) == before  # without its attempt nobody is asked for anything
    world.run_sql("alter table gone rename to audit_pending")


@pytest.mark.rule("wallet", "X5", "§8.1")
def test_a_transfer_whose_process_died_is_closed_as_failed_for_everybody(world: World) -> None:
    def die(_order: Order) -> None:
        raise KeyboardInterrupt

    world.register.before = die
    with pytest.raises(KeyboardInterrupt):
        send(world)
    assert close_interrupted_bulks(world.wallet) == 0
    world.clock.advance(seconds=300)
    assert (close_interrupted_bulks(world.wallet), close_interrupted_bulks(world.wallet)) == (1, 0)
    assert [(core["outcome"], core.get("reason")) for core in world.log()] == [("attempt", None), ("failed", "interrupted")]
    assert [line["outcome"] for line in lines(world, OTHERS[3])] == ["failed"]
    assert world.run_sql("select state, sealed from bulks") == [("failed", None)]
    world.register.before = lambda _order: None
    assert send(world).status_code == 200


@pytest.mark.rule("wallet", "X5")
def test_whom_there_was_no_time_for_gets_nothing_and_is_told(world: World) -> None:
    world.register.before = lambda _order: world.clock.advance(seconds=SECONDS_MAX)
    answer = send(world)
    assert [row["status"] for row in answer.json["results"]] == [200, *[503] * 100]
    assert world.log()[-1]["bulk"]["counts"] == {"released": 1, "failed": 100}


@pytest.mark.rule("wallet", "X5")
@pytest.mark.parametrize(
    "changes",
    [
        {"criteria": None},
        {"criteria": {}},
        {"criteria": "todos"},
        {"criteria": {"en": "Everybody"}},
        {"criteria": {"es": ""}},
        {"criteria": {"es": "   "}},
        {"criteria": {"es": "x" * 301}},
        {"criteria": {"es": "una\nlínea"}},
        {"criteria": {"es": "cl-run:11111111-1"}},
        {"criteria": {"es": f"La persona {RUN}"}},
        {"criteria": {"es": "La persona 11.111.111-1"}},
        {"criteria": {"es": "Todos", "fr": "Tous"}},
        {"persons": [person(RUN, case_id="C-1"), *persons()[1:]]},
        {"persons": [{"subject": {"scheme": "cl-rut", "value": RUN}}, *persons()[1:]]},
        {"persons": [*persons(), person(RUN)]},
        {"persons": [person("11111111-2"), *persons()[1:]]},
        {"persons": [person(RUN, name="Camila"), *persons()[1:]]},
        {"persons": [person(f"{number}-{check_digit(number)}") for number in range(20_000_000, 20_001_001)]},
        {"basis": {"kind": "consent", "agreement_id": BULK_AGREEMENT}},
        {"request_id": "b" * 61},
        {"visibility": {"ground": "x", "release_at": "2027-01-01T00:00:00Z"}},
    ],
)
def test_a_transfer_that_cannot_be_read_is_refused_before_the_log(world: World, changes: dict[str, object]) -> None:
    answer = send(world, **changes)
    assert (answer.status_code, code(answer)) == (400, "invalid_request"), answer.json
    assert world.log() == []
    assert world.run_sql("select count(*) from bulks")[0][0] == 0


@pytest.mark.rule("wallet", "X5")
def test_criteria_are_of_many_people_and_many_people_have_criteria(world: World) -> None:
    few = send(world, [person(RUN)], basis={"kind": "law", "agreement_id": LAW_AGREEMENT})
    assert (few.status_code, code(few)) == (400, "invalid_request")
    body: dict[str, Any] = {"request_id": "bulk-0001", "persons": persons(), "dataset_id": DATASET, "fields": FIELDS, "purpose_id": PURPOSE}
    body["basis"] = {"kind": "law", "agreement_id": BULK_AGREEMENT}
    many = world.app.test_client().post("/exchange/v1/batches", json=body, headers=world.bearer())
    assert (many.status_code, code(many)) == (400, "invalid_request")
    assert world.log()[-1]["outcome"] == "rejected"


@pytest.mark.rule("wallet", "X5")
@pytest.mark.parametrize("change", [{"dataset_id": "no-such"}, {"fields": ["no_such"]}, {"purpose_id": "no-such"}])
def test_what_is_not_declared_is_rejected_and_seen_by_everybody(world: World, change: dict[str, object]) -> None:
    assert send(world, **change).status_code == 400
    assert [core["outcome"] for core in world.log()] == ["rejected"]
    assert len(lines(world, RUN)) == len(lines(world, OTHERS[0])) == 1
    assert world.app.test_client().get("/open/bulk").status_code == 200
