"""Open an account, issue a key, point a webhook.  A repeat with the same ids changes nothing.  Spec: pay-api.md §2, §15, §23."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Table, update
from sqlalchemy.dialects.postgresql import insert

from pay.context import Pay
from pay.events import OnboardingAction, WebhookEvent
from pay.models.account import api_keys, gateway_accounts
from pay.models.payment import payer_scope
from pay.models.webhook import webhooks
from pay.standards.cards import DEFAULT_BRANDS
from pay.standards.identifiers import AccountId
from pay.standards.keys import make_key, token_hash
from shared.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account to open; `organisation_id` is the public body that is owed the money."""

    id: AccountId
    service_name: str
    organisation_id: str
    currency: str
    gateway: str
    language: str = "es"
    is_live: bool = False
    features: Mapping[str, bool | int] = field(default_factory=dict)
    """Flags and limits that differ from the table's defaults, by column: `allow_moto_api`, `posts_per_second`."""


@dataclass(frozen=True, kw_only=True)
class NewWebhook:
    """Where messages of an account go, and the key they are signed with."""

    id: str
    callback_url: str
    signing_key: str
    events: tuple[WebhookEvent, ...] = tuple(WebhookEvent)


def _insert_once(tx: Transaction, table: Table, row: dict[str, object]) -> bool:
    return bool(tx.connection.execute(insert(table).values(row).on_conflict_do_nothing()).rowcount)


def open_account(pay: Pay, account: NewAccount, *, actor: str) -> None:
    """Open a gateway account.  Raises: IntegrityError for a live account at the sandbox gateway."""
    row = {
        "id": account.id,
        "service_name": account.service_name,
        "organisation_id": account.organisation_id,
        "is_live": account.is_live,
        "gateway": account.gateway,
        "currency": account.currency,
        "language": account.language,
        "card_brands": list(DEFAULT_BRANDS),
        "created_at": pay.clock.now(),
        **account.features,
    }
    with pay.transaction() as tx:
        if _insert_once(tx, gateway_accounts, row):
            tx.record(OnboardingAction.ACCOUNT_OPENED, actor=actor, object_id=account.id, data={"gateway": account.gateway})


def issue_key(pay: Pay, account_id: AccountId, *, key_id: UUID, token: str, description: str, actor: str) -> str:
    """Issue a key and return it; the key itself is kept nowhere, so a repeat must bring the same token."""
    row = {
        "id": key_id,
        "account_id": account_id,
        "token_hash": token_hash(token, pay.key_secret),
        "description": description,
        "created_by": actor,
        "created_at": pay.clock.now(),
    }
    with pay.transaction() as tx:
        if _insert_once(tx, api_keys, row):
            tx.record(OnboardingAction.KEY_ISSUED, actor=actor, object_id=str(key_id), data={"account_id": account_id})
    return make_key(token, pay.key_secret)


def set_credentials(pay: Pay, account_id: AccountId, credentials: Mapping[str, str], *, actor: str) -> None:
    """Keep what a provider knows an account by, sealed; from then on new payments may be made."""
    sealed = pay.cipher.encrypt(json.dumps(dict(credentials)), scope=payer_scope(account_id))
    with pay.transaction() as tx:
        changed = update(gateway_accounts).where(gateway_accounts.c.id == account_id)
        tx.connection.execute(changed.values(credentials_sealed=sealed, gateway_ready=True))
        tx.record(OnboardingAction.CREDENTIALS_SET, actor=actor, object_id=account_id, data={"names": sorted(credentials)})
    pay.credentials.pop(account_id, None)


def add_webhook(pay: Pay, account_id: AccountId, webhook: NewWebhook, *, actor: str) -> None:
    """Have an account's messages sent to an address.  Raises: ValueError for one that is not https outside the sandbox."""
    parts = urlsplit(webhook.callback_url)
    if parts.scheme != "https" and not pay.settings.is_sandbox:
        raise ValueError("a webhook goes to an https address")
    row = {
        "id": webhook.id,
        "account_id": account_id,
        "callback_url": webhook.callback_url,
        "signing_key_sealed": pay.cipher.encrypt(webhook.signing_key, scope=payer_scope(account_id)),
        "subscriptions": [event.value for event in webhook.events],
        "status": "ACTIVE",
        "description": "",
        "created_at": pay.clock.now(),
    }
    with pay.transaction() as tx:
        if _insert_once(tx, webhooks, row):
            tx.record(OnboardingAction.WEBHOOK_ADDED, actor=actor, object_id=webhook.id, data={"account_id": account_id})
