"""The sandbox's civil registry, written apart, takes the tokens that the gate mints.  Spec: wallet contract §5.1, §5.2."""

from datetime import timedelta

import pytest
from joserfc.jwk import KeySet
from structlog.testing import capture_logs

from deploy.sandbox.registry.consent_tokens import Ask, ConsentTokens, Refusal
from tests.factories.wallet import AUDIENCE, DATASET, FIELDS, LAW, LAW_AGREEMENT, OTHER_RUN, PUBLIC_URL, RUN, World
from wallet.providers.base import Order, RegisterFailed


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


@pytest.mark.rule("wallet", "§5.2", "§8.2")
@pytest.mark.parametrize("seconds", [300, -300])
def test_a_registry_whose_clock_is_five_minutes_off_refuses_and_the_same_request_is_answered_once_it_is_right(
    world: World, seconds: int
) -> None:
    """What a jump of one machine's clock does to exchanges under way: nothing is released, and nothing is lost."""
    off = [seconds]
    tokens = ConsentTokens(
        issuer=PUBLIC_URL,
        audience=AUDIENCE,
        keys=lambda _again: KeySet.import_key_set(world.app.test_client().get("/.well-known/jwks.json").json),
        now=lambda: world.clock.now() + timedelta(seconds=off[0]),
    )

    def check(order: Order) -> None:
        try:
            tokens.check(f"DPoP {order.token}", Ask(scheme="cl-run", person=RUN, dataset_id=DATASET, fields=tuple(FIELDS)))
        except Refusal as refusal:
            raise RegisterFailed(f"status {refusal.status}") from None

    world.register.before = check
    body = world.exchange_body(world.granted())
    with capture_logs() as lines:
        answer = world.fetch(body)
    assert (answer.status_code, answer.json["type"]) == (502, "urn:andamio:problem:provider_error")
    assert [(line["fault"], line["txn"]) for line in lines if line["log_level"] == "warning"] == [("status 401", world.log()[-1]["txn"])]
    assert world.log()[-1]["outcome"] == "failed"
    off[0] = 0
    assert world.fetch(body).status_code == 200
