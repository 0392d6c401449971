"""The gate's answers, a case for each row of the contract's table.  Spec: wallet contract §8."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.factories.wallet import (
    AGREEMENT,
    DATASET,
    FIELDS,
    LAW,
    LAW_AGREEMENT,
    MARKER,
    OTHER_RUN,
    PROCEDURE,
    PROVIDER,
    PURPOSE,
    REGISTRY,
    RETURN,
    RUN,
    SCHOOL,
    STRANGER,
    World,
    law_agreement,
)
from wallet.models.consent import ConsentState, find_consent
from wallet.operations.consent_moves import Actor, move
from wallet.operations.exchange_ends import close_interrupted
from wallet.providers.base import Order
from wallet.standards.evidence import verify_evidence
from wallet.standards.signing import BadSignature

BY_LAW = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}


def code(answer: Any) -> str:
    return str(answer.json["type"]).removeprefix("urn:andamio:problem:")


def refused(
    world: World, body: dict[str, Any], status: int, slug: str, *, outcome: str | None = "denied", client_id: str = "wallet-consumer"
) -> Any:
    """Fetch, and see the refusal, its entry in the log, and that no provider was asked."""
    before = len(world.register.orders)
    answer = world.fetch(body, client_id=client_id)
    assert (answer.status_code, code(answer)) == (status, slug), answer.json
    assert answer.content_type == "application/problem+json"
    assert len(world.register.orders) == before
    entries = world.log()
    if outcome is None:
        assert not entries
    else:
        assert (entries[-1]["outcome"], entries[-1]["reason"]) == (outcome, slug)
        assert answer.json["instance"] == f"urn:uuid:{entries[-1]['txn']}"
    return answer


def end(world: World, consent_id: str, state: ConsentState) -> None:
    with world.wallet.transaction() as tx:
        consent = find_consent(tx.session, uuid.UUID(consent_id), lock=True)
        assert consent is not None
        move(world.wallet, tx, consent, state, actor=Actor(kind="authority", id="test"), subject=f"cl-run:{RUN}", reason_code="test")


# --- released -------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.1", "X2")
def test_the_answer_has_every_member_of_the_contract(world: World) -> None:
    answer = world.fetch(world.exchange_body(world.granted()))
    members = {"txn", "dataset_id", "data", "as_of", "source", "retention", "log_entry_id", "evidence"}
    assert answer.json.keys() == members
    assert answer.json["source"] == {"org_id": REGISTRY}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["log_entry_id"] == world.log()[-1]["entry_id"]


@pytest.mark.rule("wallet", "L3", "L7")
def test_the_log_says_who_what_for_what_and_by_which_right(world: World) -> None:
    consent_id = world.granted(procedure={"code": PROCEDURE, "case_id": "EXP-1"})
    world.fetch(world.exchange_body(consent_id, procedure={"code": PROCEDURE, "case_id": "EXP-1"}))
    attempt, released = world.log()
    for core in (attempt, released):
        assert core["accessor"]["org_id"] == SCHOOL
        assert core["source"] == {"org_id": REGISTRY, "dataset_id": DATASET, "dataset_version": 1}
        assert core["fields"] == sorted(FIELDS)
        assert core["purpose_id"] == PURPOSE
        assert core["basis"] == {"kind": "consent", "id": consent_id, "agreement_id": AGREEMENT}
        assert len(core["subject"]) == len(core["accessor"]["official"]) == len(core["procedure"]["case"]) == 64
        assert RUN not in json.dumps(core)
        assert "EXP-1" not in json.dumps(core)
        assert "secretaria" not in json.dumps(core)
    assert attempt["txn"] == released["txn"]


@pytest.mark.rule("wallet", "L8")
def test_the_evidence_proves_what_came_from_where(world: World) -> None:
    body = world.exchange_body(world.granted())
    answer = world.fetch(body)
    keys = {key["kid"]: ECKey.import_key(key) for key in world.app.test_client().get("/.well-known/jwks.json").json["keys"]}
    proof = verify_evidence(answer.json["evidence"], keys=keys, request=body, response=answer.json["data"])
    assert (proof["txn"], proof["source"], proof["dataset_id"]) == (answer.json["txn"], REGISTRY, DATASET)
    with pytest.raises(BadSignature):
        verify_evidence(answer.json["evidence"], keys=keys, request=body, response={**answer.json["data"], "has_record": True})


@pytest.mark.rule("wallet", "§8.2")
def test_a_person_who_is_not_in_the_register_has_no_record(world: World) -> None:
    world.register.people.clear()
    answer = world.fetch(world.exchange_body(world.granted()))
    assert (answer.status_code, answer.json["data"], answer.json["reason"]) == (200, None, "no_record")
    assert world.log()[-1]["outcome"] == "no_record"


@pytest.mark.rule("wallet", "§8.2")
def test_a_field_without_value_is_null(world: World) -> None:
    world.register.people[RUN]["full_name"] = None
    assert world.fetch(world.exchange_body(world.granted())).json["data"]["full_name"] is None


@pytest.mark.rule("wallet", "L2")
@pytest.mark.rule("wallet", "L1")
def test_the_law_road_asks_no_consent_and_is_in_the_log(world: World) -> None:
    answer = world.fetch(world.exchange_body(basis=BY_LAW))
    assert answer.status_code == 200, answer.json
    assert world.log()[-1]["basis"] == {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}


def test_only_what_was_asked_goes_out(world: World) -> None:
    answer = world.fetch(world.exchange_body(world.granted(), fields=["has_record"]))
    assert answer.json["data"] == {"has_record": False}
    assert world.register.orders[-1].fields == ("has_record",)


# --- bad requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"dataset_id": "nothing"}, "unknown_dataset"),
        ({"fields": ["full_name", "salary"]}, "unknown_field"),
        ({"purpose_id": "curiosity"}, "unknown_purpose"),
    ],
)
def test_what_is_not_declared_is_rejected_and_seen(world: World, change: dict[str, Any], slug: str) -> None:
    refused(world, world.exchange_body(uuid.uuid4(), **change), 400, slug, outcome="rejected")


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    "change",
    [
        {"request_id": "x"},
        {"request_id": None},
        {"subject": {"scheme": "cl-run", "value": "11111111-2"}},
        {"subject": {"scheme": "passport", "value": "X1"}},
        {"subject": RUN},
        {"fields": []},
        {"fields": ["full_name", "full_name"]},
        {"fields": ["full_name"] * 201},
        {"basis": {"kind": "wish"}},
        {"basis": {"kind": "law"}},
        {"basis": {"kind": "consent", "consent_id": "1"}},
        {"basis": {"kind": "consent", "law_reference": LAW}},
        {"preview": "yes"},
        {"official": {"id": ""}},
        {"more": 1},
        {"procedure": {"code": "a b"}},
        {"purpose_id": {"$ne": ""}},
    ],
)
def test_what_cannot_be_read_is_refused(world: World, change: dict[str, Any]) -> None:
    answer = world.fetch({**world.exchange_body(uuid.uuid4()), **change})
    assert (answer.status_code, code(answer)) == (400, "invalid_request")
    assert not world.log()


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"request_id": NaN}', b"\xff\xfe", b'"x"'])
def test_what_is_not_a_json_object_is_refused(world: World, raw: bytes) -> None:
    headers = {**world.bearer(), "Content-Type": "application/json"}
    assert world.app.test_client().post("/exchange/v1/requests", data=raw, headers=headers).status_code == 400


@pytest.mark.rule("wallet", "§18")
def test_a_body_over_the_limit_is_refused(world: World) -> None:
    assert world.fetch(world.exchange_body(more="x" * 300_000)).status_code == 413


# --- basis ----------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.2")
def test_without_consent_the_answer_says_what_to_post(world: World) -> None:
    answer = refused(world, world.exchange_body(), 403, "consent_required")
    hint = answer.json["consent_request_hint"]
    item = {**hint["items"][0], "valid_until": world.item()["valid_until"]}
    body = {**hint, "items": [item], "id": str(uuid.uuid4()), "redirect_uri": RETURN}
    assert world.ask(body).status_code == 201


@pytest.mark.rule("wallet", "§2.1")
def test_a_law_that_does_not_name_sensitive_data_needs_consent(world: World) -> None:
    world.add(law_agreement(world.clock.now(), agreement_id="agr-vague", sensitive_article=None))
    refused(world, world.exchange_body(basis={**BY_LAW, "agreement_id": "agr-vague"}), 403, "consent_required")
    plain = world.exchange_body(basis={**BY_LAW, "agreement_id": "agr-vague"}, fields=["full_name"])
    assert world.fetch(plain).status_code == 200


def test_an_agreement_that_asks_for_consent_does_not_open_by_law(world: World) -> None:
    world.add(law_agreement(world.clock.now(), agreement_id="agr-asks", consent_required=True))
    refused(world, world.exchange_body(basis={**BY_LAW, "agreement_id": "agr-asks"}), 403, "consent_required")


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    ("state", "slug"),
    [
        (ConsentState.WITHDRAWN, "consent_withdrawn"),
        (ConsentState.REVOKED, "consent_withdrawn"),
        (ConsentState.SUSPENDED, "consent_suspended"),
        (ConsentState.EXPIRED, "consent_expired"),
        (ConsentState.INVALIDATED, "consent_expired"),
    ],
)
def test_a_consent_that_is_not_in_force_releases_nothing(world: World, state: ConsentState, slug: str) -> None:
    consent_id = world.granted()
    end(world, consent_id, state)
    refused(world, world.exchange_body(consent_id), 403, slug)


@pytest.mark.rule("wallet", "S1")
def test_a_consent_ends_by_the_clock_without_any_job(world: World) -> None:
    consent_id = world.granted()
    world.clock.advance(seconds=31 * 86_400)
    refused(world, world.exchange_body(consent_id), 403, "consent_expired")


@pytest.mark.rule("wallet", "§8.2")
def test_a_refusal_is_told_as_one(world: World) -> None:
    asked = world.ask()
    world.decide(world.browser(), asked.json["view_uri"], "refuse")
    refused(world, world.exchange_body(), 403, "consent_refused")


@pytest.mark.rule("wallet", "§8.2")
def test_wider_than_the_consent_is_refused(world: World) -> None:
    consent_id = world.granted(fields=["full_name"])
    refused(world, world.exchange_body(consent_id), 403, "scope_exceeded")


def test_an_optional_field_that_was_left_off_is_wider(world: World) -> None:
    consent_id = world.granted(fields=["full_name"], optional_fields=["has_record"])
    refused(world, world.exchange_body(consent_id, fields=["full_name", "has_record"]), 403, "scope_exceeded")


def test_another_case_is_wider(world: World) -> None:
    consent_id = world.granted(procedure={"code": PROCEDURE, "case_id": "EXP-1"})
    refused(world, world.exchange_body(consent_id, procedure={"code": PROCEDURE, "case_id": "EXP-2"}), 403, "scope_exceeded")


@pytest.mark.rule("wallet", "§8.2")
def test_the_consent_of_another_body_or_person_looks_like_none(world: World) -> None:
    consent_id = world.granted()
    other = {"scheme": "cl-run", "value": OTHER_RUN}
    answers = [
        refused(world, world.exchange_body(consent_id), 403, "consent_mismatch", client_id=STRANGER),
        refused(world, world.exchange_body(consent_id, subject=other), 403, "consent_mismatch"),
        refused(world, world.exchange_body(uuid.uuid4()), 403, "consent_mismatch"),
    ]
    told = [{name: value for name, value in one.json.items() if name not in {"instance", "txn", "request_id"}} for one in answers]
    assert told[0] == told[1] == told[2]


# --- agreements -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "L13")
def test_without_an_agreement_nothing_moves(world: World) -> None:
    consent_id = world.granted()
    world.run_sql("update agreements set state = 'terminated'")
    refused(world, world.exchange_body(consent_id), 403, "agreement_inactive")
    refused(world, world.exchange_body(basis={**BY_LAW, "agreement_id": "agr-nothing"}), 403, "agreement_required")


@pytest.mark.rule("wallet", "§9")
@pytest.mark.parametrize("state", ["signing", "suspended", "terminated", "expired"])
def test_an_agreement_not_in_force_releases_nothing(world: World, state: str) -> None:
    world.run_sql("update agreements set state = :state where agreement_id = :id", state=state, id=LAW_AGREEMENT)
    refused(world, world.exchange_body(basis=BY_LAW), 403, "agreement_inactive")


def test_an_agreement_ends_by_the_clock(world: World) -> None:
    world.clock.advance(seconds=701 * 86_400)
    refused(world, world.exchange_body(basis=BY_LAW), 403, "agreement_inactive")


@pytest.mark.rule("wallet", "§9")
def test_a_field_outside_the_agreement_breaks_a_named_limit(world: World) -> None:
    rows = [{"dataset_id": DATASET, "version": 1, "fields": ["full_name"]}]
    world.add(law_agreement(world.clock.now(), agreement_id="agr-narrow", datasets=rows))
    answer = refused(world, world.exchange_body(basis={**BY_LAW, "agreement_id": "agr-narrow"}), 403, "template_limit_exceeded")
    assert answer.json["limit"] == "fields_max"


def test_another_procedure_is_not_covered(world: World) -> None:
    refused(world, world.exchange_body(basis=BY_LAW, procedure={"code": "otro-tramite"}), 403, "agreement_required")


@pytest.mark.rule("wallet", "§8.2")
def test_more_than_the_agreed_volume_waits(world: World) -> None:
    world.add(law_agreement(world.clock.now(), agreement_id="agr-small", volume={"per_day": 2}))
    body = {"basis": {**BY_LAW, "agreement_id": "agr-small"}}
    assert [world.fetch(world.exchange_body(**body)).status_code for _ in range(2)] == [200, 200]
    answer = refused(world, world.exchange_body(**body), 429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 0
    world.clock.advance(seconds=86_401)
    assert world.fetch(world.exchange_body(**body)).status_code == 200


@pytest.mark.rule("wallet", "§8.2")
def test_more_often_than_the_person_allowed_waits(world: World) -> None:
    consent_id = world.granted(fetch="periodic", frequency={"count": 1, "unit": "day"})
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200
    refused(world, world.exchange_body(consent_id), 429, "frequency_exceeded")
    world.clock.advance(seconds=86_401)
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200


def test_a_consent_for_once_is_used_once(world: World) -> None:
    consent_id = world.granted(fetch="once")
    assert world.fetch(world.exchange_body(consent_id)).status_code == 200
    refused(world, world.exchange_body(consent_id), 403, "consent_expired")


# --- the same request again -----------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "X7")
def test_a_repeat_runs_under_the_same_txn_and_counts_one_use(world: World) -> None:
    body = world.exchange_body(world.granted(fetch="once"))
    first, again = world.fetch(body), world.fetch(body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json["txn"] == again.json["txn"]
    assert world.run_sql("select uses from consents") == [(1,)]
    assert [core["outcome"] for core in world.log()] == ["attempt", "released"] * 2


@pytest.mark.rule("wallet", "X7")
def test_after_a_day_the_same_request_is_another_one(world: World) -> None:
    body = world.exchange_body(world.granted(fetch="once"))
    world.fetch(body)
    world.clock.advance(seconds=86_401)
    refused(world, body, 403, "consent_expired")


@pytest.mark.rule("wallet", "§8.2")
def test_the_same_id_with_another_body_is_a_conflict_and_not_in_the_log(world: World) -> None:
    body = world.exchange_body(world.granted())
    world.fetch(body)
    answer = world.fetch({**body, "fields": ["full_name"]})
    assert (answer.status_code, code(answer)) == (409, "id_conflict")
    assert len(world.log()) == 2


def test_two_clients_may_choose_the_same_id(world: World) -> None:
    body = world.exchange_body(basis=BY_LAW)
    assert world.fetch(body).json["txn"] != world.fetch(body, client_id=STRANGER).json["txn"]


@pytest.mark.rule("wallet", "X7")
def test_a_withdrawal_between_stops_the_repeat(world: World) -> None:
    consent_id = world.granted()
    body = world.exchange_body(consent_id)
    world.fetch(body)
    end(world, consent_id, ConsentState.WITHDRAWN)
    refused(world, body, 403, "consent_withdrawn")


# --- callers --------------------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.2")
def test_nobody_passes_without_a_token_of_the_scope(world: World) -> None:
    client = world.app.test_client()
    assert client.post("/exchange/v1/requests", json=world.exchange_body()).status_code == 401
    for headers in (world.bearer(scope="wallet:consents"), world.bearer(aud="https://pay.example"), world.bearer(exp=1)):
        assert client.post("/exchange/v1/requests", json=world.exchange_body(), headers=headers).status_code in {401, 403}
    assert not world.log()


def test_a_client_that_is_not_a_consumer_here_is_refused(world: World) -> None:
    for client_id in ("unknown", PROVIDER):
        answer = world.fetch(world.exchange_body(basis=BY_LAW), client_id=client_id)
        assert (answer.status_code, code(answer)) == (403, "client_not_registered")


# --- what the gate keeps --------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.1")
def test_no_value_is_kept_anywhere(world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    answer = world.fetch(world.exchange_body(world.granted()))
    assert MARKER in answer.text
    tables = [row[0] for row in world.run_sql("select tablename from pg_tables where schemaname = 'public'")]
    dump = "".join(row[0] for table in tables for row in world.run_sql(f'select to_jsonb(t)::text from "{table}" t'))
    assert "police-record" in dump
    written = capfd.readouterr()
    for place in (dump, caplog.text, written.out, written.err):
        assert MARKER not in place
        assert MARKER.encode().hex() not in place


def test_the_order_to_the_provider_carries_the_txn_and_hides_itself(world: World) -> None:
    answer = world.fetch(world.exchange_body(world.granted()))
    order: Order = world.register.orders[-1]
    assert order.txn == answer.json["txn"]
    assert order.token not in repr(order)
    assert RUN not in repr(order)


@pytest.mark.rule("wallet", "§8.1")
def test_an_attempt_whose_process_died_is_closed_as_failed(world: World) -> None:
    def die(_order: Order) -> None:
        raise KeyboardInterrupt

    world.register.before = die
    consent_id = world.granted()
    with pytest.raises(KeyboardInterrupt):
        world.fetch(world.exchange_body(consent_id))
    assert [core["outcome"] for core in world.log()] == ["attempt"]
    assert close_interrupted(world.wallet) == 0
    world.clock.advance(seconds=timedelta(minutes=5).total_seconds())
    assert close_interrupted(world.wallet) == 1
    assert [(core["outcome"], core.get("reason")) for core in world.log()] == [("attempt", None), ("failed", "interrupted")]
    assert world.run_sql("select sealed from exchanges") == [(None,)]
    assert close_interrupted(world.wallet) == 0


# --- what is remembered ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("wallet", "§8.1", "S3")
def test_what_ended_after_it_was_remembered_is_still_not_released(world: World) -> None:
    object.__setattr__(world.wallet.settings, "registry_cache_seconds", 1.0)
    assert world.fetch(world.exchange_body(basis=BY_LAW)).status_code == 200
    world.run_sql("update agreements set state = 'suspended' where agreement_id = :id", id=LAW_AGREEMENT)
    answer = world.fetch(world.exchange_body(basis=BY_LAW))
    assert (answer.status_code, code(answer), MARKER in answer.text) == (403, "agreement_inactive", False)
    world.clock.advance(seconds=1)
    refused(world, world.exchange_body(basis=BY_LAW), 403, "agreement_inactive")


@pytest.mark.rule("wallet", "§10.1")
@pytest.mark.parametrize("law", ["Ley \x00", "Ley\n20.594", "", "cl-run:11111111-1", f"Ley 1, cl-run:{RUN}", "L" * 301])
def test_a_law_that_may_not_stand_in_the_log_is_refused_before_it(world: World, law: str) -> None:
    answer = world.fetch(world.exchange_body(basis={**BY_LAW, "law_reference": law}))
    assert answer.status_code == 400, answer.json
    assert world.log() == []
