"""Bulk transfers: many people in one call, one row in the log that each of them finds.  Spec: wallet contract §8.3 X5, §9, §10."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import text
from werkzeug.test import TestResponse

from deploy.exports import check_export
from deploy.operations import verify_log
from shared.audit.proofs import BadProof, check_proof
from shared.audit.sequencer import sequence_pending, sign_checkpoint
from shared.run import check_digit
from tests.factories.counted import forgotten
from tests.factories.wallet import (
    AGREEMENT,
    DATASET,
    FIELDS,
    LAW,
    LAW_AGREEMENT,
    MARKER,
    OTHER_RUN,
    PURPOSE,
    RECORD,
    REGISTRY,
    RUN,
    SCHOOL,
    World,
    agreement,
    law_agreement,
)
from wallet.models.agreement import AgreementState
from wallet.models.bulk import BULK_STATES, BulkState
from wallet.operations.access_notices import tell_accesses
from wallet.operations.agreements import end_agreement
from wallet.operations.batches import SECONDS_MAX
from wallet.operations.bulk_outcomes import close_interrupted_bulks
from wallet.operations.bulk_people import erase_old
from wallet.operations.consents import withdraw
from wallet.providers.base import Order

BULK_AGREEMENT = "agr-bulk"
LIMITS: dict[str, object] = {"sensitive_allowed": True, "modes": ["view"], "max_duration": 90 * 86_400}
CRITERIA = {"es": "Quienes postulan a un colegio este año.", "en": "Everybody who applies to a school this year."}
OTHERS = [f"{number}-{check_digit(number)}" for number in range(10_000_000, 10_000_099)]
STRANGER = "15000000-" + check_digit(15_000_000)


def code(answer: TestResponse) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


def persons(*first: dict[str, object]) -> list[dict[str, object]]:
    """One more than a batch has: those named, or RUN and OTHER_RUN, and others."""
    named = list(first) or [person(RUN), person(OTHER_RUN)]
    return [*named, *map(person, OTHERS)]


def person(run: str, **more: object) -> dict[str, object]:
    return {"subject": {"scheme": "cl-run", "value": run}, **more}


def send(world: World, who: list[dict[str, object]] | None = None, **changes: object) -> TestResponse:
    body: dict[str, Any] = {"request_id": "bulk-0001", "persons": who or persons(), "dataset_id": DATASET, "fields": FIELDS}
    body |= {"purpose_id": PURPOSE, "basis": {"kind": "law", "agreement_id": BULK_AGREEMENT}, "criteria": CRITERIA}
    body |= {"official": {"id": "secretaria-01", "unit": "Admisión"}, **changes}
    return world.app.test_client().post("/exchange/v1/batches", json=body, headers=world.bearer())


def signed(world: World) -> None:
    with world.wallet.db.begin() as connection:
        sequence_pending(connection)
        sign_checkpoint(connection, world.wallet.audit_signer, world.clock)


def lines(world: World, run: str) -> list[dict[str, Any]]:
    return list(world.browser(run).get("/me/access-log").json["lines"])


@pytest.fixture(autouse=True)
def allowed(world: World) -> None:
    now = world.clock.now()
    limits = {**LIMITS, "bulk": True}
    world.add(law_agreement(now, agreement_id=BULK_AGREEMENT, limits=limits))
    world.add(agreement(now, agreement_id="agr-bulk-consent", limits=limits))
    world.register.people[OTHER_RUN] = dict(RECORD)


@pytest.mark.rule("wallet", "X5")
@pytest.mark.parametrize("present", BulkState)
def test_each_pair_of_states(present: BulkState) -> None:
    moves = {("attempt", "done"), ("attempt", "failed"), ("done", "attempt"), ("failed", "attempt")}
    assert {target for target in BulkState if BULK_STATES.allows(present, target)} == {two for one, two in moves if one == present}


# --- one row --------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "X5", "§10.1", "L4")
def test_many_people_are_one_row_with_criteria_and_counts_and_no_person(world: World) -> None:
    answer = send(world)
    assert answer.status_code == 200, answer.json
    results = answer.json["results"]
    assert [row["data"] is None for row in results] == [False, False, *[True] * 99]
    assert {row["txn"] for row in results} == {answer.json["txn"]}
    attempt, row = world.log()
    assert (attempt["outcome"], row["outcome"]) == ("attempt", "bulk")
    assert (attempt["txn"], row["entry_id"]) == (answer.json["txn"], answer.json["log_entry_id"])
    assert attempt["bulk"] == {"asked": 101, "criteria": CRITERIA}
    assert {name: row["bulk"][name] for name in ("asked", "criteria", "counts")} == {
        "asked": 101,
        "criteria": CRITERIA,
        "counts": {"released": 2, "no_record": 99},
    }
    assert (row["accessor"]["org_id"], row["source"]["org_id"], row["basis"]["law_reference"]) == (SCHOOL, REGISTRY, LAW)
    assert "subject" not in row
    assert not any(run.partition("-")[0] in json.dumps(world.log()) for run in (RUN, OTHER_RUN, *OTHERS))


@pytest.mark.rule("wallet", "X5", "§8.1")
def test_no_value_is_kept(world: World) -> None:
    assert MARKER in send(world).text
    for table in ("bulks", "bulk_people", "exchanges", "audit_entries", "audit_sides", "outbox"):
        assert world.run_sql(f"select count(*) from {table} as one where one::text like '%{MARKER}%'")[0][0] == 0, table


@pytest.mark.rule("wallet", "X5", "§10.3", "D8")
def test_each_of_them_sees_it_and_nobody_else(world: World) -> None:
    answer = send(world)
    for run, outcome in ((RUN, "released"), (OTHERS[-1], "no_record")):
        (line,) = lines(world, run)
        assert (line["txn"], line["outcome"], line["bulk"]) == (answer.json["txn"], outcome, {"people": 101, "criteria": CRITERIA["es"]})
    assert lines(world, STRANGER) == []
    page = BeautifulSoup(world.browser(RUN).get("/access-log?lang=en").text, "html.parser").get_text(" ")
    assert "They asked about 101 people at once." in page
    assert CRITERIA["en"] in page
    assert len(lines(world, RUN)) == 1
    assert world.browser(RUN).get("/me/access-log?outcome=denied").json["lines"] == []
    assert world.browser(RUN).get(f"/access-log/{answer.json['txn']}/ask").status_code == 200
    assert world.browser(STRANGER).get(f"/access-log/{answer.json['txn']}/ask").status_code == 404
    assert world.browser(STRANGER).get("/me/access-log/export").json["lines"] == []


@pytest.mark.rule("wallet", "X5", "§10.3")
def test_her_own_entries_and_those_of_many_stand_in_one_list_in_their_order(world: World) -> None:
    single = {"kind": "law", "agreement_id": LAW_AGREEMENT}
    txns = [world.fetch(world.exchange_body(basis=single)).json["txn"], send(world).json["txn"]]
    txns.append(world.fetch(world.exchange_body(basis=single)).json["txn"])
    assert [line["txn"] for line in lines(world, RUN)] == txns[::-1]
    first = world.browser(RUN).get("/me/access-log?limit=1").json
    second = world.browser(RUN).get(f"/me/access-log?limit=1&cursor={first['next_cursor']}").json
    assert [line["txn"] for line in first["lines"] + second["lines"]] == txns[:0:-1]


@pytest.mark.rule("wallet", "X5")
def test_anybody_reads_it_on_a_public_page_in_both_languages(world: World) -> None:
    hostile = {"es": "<script>alert(1)</script> Quienes postulan", "en": "Applicants"}
    answer = send(world, criteria=hostile)
    for lang, words in (("es", "Pidió los datos de 101 personas."), ("en", "Asked about 101 people.")):
        page = world.app.test_client().get(f"/open/bulk?lang={lang}")
        assert words in page.text
        assert "<script>alert" not in page.text
        assert LAW in BeautifulSoup(page.text, "html.parser").get_text()
    assert 'href="/open/bulk"' in world.app.test_client().get("/open").text
    (one,) = world.app.test_client().get("/bulk-transfers").json["transfers"]
    assert (one["entry_id"], one["criteria"], one["asked"], one["counts"]["released"]) == (answer.json["log_entry_id"], hostile, 101, 2)
    assert RUN not in world.app.test_client().get("/bulk-transfers").text


@pytest.mark.rule("wallet", "X5")
def test_the_public_list_goes_on_page_by_page(world: World) -> None:
    ids = [send(world, request_id=f"bulk-000{number}").json["log_entry_id"] for number in range(3)]
    first = world.app.test_client().get("/bulk-transfers?limit=2").json
    second = world.app.test_client().get(f"/bulk-transfers?limit=2&cursor={first['next_cursor']}").json
    assert [one["entry_id"] for one in first["transfers"] + second["transfers"]] == ids[::-1]
    assert second["next_cursor"] is None
    for query in ("cursor=x", "cursor=%00", "limit=0", "limit=51", "limit=x", "limit=1e9"):
        assert world.app.test_client().get("/bulk-transfers?" + query).status_code == 400, query
    assert world.app.test_client().get("/open/bulk?cursor=<script>").status_code == 400


# --- both roads -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "X5", "§9")
@pytest.mark.parametrize(
    ("basis", "agreement_id"), [({"kind": "law", "agreement_id": LAW_AGREEMENT}, LAW_AGREEMENT), ({"kind": "consent"}, AGREEMENT)]
)
def test_without_the_flag_of_the_agreement_nobody_is_asked_about(world: World, basis: dict[str, object], agreement_id: str) -> None:
    world.run_sql("update agreements set state = 'terminated' where agreement_id = 'agr-bulk-consent'")
    answer = send(world, basis=basis)
    assert (answer.status_code, code(answer), answer.json["limit"]) == (403, "template_limit_exceeded", "bulk")
    assert world.register.orders == []
    (row,) = world.log()
    assert (row["outcome"], row["reason"], row["bulk"]["counts"]) == ("denied", "template_limit_exceeded", {"denied": 101})
    assert [line["outcome"] for line in lines(world, OTHERS[0])] == ["denied"]  # she sees who tried
    stored = world.run_sql("select agreement_id, stage, accept, report, error_code, rule_id, count from rule_runs")
    assert stored == [(agreement_id, "fetch", False, False, "template_limit_exceeded", "bulk", 1)]


def granted_in_bulk(world: World, run: str = RUN, **item: object) -> str:
    """A consent under the agreement that allows bulk."""
    world.run_sql("update agreements set state = 'suspended' where agreement_id = :id", id=AGREEMENT)
    return world.granted(run=run, **item)


@pytest.mark.rule("wallet", "X5", "§8.2")
def test_on_the_road_of_consent_each_is_judged_by_her_own(world: World) -> None:
    consent_id = granted_in_bulk(world, fetch="once")
    basis = {"kind": "consent"}
    who = persons(person(RUN, consent_id=consent_id), person(OTHER_RUN, consent_id=consent_id))
    answer = send(world, who, basis=basis)
    assert answer.status_code == 207
    mine, hers, *rest = answer.json["results"]
    assert mine["status"] == 200
    assert hers["type"].endswith("consent_mismatch")  # somebody else's consent looks like none
    assert {row["type"].rpartition(":")[2] for row in rest} == {"consent_required"}
    assert len(world.register.orders) == 1
    assert world.run_sql("select uses, state from consents") == [(1, "expired")]
    assert [line["outcome"] for line in lines(world, RUN)] == ["released"]
    assert [line["outcome"] for line in lines(world, OTHER_RUN)] == ["denied"]
    again = send(world, who, basis=basis)  # the same request counts no second use
    assert (again.json["txn"], again.json["results"][0]["status"]) == (answer.json["txn"], 200)
    other = send(world, who, basis=basis, request_id="bulk-0002")
    assert other.json["results"][0]["type"].endswith("consent_expired")
    assert world.run_sql("select uses from consents") == [(1,)]


@pytest.mark.rule("wallet", "X5", "S3")
def test_who_ends_her_consent_while_the_register_answers_is_not_released(world: World) -> None:
    consent_id = granted_in_bulk(world)

    def end(_order: Order) -> None:
        withdraw(world.wallet, world.presence(), UUID(consent_id))

    world.register.before = end
    answer = send(world, persons(person(RUN, consent_id=consent_id), person(OTHER_RUN)), basis={"kind": "consent"})
    assert answer.json["results"][0]["type"].endswith("consent_withdrawn")
    assert MARKER not in answer.text
    assert world.log()[-1]["bulk"]["counts"] == {"denied": 101}
    assert world.run_sql("select uses from consents") == [(0,)]


@pytest.mark.rule("wallet", "X5", "§9")
@pytest.mark.parametrize("change", ["ended", "flag"])
def test_an_agreement_that_ends_while_the_register_answers_releases_nobody(world: World, change: str) -> None:
    def end(_order: Order) -> None:
        world.register.before = lambda _order: None
        if change == "ended":
            end_agreement(world.wallet, BULK_AGREEMENT, AgreementState.SUSPENDED, reason="x", actor="test")
        else:
            world.run_sql("alter table agreements disable trigger user")
            world.run_sql("""update agreements set limits = limits - 'bulk' where agreement_id = :id""", id=BULK_AGREEMENT)

    world.register.before = end
    answer = send(world)
    assert {row["status"] for row in answer.json["results"]} == {403}
    assert MARKER not in answer.text
    assert world.log()[-1]["bulk"]["counts"] == {"denied": 101}


@pytest.mark.rule("wallet", "X5", "§8.2")
def test_the_volume_counts_every_person(world: World) -> None:
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("""update agreements set volume = '{"per_day": 100}' where agreement_id = :id""", id=BULK_AGREEMENT)
    answer = send(world)
    assert (answer.status_code, code(answer), answer.json["limit"]) == (429, "rate_limited", "per_day")
    world.run_sql("""update agreements set volume = '{"per_day": 150}' where agreement_id = :id""", id=BULK_AGREEMENT)
    assert send(world, request_id="bulk-0002").status_code == 200
    assert send(world, request_id="bulk-0002").status_code == 200  # a repeat begins nothing new
    assert send(world, request_id="bulk-0003").status_code == 429
    assert world.run_sql("select count(*) from exchanges")[0][0] == 101


@pytest.mark.rule("wallet", "X5", "§2.1")
def test_a_law_that_does_not_name_sensitive_data_opens_nothing_and_names_nobody(world: World) -> None:
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("update agreements set sensitive_article = null where agreement_id = :id", id=BULK_AGREEMENT)
    answer = send(world)
    assert (answer.status_code, code(answer)) == (403, "consent_required")
    assert RUN not in answer.text


# --- what goes wrong ------------------------------------------------------------------------------------------------------


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


# --- proofs ---------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "X5", "§10.2", "§10.3")
@pytest.mark.parametrize("form", ["json", "csv", "pdf"])
def test_her_export_proves_offline_that_she_is_meant(world: World, tmp_path: Path, form: str) -> None:
    send(world)
    signed(world)
    file = tmp_path / f"log.{form}"
    file.write_bytes(world.browser(OTHERS[7]).get(f"/me/access-log/export?format={form}").data)
    checked = check_export(str(file))
    assert (checked.ok, checked.proven, checked.faults) == (True, 1, [])


@pytest.mark.rule("wallet", "X5", "§10.2")
def test_a_proof_that_was_changed_is_found(world: World) -> None:
    send(world)
    signed(world)
    document = world.browser(RUN).get("/me/access-log/export").json
    proof, key = document["lines"][0]["entries"][0]["proof"], document["verifier_key"]
    assert check_proof(proof, key).is_subject_proven
    changed = [
        {"subject": f"cl-run:{OTHER_RUN}"},
        {"member": {**proof["member"], "outcome": "no_record"}},
        {"member": {**proof["member"], "place": 1}},
        {"member": {**proof["member"], "salt": "00" * 16}},
        {"member": {**proof["member"], "salt": "x"}},
        {"member": {**proof["member"], "path": proof["member"]["path"][1:]}},
        {"member": {**proof["member"], "path": ["zz"]}},
        {"member": []},
        {"core": {**proof["core"], "bulk": {**proof["core"]["bulk"], "asked": 102}}},
    ]
    for change in changed:
        with pytest.raises(BadProof):
            check_proof({**proof, **change}, key)


def tamper(world: World, statement: str) -> None:
    world.run_sql("alter table bulk_people disable trigger user")
    world.run_sql(statement)
    world.run_sql("alter table bulk_people enable trigger user")


@pytest.mark.rule("wallet", "X5", "§10.2")
@pytest.mark.parametrize(
    "statement",
    [
        "delete from bulk_people where place = 5",
        "delete from bulk_people where place = 100",
        "delete from bulk_people",
        "update bulk_people set outcome = 'denied' where place = 0",
        "update bulk_people set leaf_hash = sha256('x') where place = 0",
        "update bulk_people set subject_index = sha256('x') where place = 0",
        "update bulk_people set subject_index = null where place = 0",
        "update bulk_people as one set subject = other.subject from bulk_people as other where one.place = 0 and other.place = 1",
        "insert into bulk_people select entry_id, 101, outcome, leaf_hash, salt, subject, subject_index, now() from bulk_people limit 1",
    ],
)
def test_verification_finds_people_who_were_taken_out_put_in_or_changed(world: World, statement: str) -> None:
    answer = send(world)
    signed(world)
    assert verify_log(world.wallet, []).ok
    tamper(world, statement)
    report = verify_log(world.wallet, [])
    assert [str(fault.entry_id) for fault in report.faults] == [answer.json["log_entry_id"]]


@pytest.mark.rule("wallet", "§10.2")
def test_a_backup_of_before_there_were_such_entries_is_verified_too(world: World) -> None:
    world.fetch(world.exchange_body(basis={"kind": "law", "agreement_id": LAW_AGREEMENT}))
    signed(world)
    world.run_sql("drop table bulk_people")
    report = verify_log(world.wallet, [])
    assert (report.ok, report.faults) == (True, [])


@pytest.mark.rule("wallet", "X5", "§10.2")
@pytest.mark.parametrize("statement", ["delete from bulk_people", "update bulk_people set outcome = 'denied'"])
def test_the_database_refuses_to_change_them(world: World, statement: str) -> None:
    send(world)
    with pytest.raises(Exception, match=r"refused|frozen"), world.wallet.db.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.rule("wallet", "X5", "§10.5")
def test_after_its_time_nothing_links_the_row_to_anybody_and_every_proof_holds(world: World) -> None:
    send(world)
    signed(world)
    before = world.browser(RUN).get("/me/access-log/export").json
    world.clock.advance(seconds=86_400)
    with forgotten("wallet") as gone:
        assert erase_old(world.wallet, received_before=world.clock.now()) == 103  # the people, and the official beside two rows
        assert erase_old(world.wallet, received_before=world.clock.now()) == 0
    assert gone == {"audit_sides": 2, "bulk_people": 101}
    assert lines(world, RUN) == []
    assert world.run_sql("select count(*) from bulk_people where coalesce(salt, subject, subject_index) is not null")[0][0] == 0
    assert verify_log(world.wallet, []).ok
    assert check_proof(before["lines"][0]["entries"][0]["proof"], before["verifier_key"]).is_subject_proven
    assert world.app.test_client().get("/bulk-transfers").json["transfers"][0]["asked"] == 101


@pytest.mark.rule("wallet", "X5", "§10.3")
def test_those_whose_data_went_are_told(world: World) -> None:
    send(world)
    signed(world)
    tell_accesses(world.wallet)
    jobs = world.run_sql("select payload->>'kind', payload->>'id' from outbox where job = 'notify_person' order by id")
    entry_id = world.log()[-1]["entry_id"]
    assert jobs == [("first_access", f"{entry_id}:0"), ("first_access", f"{entry_id}:1")]  # not those of whom there was nothing
