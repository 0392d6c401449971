"""Batches at the gate: each person judged, logged and answered by herself.  Spec: wallet contract §8.3 X5, X7."""

import pytest
from werkzeug.test import TestResponse

from tests.factories.wallet import DATASET, FIELDS, LAW_AGREEMENT, OTHER_RUN, PURPOSE, RECORD, RUN, World
from wallet.operations import batches

LAW = {"kind": "law", "agreement_id": LAW_AGREEMENT}


def persons(*runs: str) -> list[dict[str, object]]:
    return [{"subject": {"scheme": "cl-run", "value": run}} for run in runs]


def send(world: World, who: list[dict[str, object]], **changes: object) -> TestResponse:
    body = {"request_id": "batch-0001", "persons": who, "dataset_id": DATASET, "fields": FIELDS, "purpose_id": PURPOSE, "basis": LAW}
    return world.app.test_client().post("/exchange/v1/batches", json={**body, **changes}, headers=world.bearer())


@pytest.mark.rule("wallet", "X5")
def test_each_person_has_her_own_rows_in_the_log(world: World) -> None:
    world.register.people[OTHER_RUN] = dict(RECORD)
    answer = send(world, persons(RUN, OTHER_RUN, "33333333-3"))
    assert answer.status_code == 200
    results = answer.json["results"]
    assert [row["data"] is None for row in results] == [False, False, True]
    assert len({row["txn"] for row in results}) == 3
    assert [core["outcome"] for core in world.log()] == ["attempt", "released"] * 2 + ["attempt", "no_record"]
    shown = world.browser(OTHER_RUN).get("/me/access-log").json["lines"]
    assert [line["txn"] for line in shown] == [results[1]["txn"]]


@pytest.mark.rule("wallet", "X5")
def test_a_refusal_of_one_touches_no_other(world: World) -> None:
    consent_id = world.granted()
    who = [{**persons(RUN)[0], "consent_id": consent_id}, *persons(OTHER_RUN)]
    answer = send(world, who, basis={"kind": "consent"})
    assert answer.status_code == 207
    mine, hers = answer.json["results"]
    assert mine["status"] == 200
    assert (hers["status"], hers["type"].rpartition(":")[2]) == (403, "consent_required")
    assert [core["outcome"] for core in world.log(txn=hers["txn"])] == ["denied"]


@pytest.mark.rule("wallet", "X7")
def test_the_same_batch_again_runs_under_the_same_numbers_and_counts_one_use(world: World) -> None:
    consent_id = world.granted()
    who = [{**persons(RUN)[0], "consent_id": consent_id}]
    first, second = (send(world, who, basis={"kind": "consent"}) for _ in range(2))
    assert first.json["results"][0]["txn"] == second.json["results"][0]["txn"]
    assert world.run_sql("select uses from consents") == [(1,)]
    other = send(world, persons(OTHER_RUN))
    assert other.json["results"][0]["type"].endswith("id_conflict")


@pytest.mark.rule("wallet", "X5")
def test_what_there_was_no_time_for_is_said_and_can_be_asked_again(world: World) -> None:
    world.register.before = lambda _order: world.clock.advance(seconds=batches.SECONDS_MAX)
    answer = send(world, persons(RUN, OTHER_RUN))
    assert [row["status"] for row in answer.json["results"]] == [200, 503]
    assert len(world.log()) == 2
    world.register.before = lambda _order: None
    assert [row["status"] for row in send(world, persons(RUN, OTHER_RUN)).json["results"]] == [200, 200]


@pytest.mark.rule("wallet", "X5")
@pytest.mark.parametrize(
    "changes",
    [
        {"persons": []},
        {"persons": persons(*[RUN] * 2)},
        {"persons": [{"subject": {"scheme": "cl-run", "value": "11111111-2"}}]},
        {"persons": [{"subject": {"scheme": "cl-run", "value": RUN}, "run": RUN}]},
        {"persons": [{"subject": {"scheme": "cl-run", "value": str(number)}} for number in range(101)]},
        {"basis": {"kind": "law"}},
        {"request_id": "short"},
        {"fields": ["full_name", "full_name"]},
    ],
)
def test_a_batch_that_cannot_be_read_is_refused_whole(world: World, changes: dict[str, object]) -> None:
    answer = send(world, persons(RUN), **changes)
    assert (answer.status_code, answer.json["type"].rpartition(":")[2]) == (400, "invalid_request")
    assert world.log() == []
