"""Who calls: from an API key to the account behind it.  Spec: pay-api.md §2."""

import json
from collections.abc import Mapping

from pay.context import KEYS_CACHED_MAX, KEYS_CACHED_SECONDS, Merchant, Pay
from pay.errors import AccountNotReady, AccountSuspended, KeyRefused
from pay.models.account import Account, find_key, get_account
from pay.models.payment import payer_scope
from pay.providers.sandbox import SandboxGateway
from pay.standards.identifiers import AccountId
from pay.standards.keys import kept_form

_BEARER = "Bearer "


def authenticate(pay: Pay, header: str) -> Merchant:
    """Return who holds the key of an Authorization header.

    A key that was revoked ends within `KEYS_CACHED_SECONDS`.  Raises: KeyRefused.
    """
    if not header.startswith(_BEARER):
        raise KeyRefused
    hashed = kept_form(header.removeprefix(_BEARER).strip(), pay.key_secrets)
    if hashed is None:
        raise KeyRefused
    now = pay.clock.now().timestamp()
    cached = pay.merchants.get(hashed)
    if cached is not None and cached[0] > now:
        return cached[1]
    with pay.reading() as tx:
        found = find_key(tx.connection, hashed)
    if found is None:
        pay.merchants.pop(hashed, None)
        raise KeyRefused
    if len(pay.merchants) >= KEYS_CACHED_MAX:
        pay.merchants.clear()
    merchant = Merchant(str(found[0]), found[1])
    pay.merchants[hashed] = (now + KEYS_CACHED_SECONDS, merchant)
    return merchant


def check_usable(pay: Pay, account: Account) -> None:
    """Refuse new money on an account that is stopped or not ready.  Raises: AccountSuspended, AccountNotReady.  Spec: §5.3."""
    if account.disabled_reason is not None:
        raise AccountSuspended(pay.settings.operator_name, pay.settings.support_contact)
    if not account.gateway_ready or account.gateway not in pay.gateways:
        raise AccountNotReady(pay.settings.support_contact)


def credentials_of(pay: Pay, account_id: AccountId, gateway: str) -> Mapping[str, str]:
    """Return what a provider knows an account by; nothing for the sandbox, which knows everybody."""
    if gateway == SandboxGateway.name:
        return {}
    now = pay.clock.now().timestamp()
    cached = pay.credentials.get(account_id)
    if cached is not None and cached[0] > now:
        return cached[1]
    with pay.reading() as tx:
        sealed = get_account(tx.connection, account_id).credentials_sealed
    opened: dict[str, str] = {} if sealed is None else json.loads(pay.cipher.decrypt(sealed, scope=payer_scope(account_id)))
    pay.credentials[account_id] = (now + KEYS_CACHED_SECONDS, opened)
    return opened
