"""What pay holds in the sandbox: accounts in pesos, their keys, and webhooks to the inbox.  A second start finds all of it there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from deploy.sandbox.banks import khipu, stripe, webpay
from deploy.sandbox.plan import Plan
from pay.context import Pay
from pay.models.account import get_account
from pay.operations.accounts import credentials_of
from pay.operations.deposits import book_deposit
from pay.operations.onboarding import NewAccount, NewWebhook, add_webhook, issue_key, open_account, set_credentials
from pay.operations.partners import add_partner, issue_partner_key
from pay.providers.khipu import KhipuGateway
from pay.providers.sandbox import SandboxGateway
from pay.providers.stripe import StripeGateway
from pay.providers.webpay import WebpayGateway
from pay.standards.identifiers import ALPHABET, LENGTH, AccountId
from pay.standards.staff_powers import OPERATOR, StaffMember

ACTOR = "sandbox"
ORGANISATION = "org-colegio-araucarias"
SERVICE_NAME = "Colegio Las Araucarias"
TEST_KEY = "test"
SIGNING_PREFIX = "webhook_test_"
PARTNER_NAME = "Caja Vecina de prueba"
FOR_PEOPLE_MINOR = 5_000_000
"""What the office has put in, so that people can be paid out of it."""


@dataclass(frozen=True)
class Till:
    """One account of the sandbox: the name of its key in sandbox.json, and what it may."""

    name: str
    service_name: str = SERVICE_NAME
    gateway: str = SandboxGateway.name
    features: Mapping[str, bool | int] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def named(self, what: str) -> str:
        """The name of a secret of this account; the first account's are those of the first release."""
        return f"pay:{what}" if self.name == TEST_KEY else f"pay:{self.name}:{what}"


TILLS = (
    Till(TEST_KEY, features={"allow_recurring": True, "allow_payouts": True, "allow_transfer": True}),
    # Cards said on the telephone, and payments that a telephone service reports.
    Till("telephone", "Mesa telefónica", features={"allow_moto": True, "allow_moto_api": True, "allow_telephone": True}),
    # For measuring: the published limits of 15 and 75 calls a second do not hold here.
    # Payments on the pages of the sandbox's banks; a declined payer may try twice more.
    Till(
        "webpay",
        gateway=WebpayGateway.name,
        features={"attempts_max": 3},
        credentials={"commerce_code": webpay.COMMERCE, "secret": webpay.SECRET},
    ),
    Till(
        "khipu",
        gateway=KhipuGateway.name,
        features={"attempts_max": 3},
        credentials={"api_key": khipu.API_KEY, "receiver_id": khipu.RECEIVER},
    ),
    Till(
        "stripe",
        gateway=StripeGateway.name,
        features={"attempts_max": 3},
        credentials={"secret_key": stripe.SECRET_KEY, "webhook_secret": stripe.WEBHOOK_SECRET},
    ),
    Till("load", "Medición de carga", features={"posts_per_second": 1_000_000, "others_per_second": 1_000_000, "payer_emails": False}),
)


def seed(context: Pay, plan: Plan) -> dict[str, object]:
    """Enter what is missing and return pay's part of sandbox.json."""
    keys = {till.name: _open(context, plan, till) for till in TILLS}
    signing_key = SIGNING_PREFIX + _base32(plan, "pay:webhook-signing-key")
    return {
        "base_url": plan.urls.pay,
        "account_id": _base32(plan, "pay:account"),
        "api_keys": keys,
        "webhook_signing_key": signing_key,
        "partner": _partner(context, plan),
    }


def _partner(context: Pay, plan: Plan) -> dict[str, str]:
    """Enter a partner with a key, and money of the office out of which people can be paid."""
    partner_id, token = _base32(plan, "pay:partner"), _base32(plan, "pay:partner-key")
    add_partner(context, partner_id, PARTNER_NAME, max_amount_minor=None, actor=ACTOR)
    key = issue_partner_key(context, partner_id, key_id=UUID(plan.uuid("pay:partner-key")), token=token, actor=ACTOR)
    with context.reading() as tx:
        account = get_account(tx.connection, AccountId(_base32(plan, "pay:account")))
    book_deposit(context, StaffMember(ACTOR, ACTOR, (OPERATOR,)), account, "sandbox", FOR_PEOPLE_MINOR)
    return {"id": partner_id, "key": key}


def _open(context: Pay, plan: Plan, till: Till) -> str:
    """Open one account with a webhook, and return its key; all webhooks of the sandbox are signed with the same key."""
    account_id = AccountId(_base32(plan, till.named("account")))
    account = NewAccount(
        id=account_id,
        service_name=till.service_name,
        organisation_id=ORGANISATION,
        currency="CLP",
        gateway=till.gateway,
        language="es",
        features=till.features,
    )
    open_account(context, account, actor=ACTOR)
    if till.credentials and not credentials_of(context, account_id, till.gateway):
        set_credentials(context, account_id, till.credentials, actor=ACTOR)
    token = "api_test_" + _base32(plan, till.named("key"))
    key_id = UUID(plan.uuid(till.named("key")))
    key = issue_key(context, account_id, key_id=key_id, token=token, description="The sandbox's own key", actor=ACTOR)
    signing_key = SIGNING_PREFIX + _base32(plan, "pay:webhook-signing-key")
    webhook = NewWebhook(id=_base32(plan, till.named("webhook")), callback_url=f"{plan.urls.inbox}/webhooks/pay", signing_key=signing_key)
    add_webhook(context, account_id, webhook, actor=ACTOR)
    return key


def _base32(plan: Plan, name: str) -> str:
    """26 characters of pay's alphabet that only this sandbox has for this name."""
    value = int.from_bytes(plan.key(name), "big")
    return "".join(ALPHABET[value >> (5 * place) & 31] for place in range(LENGTH))
