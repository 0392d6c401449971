from urllib.parse import parse_qs, urlsplit

import pytest

from tests.factories.wallet import FIELDS, PUBLIC_URL, RECORD, RETURN, World


@pytest.mark.rule("wallet", "§8.1")
def test_a_person_grants_and_the_body_gets_the_fields(world: World) -> None:
    body = world.request_body(state="abc")
    asked = world.ask(body)
    assert asked.status_code == 201
    back = world.decide(world.browser(), asked.json["view_uri"], "grant")
    assert back.status_code == 303
    where = urlsplit(back.location)
    assert back.location.startswith(RETURN)
    assert parse_qs(where.query) == {"from": ["wallet"], "request_id": [body["id"]], "state": ["abc"], "iss": [PUBLIC_URL]}
    look = world.app.test_client().get(f"/consent-requests/{body['id']}", headers=world.bearer())
    item = look.json["items"][0]
    assert item["state"] == "accepted"
    answer = world.fetch(world.exchange_body(item["consent_id"]))
    assert answer.status_code == 200, answer.json
    assert answer.json["data"] == {name: RECORD[name] for name in FIELDS}
    assert [core["outcome"] for core in world.log()] == ["attempt", "released"]
