"""What a bulk transfer leaves in the log holds: proofs, verification, erasure.  Spec: wallet contract §8.3 X5, §10.2, §10.3."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.exports import check_export
from deploy.operations import verify_log
from shared.audit.proofs import BadProof, check_proof
from shared.tasks import Job
from tests.factories.bulk import OTHERS, allow_bulk, lines, send, signed
from tests.factories.counted import forgotten
from tests.factories.wallet import LAW_AGREEMENT, OTHER_RUN, RUN, World
from wallet.operations.access_notices import tell_accesses
from wallet.operations.bulk_people import erase_old
from wallet.tasks import jobs


@pytest.fixture(autouse=True)
def allowed(world: World) -> None:
    allow_bulk(world)


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


@pytest.mark.rule("wallet", "X5", "§10.2")
@pytest.mark.parametrize(("statement", "outcome"), [("select 1", "intact"), ("delete from bulk_people where place = 5", "faulty")])
def test_the_nightly_look_at_the_log_looks_at_them_too(world: World, statement: str, outcome: str) -> None:
    send(world)
    signed(world)
    tamper(world, statement)
    jobs.definitions["verify_log"].run(world.wallet, Job({}, 1))
    ((place,),) = world.run_sql("select payload from outbox where job = 'verify_log_part'")
    jobs.definitions["verify_log_part"].run(world.wallet, Job(place, 1))
    cores = [json.loads(row[0]) for row in world.run_sql("select core from audit_entries where core like '%audit:log:verified%'")]
    assert [core["outcome"] for core in cores] == [outcome]


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
