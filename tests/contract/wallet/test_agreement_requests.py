"""How an agreement comes about, with its clock, and what its limits do.  Spec: wallet contract §9, L13, L14."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from shared.clock import rfc3339
from tests.factories.wallet import (
    AGREEMENT,
    CONSUMER,
    DATASET,
    FIELDS,
    LAW,
    LAW_AGREEMENT,
    PROCEDURE,
    PROVIDER,
    PURPOSE,
    REGISTRY,
    SCHOOL,
    World,
    dataset,
    law_agreement,
)
from wallet.models.agreement import AGREEMENT_STATES, AgreementState
from wallet.models.agreement_template import AgreementTemplate
from wallet.operations.agreement_requests import mediate, publish_template, run_clock
from wallet.operations.agreements import end_agreement, signature
from wallet.standards.limits import wider_than
from wallet.standards.working_days import NoHolidayTable, add_working_days, chilean_holidays, is_working_day

LIMITS = {"sensitive_allowed": True, "modes": ["view", "store"], "max_duration": 90 * 86_400}
S = AgreementState
# Written out from the contract, not read from ours; the last pair is the operator's own short way.
MOVES = {
    (S.DRAFT, S.LEGAL_REVIEW),
    (S.LEGAL_REVIEW, S.SUBMITTED),
    (S.SUBMITTED, S.ACCEPTED),
    (S.SUBMITTED, S.REJECTED),
    (S.SUBMITTED, S.MEDIATION),
    (S.REJECTED, S.MEDIATION),
    (S.MEDIATION, S.ACCEPTED),
    (S.MEDIATION, S.REJECTED_FINAL),
    (S.ACCEPTED, S.SIGNING),
    (S.SIGNING, S.ACTIVE),
    (S.ACTIVE, S.SUSPENDED),
    (S.SUSPENDED, S.ACTIVE),
    (S.ACTIVE, S.TERMINATED),
    (S.SUSPENDED, S.TERMINATED),
    (S.ACTIVE, S.EXPIRED),
    (S.SUSPENDED, S.EXPIRED),
    (S.ACTIVE, S.SUPERSEDED),
    (S.DRAFT, S.SIGNING),
}


@pytest.fixture
def template(world: World) -> str:
    texts = {"es": "Términos tipo", "en": "Standard terms"}
    row = AgreementTemplate(template_id="tpl", title=texts, text=texts, legal_basis=["legal_obligation", "consent"], limits=LIMITS)
    row.retention = {"duration": "P0D", "erase_on_withdrawal": True}
    publish_template(world.wallet, row, actor="test")
    return "tpl"


def code(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


def call(world: World, path: str, body: dict[str, Any], client_id: str = CONSUMER) -> Any:
    scope = "wallet:provide" if client_id == PROVIDER else "wallet:consents"
    return world.app.test_client().post(path, json=body, headers=world.bearer(client_id, scope))


def draft(world: World, **changes: object) -> Any:
    now = world.clock.now()
    body = {"template_id": "tpl", "agreement_id": "agr-new", "provider": REGISTRY, "purposes": [PURPOSE], "procedure_codes": [PROCEDURE]}
    body |= {"datasets": [{"dataset_id": DATASET, "version": 1, "fields": FIELDS}], "volume": {"per_day": 5}}
    body |= {"legal_basis": "legal_obligation", "law_reference": LAW, "sensitive_article": "artículo 39 bis"}
    return call(world, "/agreements", {**body, "valid_from": rfc3339(now), "valid_until": rfc3339(now + timedelta(days=300)), **changes})


def step(world: World, name: str, client_id: str = CONSUMER, **more: str) -> Any:
    return call(world, "/agreements/agr-new/1/steps", {"step": name, **more}, client_id)


def submitted(world: World) -> Any:
    assert draft(world).status_code == 201
    step(world, "legal_review")
    answer = step(world, "submit")
    assert answer.json["state"] == "submitted", answer.json
    return answer


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize("present", AgreementState)
def test_each_pair_of_states(present: AgreementState) -> None:
    assert {target for target in S if AGREEMENT_STATES.allows(present, target)} == {two for one, two in MOVES if one == present}


@pytest.mark.rule("wallet", "§9", "L13", "WA-9")
def test_from_a_template_to_data_that_move(world: World, template: str) -> None:
    submitted(world)
    assert step(world, "accept", PROVIDER).json["state"] == "accepted"
    opened = step(world, "open_signing").json
    for client_id, org_id in ((CONSUMER, SCHOOL), (PROVIDER, REGISTRY)):
        key = ECKey.generate_key("P-256", {"kid": org_id}, private=True)
        jwks = json.dumps({"keys": [key.as_dict(private=False)]})
        world.run_sql("update clients set jwks = cast(:jwks as jsonb) where client_id = :id", id=client_id, jwks=jwks)
        made = signature("agr-new", 1, opened["sha256"], org_id=org_id, key=key)
        answer = call(world, "/agreements/agr-new/1/signatures", {"signature": made}, client_id)
        assert answer.status_code == 200, answer.json
    assert answer.json["state"] == "active"
    body = world.exchange_body(basis={"kind": "law", "agreement_id": "agr-new"})
    assert world.fetch(body).status_code == 200
    assert world.app.test_client().get("/agreements/agr-new").json["signed_by"] == sorted([SCHOOL, REGISTRY])


@pytest.mark.rule("wallet", "L14")
def test_fifteen_working_days_and_five_once(world: World, template: str) -> None:
    # Monday 8 June 2026; the 29th is a holiday, the 21st a Sunday.
    assert submitted(world).json["due_at"] == "2026-07-01T04:00:00Z"
    assert step(world, "extend", CONSUMER).status_code == 403
    assert step(world, "extend", PROVIDER).json["due_at"] == "2026-07-08T04:00:00Z"
    assert step(world, "extend", PROVIDER).status_code == 400
    world.clock.advance(seconds=(datetime(2026, 7, 8, 3, 59, tzinfo=UTC) - world.clock.now()).total_seconds())
    assert run_clock(world.wallet) == 0
    world.clock.advance(seconds=60)
    assert run_clock(world.wallet) == 1
    assert world.app.test_client().get("/agreements/agr-new").json["state"] == "mediation"
    assert mediate(world.wallet, "agr-new", 1, accept=False, reason="No hay ley.", actor="test") == "rejected_final"


@pytest.mark.rule("wallet", "L14")
def test_a_refusal_gives_its_reason_and_goes_to_mediation(world: World, template: str) -> None:
    submitted(world)
    assert step(world, "reject", PROVIDER).status_code == 400
    assert step(world, "reject", PROVIDER, reason="Falta la ley.").json["reason"] == "Falta la ley."
    assert step(world, "mediation").json["state"] == "mediation"
    assert mediate(world.wallet, "agr-new", 1, accept=True, reason="La ley está.", actor="test") == "accepted"


@pytest.mark.rule("wallet", "§9")
def test_steps_are_taken_by_the_right_body_in_the_right_order(world: World, template: str) -> None:
    assert draft(world).status_code == 201
    assert world.app.test_client().get("/agreements/agr-new").status_code == 404, "a draft is not public"
    assert code(step(world, "submit")) == "illegal_transition"
    assert step(world, "legal_review", PROVIDER).status_code == 403
    assert step(world, "accept").status_code == 403
    assert step(world, "mediate_accept", reason="x").status_code == 400
    assert call(world, "/agreements/agr-none/1/steps", {"step": "submit"}).status_code == 404


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"template_id": "none"}, 404),
        ({"legal_basis": "contract"}, 400),
        ({"legal_basis": "legal_obligation", "law_reference": None}, 400),
        ({"limits": {**LIMITS, "max_duration": 91 * 86_400}}, 400),
        ({"limits": {**LIMITS, "modes": ["view", "stream"]}}, 400),
        ({"limits": {"modes": ["view"]}}, 400),
        ({"provider": "nobody"}, 403),
        ({"valid_until": "2020-01-01T00:00:00Z"}, 400),
        ({"volume": {"per_day": 0}}, 400),
    ],
)
def test_what_the_template_does_not_allow_is_not_drafted(world: World, template: str, change: dict[str, object], status: int) -> None:
    assert draft(world, **change).status_code == status


@pytest.mark.rule("wallet", "§9", "L13")
@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"datasets": [{"dataset_id": "schooling", "version": 1, "fields": ["full_name"]}]}, "unknown_dataset"),
        ({"datasets": [{"dataset_id": "no-such", "version": 1, "fields": ["full_name"]}]}, "unknown_dataset"),
        ({"datasets": [{"dataset_id": DATASET, "version": 2, "fields": ["full_name"]}]}, "unknown_dataset"),
        ({"datasets": [{"dataset_id": "retired", "version": 1, "fields": ["full_name"]}]}, "unknown_dataset"),
        ({"datasets": [{"dataset_id": DATASET, "version": 1, "fields": ["full_name", "salary"]}]}, "unknown_field"),
        ({"datasets": [{"dataset_id": DATASET, "version": 1, "fields": ["full_name"]}] * 2}, "invalid_request"),
        ({"datasets": []}, "invalid-request"),
        ({"datasets": [{"dataset_id": DATASET, "version": "1", "fields": FIELDS}]}, "invalid-request"),
    ],
)
def test_only_data_that_the_provider_declares_are_drafted(world: World, template: str, change: dict[str, object], slug: str) -> None:
    now = world.clock.now()
    world.add(dataset(now, dataset_id="schooling", org_id=SCHOOL, client_id=CONSUMER), dataset(now, dataset_id="retired", status="retired"))
    answer = draft(world, **change)
    assert (answer.status_code, code(answer)) == (400, slug)
    assert world.run_sql("select count(*) from agreements where agreement_id = 'agr-new'")[0][0] == 0


def test_limits_are_compared_one_by_one() -> None:
    assert wider_than({"a": 1, "m": ["x"], "s": False}, {"a": 1, "m": ["x", "y"], "s": True}) is None
    assert wider_than({"a": 2}, {"a": 1}) == "a"
    assert wider_than({}, {"a": 1}) == "a"
    assert wider_than({"s": True}, {"s": False}) == "s"
    assert wider_than({"sensitive_allowed": True}, {}) == "sensitive_allowed"
    assert wider_than({"bulk": True}, {}) == wider_than({"bulk": True}, {"bulk": False}) == "bulk"
    assert wider_than({}, {"bulk": True, "report": ["hours"]}) is None  # what is not said is not allowed
    assert wider_than({"report": ["hours"]}, {}) == wider_than({"report": ["hours", "max_uses"]}, {"report": ["hours"]}) == "report"


@pytest.mark.rule("wallet", "L14")
def test_working_days_leave_out_weekends_and_holidays() -> None:
    assert add_working_days(date(2026, 9, 17), 1, chilean_holidays) == date(2026, 9, 21)
    assert not is_working_day(date(2026, 6, 29), chilean_holidays)
    assert add_working_days(date(2026, 12, 31), 1, chilean_holidays) == date(2027, 1, 4)


@pytest.mark.rule("wallet", "L14")
def test_without_the_holiday_table_nothing_falls_due_and_later_it_does(
    world: World, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_self: object, year: int) -> frozenset[date]:
        raise NoHolidayTable(str(year))

    monkeypatch.setattr("wallet.context.Wallet.holidays", none)
    assert "due_at" not in submitted(world).json
    world.clock.advance(seconds=90 * 86_400)
    assert run_clock(world.wallet) == 0
    monkeypatch.undo()
    assert run_clock(world.wallet) == 1


@pytest.mark.rule("wallet", "R2")
def test_with_an_agreement_go_the_consents_that_rest_on_it(world: World) -> None:
    consent_id = world.granted()
    world.ask()
    end_agreement(world.wallet, AGREEMENT, AgreementState.TERMINATED, reason="test", actor="test")
    assert world.run_sql("select state, state_reason from consents") == [("invalidated", "agreement_ended")]
    assert world.run_sql("select state from consent_request_items where state <> 'accepted'") == [("invalidated",)]
    assert world.fetch(world.exchange_body(consent_id)).status_code == 403


@pytest.mark.rule("wallet", "§9")
def test_hours_and_the_time_that_data_are_about_are_limits_too(world: World) -> None:
    limits = {"sensitive_allowed": True, "modes": ["view"], "hours": [8, 11]}
    world.add(law_agreement(world.clock.now(), agreement_id="agr-hours", limits=limits))
    body = {"basis": {"kind": "law", "agreement_id": "agr-hours"}}
    answer = world.fetch(world.exchange_body(**body))  # it is noon in Santiago
    assert (answer.status_code, answer.json["limit"]) == (403, "hours")
    world.clock.advance(seconds=22 * 3600)
    assert world.fetch(world.exchange_body(**body)).status_code == 200
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("""update agreements set limits = limits || '{"max_data_period": 31}' where agreement_id = :id""", id=AGREEMENT)
    assert world.ask(world.request_body(world.item(data_period={"from": "2026-01-01", "to": "2026-01-31"}))).status_code == 201
    long = world.ask(world.request_body(world.item(data_period={"from": "2026-01-01", "to": "2026-02-01"})))
    assert (long.status_code, long.json["limit"]) == (403, "max_data_period")


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize(("kept", "is_let"), [("P30D", True), ("P1M", True), ("P31D", False), ("P1Y", False), ("for ever", False)])
def test_how_long_data_are_kept_is_a_limit_at_the_request_and_at_each_fetch(world: World, kept: str, is_let: bool) -> None:
    consent_id = world.granted()
    world.run_sql("alter table agreements disable trigger user")
    world.run_sql("""update agreements set limits = limits || '{"max_retention": 30}'""")
    world.run_sql("update agreements set retention = jsonb_build_object('duration', cast(:kept as text))", kept=kept)
    for answer in (world.ask(), world.fetch(world.exchange_body(consent_id))):
        assert (answer.status_code in {200, 201}) is is_let
        assert is_let or answer.json["limit"] == "max_retention"


# --- the directory and once-only ------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "X1", "WA-13", "WA-19")
def test_the_directory_says_which_body_holds_a_concept(world: World) -> None:
    client = world.app.test_client()
    everything = client.get("/directory/fields").json["fields"]
    assert {one["field_id"] for one in everything} == set(FIELDS)
    assert everything[0]["org_name"] == "Registro Civil"
    by_concept = client.get("/directory/fields?concept=https://w3id.org/dpv/pd%23Name").json["fields"]
    assert len(by_concept) == 3
    assert client.get("/directory/fields?concept=Blood").json["fields"] == []
    assert [one["field_id"] for one in client.get("/directory/fields?text=issued").json["fields"]] == ["issued_on"]
    assert client.get("/directory/purposes").json["purposes"][0]["purpose_id"] == PURPOSE
    assert client.get("/directory/procedures").json["procedures"][0]["law_reference"] == LAW
    graph = json.loads(client.get("/vocabulary").data)["@graph"]
    assert any(term["@id"].endswith("#police-record.full_name") for term in graph)
    page = client.get("/directory?text=antecedentes&lang=es").text
    assert "Registro Civil" in page
    assert "Nadie tiene nada" in client.get("/directory?text=<script>").text


@pytest.mark.rule("wallet", "X1", "WA-8", "WA-10")
def test_once_only_is_measured_by_body_and_month(world: World) -> None:
    law = {"kind": "law", "agreement_id": LAW_AGREEMENT}
    for _ in range(3):
        world.fetch(world.exchange_body(basis=law))
    assert call(world, "/once-only/reports", {"concept": "full_name"}).status_code == 204
    assert call(world, "/once-only/reports", {"concept": "shoe_size"}).status_code == 400
    client = world.app.test_client()
    rows = {one["org_id"]: one for one in client.get("/once-only").json["months"]}
    assert (rows[SCHOOL]["served"], rows[SCHOOL]["asked_again"], rows[SCHOOL]["share"]) == (3, 1, 0.75)
    assert (rows[REGISTRY]["visits_saved"], rows[REGISTRY]["served"]) == (3, 0)
    table = client.get("/once-only?format=csv").text.splitlines()
    assert table[0].startswith("month,org_id")
    assert len(table) == 3
    page = client.get("/open?lang=es").text
    for words in ("Colegio Las Araucarias", LAW_AGREEMENT, LAW):
        assert words in page
