"""Bulk transfers: many people in one call, one row in the log that each of them finds.  Spec: wallet contract §8.3 X5, §9, §10."""

import json
from uuid import UUID

import pytest
from bs4 import BeautifulSoup

from tests.factories.bulk import BULK_AGREEMENT, CRITERIA, OTHERS, STRANGER, allow_bulk, code, lines, person, persons, send
from tests.factories.wallet import AGREEMENT, LAW, LAW_AGREEMENT, MARKER, OTHER_RUN, REGISTRY, RUN, SCHOOL, World
from wallet.models.agreement import AgreementState
from wallet.models.bulk import BULK_STATES, BulkState
from wallet.operations.agreements import end_agreement
from wallet.operations.consents import withdraw
from wallet.providers.base import Order


@pytest.fixture(autouse=True)
def allowed(world: World) -> None:
    allow_bulk(world)


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
