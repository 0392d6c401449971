"""A chain of consents as a grant: asked after, given up, of its own client alone.  Spec: wallet contract §12."""

import pytest
from werkzeug.test import TestResponse

from tests.factories.wallet import CONSUMER, DATASET, FIELDS, STRANGER, World
from wallet.operations.consents import list_consents, narrow

SCOPES = "grant_management_query grant_management_revoke"


def grant_of(world: World) -> str:
    consent_id = world.granted()
    return str(world.run_sql("select chain_id from consents where consent_id = :id", id=consent_id)[0][0])


def call(world: World, method: str, grant_id: str, *, client_id: str = CONSUMER, scope: str = SCOPES) -> TestResponse:
    return world.app.test_client().open(f"/grants/{grant_id}", method=method, headers=world.bearer(client_id, scope))


@pytest.mark.rule("wallet", "§12")
def test_a_grant_says_what_it_allows_and_is_given_up_by_its_client(world: World) -> None:
    grant_id = grant_of(world)
    told = call(world, "GET", grant_id).json
    assert told["authorization_details"][0]["datatypes"] == [DATASET]
    assert set(told["authorization_details"][0]["fields"]) == set(FIELDS)
    assert told["last_updated_at"] == told["last_updated"]
    assert told["expires_at"] > told["created_at"]
    assert (told["scopes"], told["claims"]) == ([], [])
    assert [call(world, "DELETE", grant_id).status_code for _ in range(2)] == [204, 204]
    assert world.run_sql("select state, state_reason from consents") == [("revoked", "grant_revoked")]
    assert call(world, "GET", grant_id).status_code == 404


@pytest.mark.rule("wallet", "§12")
def test_another_clients_grant_is_forbidden_and_an_unknown_one_not_there(world: World) -> None:
    grant_id = grant_of(world)
    assert call(world, "GET", grant_id, client_id=STRANGER).status_code == 403
    assert call(world, "DELETE", grant_id, client_id=STRANGER).status_code == 403
    assert call(world, "GET", "7f0c5c1e-0000-4000-8000-000000000001").status_code == 404
    assert call(world, "DELETE", grant_id, scope="grant_management_query").status_code == 403
    assert call(world, "GET", grant_id, scope="wallet:consents").status_code == 403
    assert world.run_sql("select state from consents") == [("active",)]


@pytest.mark.rule("wallet", "§12")
def test_the_grant_outlives_a_narrower_consent_of_the_same_chain(world: World) -> None:
    grant_id = grant_of(world)
    consent = list_consents(world.wallet, world.presence())[0]
    world.clock.advance(seconds=1)
    narrow(world.wallet, world.presence(), consent.consent_id, frozenset({"issued_on"}))
    told = call(world, "GET", grant_id).json
    assert told["authorization_details"][0]["consent_version"] == 2
    assert "issued_on" not in told["authorization_details"][0]["fields"]


@pytest.mark.rule("wallet", "§12")
def test_the_metadata_names_the_endpoint(world: World) -> None:
    told = world.app.test_client().get("/.well-known/oauth-authorization-server").json
    assert told["grant_management_endpoint"].endswith("/grants")
    assert told["grant_management_actions_supported"] == ["query", "revoke"]
