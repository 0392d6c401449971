"""Providers declare datasets and take them back.  Spec: wallet contract §2, R1, R2, §18."""

import json
from typing import Any

import pytest

from tests.factories.wallet import DATASET, ENDPOINT, PROVIDER, World

FIELD = {"field_id": "rank", "title": {"es": "Grado"}, "kind": "string", "dpv_category": "https://w3id.org/dpv/pd#Rank"}


def declaration(**changes: object) -> dict[str, Any]:
    texts = {"es": "Grados", "en": "Ranks"}
    body = {"dataset_id": "ranks", "audience": "https://registro.example", "endpoint": ENDPOINT, "title": texts, "description": texts}
    return {**body, "fields": [FIELD], "classification": "personal", **changes}


def call(world: World, method: str, path: str = "", body: dict[str, Any] | None = None, client_id: str = PROVIDER, **headers: str) -> Any:
    told = {**world.bearer(client_id, "wallet:provide"), **headers}
    return world.app.test_client().open("/registry/datasets" + path, method=method, json=body, headers=told)


@pytest.mark.rule("wallet", "R1", "§18")
def test_a_declaration_becomes_a_version_and_a_change_follows_the_one_that_was_read(world: World) -> None:
    assert call(world, "POST", body=declaration()).json == {"dataset_id": "ranks", "version": 1}
    etag = call(world, "GET", "/ranks").headers["ETag"]
    assert call(world, "POST", body=declaration()).status_code == 412
    assert call(world, "POST", body=declaration(), **{"If-Match": etag}).json["version"] == 2
    assert call(world, "POST", body=declaration(), **{"If-Match": etag}).status_code == 412
    found = world.app.test_client().get("/directory/fields?concept=Rank").json["fields"]
    assert [one["dataset_version"] for one in found] == [2]
    assert world.run_sql("select version, status from datasets where dataset_id = 'ranks' order by 1") == [(1, "retired"), (2, "active")]


@pytest.mark.rule("wallet", "R1")
def test_what_is_in_force_cannot_be_changed_in_place(world: World) -> None:
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError, match="frozen"):
        world.run_sql("update datasets set fields = '[]' where dataset_id = :id", id=DATASET)


@pytest.mark.rule("wallet", "R2")
def test_a_dataset_that_is_taken_back_ends_what_rests_on_it(world: World) -> None:
    consent_id = world.granted()
    world.ask()
    assert call(world, "DELETE", f"/{DATASET}").json == {"ended_consents": 1}
    assert world.run_sql("select state, state_reason from consents") == [("invalidated", "dataset_retired")]
    assert world.run_sql("select distinct state from consent_request_items order by 1") == [("accepted",), ("invalidated",)]
    assert world.fetch(world.exchange_body(consent_id)).status_code == 400
    assert world.run_sql("select count(*) from outbox where job = 'announce_consent' and payload->>'current' = 'invalidated'") == [(1,)]
    assert call(world, "DELETE", f"/{DATASET}").status_code == 400


@pytest.mark.rule("wallet", "§2", "L15")
@pytest.mark.parametrize(
    "change",
    [
        {"fields": []},
        {"fields": [{**FIELD, "title": {"en": "Rank"}}]},
        {"fields": [{**FIELD, "dpv_category": "https://example.org/x"}]},
        {"fields": [{**FIELD, "kind": "blob"}]},
        {"endpoint": "http://registro.example/"},
        {"endpoint": "file:///etc/passwd"},
        {"classification": "funny"},
        {"consent_max_seconds": 1},
        {"more": 1},
    ],
    ids=json.dumps,
)
def test_what_is_not_a_declaration_is_refused(world: World, change: dict[str, Any]) -> None:
    assert call(world, "POST", body=declaration(**change)).status_code == 400


@pytest.mark.rule("wallet", "§2")
def test_a_dataset_is_its_own_bodys(world: World) -> None:
    world.run_sql("""update clients set roles = '["provider"]' where client_id = 'other-consumer'""")
    assert call(world, "DELETE", f"/{DATASET}", client_id="other-consumer").status_code == 403
    body = declaration(dataset_id=DATASET)
    assert call(world, "POST", body=body, client_id="other-consumer").status_code == 403
    assert call(world, "POST", body=body, client_id="wallet-consumer").status_code == 403
