"""The sandbox's civil registry, written apart, takes the tokens that the gate mints.  Spec: wallet contract §5.1, §5.2."""

import pytest
from joserfc.jwk import KeySet

from deploy.sandbox.registry.consent_tokens import Ask, ConsentTokens, Refusal
from tests.factories.wallet import AUDIENCE, DATASET, FIELDS, LAW, LAW_AGREEMENT, OTHER_RUN, PUBLIC_URL, RUN, World


@pytest.mark.rule("wallet", "§5.1")
@pytest.mark.parametrize("road", ["consent", "law"])
def test_the_registry_takes_a_token_once_and_for_this_person_alone(world: World, road: str) -> None:
    law = {"kind": "law", "law_reference": LAW, "agreement_id": LAW_AGREEMENT}
    body = world.exchange_body(basis=law) if road == "law" else world.exchange_body(world.granted())
    answer = world.fetch(body)
    published = KeySet.import_key_set(world.app.test_client().get("/.well-known/jwks.json").json)
    tokens = ConsentTokens(issuer=PUBLIC_URL, audience=AUDIENCE, keys=lambda _again: published, now=world.clock.now)
    authorization = f"Bearer {world.register.orders[-1].token}"
    grant = tokens.check(authorization, Ask(scheme="cl-run", person=RUN, dataset_id=DATASET, fields=tuple(FIELDS)))
    assert (grant.txn, grant.client_id, set(grant.fields)) == (answer.json["txn"], "wallet-consumer", set(FIELDS))
    with pytest.raises(Refusal, match="used before"):
        tokens.check(authorization, Ask(scheme="cl-run", person=RUN, dataset_id=DATASET, fields=tuple(FIELDS)))
    fresh = ConsentTokens(issuer=PUBLIC_URL, audience=AUDIENCE, keys=lambda _again: published, now=world.clock.now)
    with pytest.raises(Refusal) as caught:
        fresh.check(authorization, Ask(scheme="cl-run", person=OTHER_RUN, dataset_id=DATASET, fields=tuple(FIELDS)))
    assert caught.value.code == "subject_mismatch"
