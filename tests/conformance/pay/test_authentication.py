"""API keys: form, checksum, revocation; what one account may see of another."""

from dataclasses import replace

import pytest

from shared.settings import Secret
from tests.conformance.pay.test_counters import Counter
from tests.factories.pay import BODY, World


def status(world: World, header: str | None) -> int:
    headers = {} if header is None else {"Authorization": header}
    return world.client().get("/v1/payments/0123456789abcdefghijklmnop", headers=headers).status_code


@pytest.mark.rule("pay", "A1", "§2")
def test_only_an_intact_bearer_key_is_let_in(world: World) -> None:
    key = world.till.key
    assert status(world, f"Bearer {key}") == 404
    other = "0" if key[-1] != "0" else "1"
    for header in (
        None,
        "",
        key,
        f"Basic {key}",
        f"bearer {key}",
        "Bearer ",
        f"Bearer {key[:-1]}{other}",
        f"Bearer {key[1:]}",
        "Bearer " + "é" * 58,
    ):
        assert status(world, header) == 401


@pytest.mark.rule("pay", "A1", "§2")
@pytest.mark.parametrize("prefix", ["api_live_", "api_test_", ""])
def test_a_key_works_with_each_prefix_and_without(world: World, prefix: str) -> None:
    till = world.add_key(world.till.account_id, prefix=prefix)
    assert world.post("/v1/payments", BODY, till=till).status_code == 201
    assert 58 <= len(till.key) <= 67


@pytest.mark.rule("pay", "§2")
def test_a_key_with_a_right_checksum_that_was_never_issued_is_refused(world: World) -> None:
    from pay.standards.keys import make_key

    assert status(world, "Bearer " + make_key("api_test_" + "a" * 26, world.pay.key_secret)) == 401


@pytest.mark.rule("pay", "A1", "§2")
def test_the_secret_of_keys_is_changed_with_keys_of_both_honoured_in_between(world: World) -> None:
    def restart(secrets: str) -> None:
        world.pay.settings = replace(world.pay.settings, api_key_secret=Secret(secrets))
        world.pay.__dict__.pop("key_secrets", None)
        world.pay.merchants.clear()

    before = world.till
    restart("a new one,key secret of tests")
    after = world.add_key(world.till.account_id)
    counter = Counter(world)
    assert [status(world, f"Bearer {till.key}") for till in (before, after)] == [404, 404]
    restart("a new one")
    assert [status(world, f"Bearer {till.key}") for till in (before, after)] == [401, 404]
    assert counter.verify("1").status_code != 401
    restart("another")
    assert status(world, f"Bearer {after.key}") == 401
    assert counter.verify("1").status_code == 401


@pytest.mark.rule("pay", "A1", "§2")
def test_a_revoked_key_ends_within_a_minute(world: World) -> None:
    from sqlalchemy import update

    from pay.models.account import api_keys

    assert status(world, f"Bearer {world.till.key}") == 404
    with world.pay.db.begin() as connection:
        connection.execute(update(api_keys).values(revoked_at=world.pay.clock.now()))
    world.pay.clock.advance(seconds=3)
    assert status(world, f"Bearer {world.till.key}") == 401


@pytest.mark.rule("pay", "A17", "I9", "§2")
def test_another_account_sees_nothing(world: World) -> None:
    payment_id = world.paid()
    refund_id = world.post(f"/v1/payments/{payment_id}/refunds", {"amount": 100}).get_json()["refund_id"]
    other = world.add_account()
    paths = ["", "/events", "/refunds", f"/refunds/{refund_id}"]
    assert [world.get(f"/v1/payments/{payment_id}{path}").status_code for path in paths] == [200] * 4
    assert [world.get(f"/v1/payments/{payment_id}{path}", till=other).status_code for path in paths] == [404] * 4
    for path, body in (("/cancel", None), ("/capture", None), ("/refunds", {"amount": 100})):
        assert world.post(f"/v1/payments/{payment_id}{path}", body, till=other).status_code == 404
    assert world.get("/v1/payments", till=other).get_json()["total"] == 0


@pytest.mark.rule("pay", "§2")
def test_only_a_keyed_hash_of_a_key_is_kept(world: World) -> None:
    from sqlalchemy import select

    from pay.models.account import api_keys

    with world.pay.db.begin() as connection:
        (row,) = connection.execute(select(api_keys)).all()
    assert world.till.key[:35].encode() not in row.token_hash
    assert len(row.token_hash) == 32
