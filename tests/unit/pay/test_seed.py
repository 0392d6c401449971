"""What the sandbox enters: a key that works, a webhook that is signed; a second start changes nothing."""

from pathlib import Path

from sqlalchemy import func, select

from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.sandbox.seeds.pay import TILLS, seed
from pay.models.account import api_keys, gateway_accounts
from pay.models.webhook import webhooks
from shared.audit.tables import audit_entries
from tests.factories.pay import BODY, World


def test_the_seed_gives_a_working_account_and_may_run_again(world: World) -> None:
    plan = Plan(Path("unused"), Ports(8000), bytes(32))
    with world.pay.db.begin() as connection:
        before = [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (gateway_accounts, api_keys, webhooks)]
    part = seed(world.pay, plan)
    with world.pay.db.begin() as connection:
        logged = connection.execute(select(func.count()).select_from(audit_entries)).scalar_one()
    assert seed(world.pay, plan) == part
    with world.pay.db.begin() as connection:
        after = [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (gateway_accounts, api_keys, webhooks)]
        assert connection.execute(select(func.count()).select_from(audit_entries)).scalar_one() == logged
    assert [now - then for now, then in zip(after, before, strict=True)] == [len(TILLS)] * 3
    assert set(part) == {"base_url", "account_id", "api_keys", "webhook_signing_key", "partner"}
    keys, partner = part["api_keys"], part["partner"]
    assert isinstance(partner, dict)
    said = world.client().post("/partners/v1/payouts/check", json={}, headers={"Authorization": f"Bearer {partner['key']}"})
    assert said.status_code == 400  # the key is taken, the empty body is not
    assert isinstance(keys, dict)
    made = world.client().post("/v1/payments", json=BODY, headers={"Authorization": f"Bearer {keys['test']}"})
    assert made.status_code == 201
    assert made.get_json()["language"] == "es"
    assert set(keys) == {till.name for till in TILLS}
