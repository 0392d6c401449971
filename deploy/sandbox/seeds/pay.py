"""What pay holds in the sandbox: one account in pesos, its key, and a webhook to the inbox.  A second start finds all of it there."""

from uuid import UUID

from deploy.sandbox.plan import Plan
from pay.context import Pay
from pay.operations.onboarding import NewAccount, NewWebhook, add_webhook, issue_key, open_account
from pay.providers.sandbox import SandboxGateway
from pay.standards.identifiers import ALPHABET, LENGTH, AccountId

ACTOR = "sandbox"
ORGANISATION = "org-colegio-araucarias"
SERVICE_NAME = "Colegio Las Araucarias"
TEST_KEY = "test"
SIGNING_PREFIX = "webhook_test_"


def seed(context: Pay, plan: Plan) -> dict[str, object]:
    """Enter what is missing and return pay's part of sandbox.json."""
    account_id = AccountId(_base32(plan, "pay:account"))
    account = NewAccount(
        id=account_id, service_name=SERVICE_NAME, organisation_id=ORGANISATION, currency="CLP", gateway=SandboxGateway.name, language="es"
    )
    open_account(context, account, actor=ACTOR)
    token = "api_test_" + _base32(plan, "pay:key")
    key = issue_key(context, account_id, key_id=UUID(plan.uuid("pay:key")), token=token, description="The sandbox's own key", actor=ACTOR)
    signing_key = SIGNING_PREFIX + _base32(plan, "pay:webhook-signing-key")
    webhook = NewWebhook(id=_base32(plan, "pay:webhook"), callback_url=f"{plan.urls.inbox}/webhooks/pay", signing_key=signing_key)
    add_webhook(context, account_id, webhook, actor=ACTOR)
    return {"base_url": plan.urls.pay, "account_id": account_id, "api_keys": {TEST_KEY: key}, "webhook_signing_key": signing_key}


def _base32(plan: Plan, name: str) -> str:
    """26 characters of pay's alphabet that only this sandbox has for this name."""
    value = int.from_bytes(plan.key(name), "big")
    return "".join(ALPHABET[value >> (5 * place) & 31] for place in range(LENGTH))
