"""A register that answers later: the same request comes back, and nothing is counted twice.  Spec: wallet contract §8.2, X7."""

import json

import pytest

from shared.http import Outbound, Reply
from tests.factories.wallet import FIELDS, LAW_AGREEMENT, RUN, STRANGER, World
from tests.unit.wallet.providers.test_adapters import Net, order
from tests.unit.wallet.routes.test_exchange import code
from wallet.operations.consents import withdraw
from wallet.operations.exchange_ends import close_interrupted
from wallet.providers.base import Order, RegisterLater
from wallet.providers.rest import RestRegister

BY_LAW = {"kind": "law", "agreement_id": LAW_AGREEMENT}


@pytest.fixture
def slow(world: World) -> World:
    def later(_order: Order) -> None:
        raise RegisterLater(7)

    world.register.before = later
    return world


def look(world: World, request_id: object, client_id: str = "wallet-consumer") -> int:
    return world.app.test_client().get(f"/exchange/v1/requests/{request_id}", headers=world.bearer(client_id)).status_code


@pytest.mark.rule("wallet", "§8.2", "X7")
def test_it_is_asked_again_under_the_same_number_and_counts_once(slow: World) -> None:
    consent_id = slow.granted(fetch="once")
    body = slow.exchange_body(consent_id)
    first = slow.fetch(body)
    assert (first.status_code, first.headers["Retry-After"], first.json["state"]) == (202, "7", "waiting")
    assert (look(slow, body["request_id"]), look(slow, body["request_id"], STRANGER)) == (202, 404)
    assert slow.fetch(body).status_code == 202
    assert [core["outcome"] for core in slow.log()] == ["attempt", "attempt"]
    slow.register.before = lambda _order: None
    done = slow.fetch(body)
    assert (done.status_code, done.json["txn"]) == (200, first.json["txn"])
    assert len({one.txn for one in slow.register.orders}) == 1
    assert slow.run_sql("select uses from consents")[0][0] == 1
    assert look(slow, body["request_id"]) == 404  # nothing waits any more
    assert {core["txn"] for core in slow.log()} == {first.json["txn"]}


@pytest.mark.rule("wallet", "S3")
def test_a_withdrawal_while_it_waits_releases_nothing(slow: World) -> None:
    consent_id = slow.granted()
    body = slow.exchange_body(consent_id)
    assert slow.fetch(body).status_code == 202
    withdraw(slow.wallet, slow.presence(), slow.run_sql("select consent_id from consents")[0][0])
    slow.register.before = lambda _order: None
    assert code(slow.fetch(body)) == "consent_withdrawn"


@pytest.mark.rule("wallet", "§8.1")
def test_what_nobody_comes_back_for_is_closed_after_a_day(slow: World) -> None:
    assert slow.fetch(slow.exchange_body(basis=BY_LAW)).status_code == 202
    slow.clock.advance(seconds=3600)
    assert close_interrupted(slow.wallet) == 0
    slow.clock.advance(seconds=86_400)
    assert (close_interrupted(slow.wallet), close_interrupted(slow.wallet)) == (1, 0)
    assert [(core["outcome"], core.get("reason")) for core in slow.log()] == [("attempt", None), ("failed", "not_fetched")]
    assert slow.run_sql("select state, sealed from exchanges") == [("failed", None)]


@pytest.mark.rule("wallet", "§8.2", "X5")
def test_in_a_batch_each_person_waits_by_herself(slow: World) -> None:
    body = slow.exchange_body(basis=BY_LAW, persons=[{"subject": {"scheme": "cl-run", "value": RUN}}])
    del body["subject"]
    many = slow.app.test_client().post("/exchange/v1/batches", json=body, headers=slow.bearer())
    result = many.json["results"][0]
    assert (many.status_code, result["status"], result["state"], result["retry_after"]) == (207, 202, "waiting", 7)


@pytest.mark.rule("wallet", "§8.2")
@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("", 30), ("soon", 30), ("0", 1), ("-5", 30), ("999999", 3600), ("9" * 40, 30), ("٣", 30)]
)
def test_when_to_come_back_is_read_with_sense(said: str, seconds: int) -> None:
    http: Outbound = Net(lambda: Reply(202, {"retry-after": said}, json.dumps({"fields": dict.fromkeys(FIELDS)}).encode()))
    register = RestRegister(http, timeout_seconds=1, bytes_max=1000)
    with pytest.raises(RegisterLater) as caught:
        register.fetch(order("https://registro.example/v1"), {})
    assert caught.value.retry_after_seconds == seconds
