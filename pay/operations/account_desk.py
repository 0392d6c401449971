"""Accounts from the console: opened by operators, told by their owners what the provider knows them by.  Spec: pay-api.md §23."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import update

from pay.context import Pay
from pay.events import OnboardingAction
from pay.models.account import Account, gateway_accounts
from pay.operations.accounts import credentials_of
from pay.operations.onboarding import NewAccount, open_account, set_credentials
from pay.providers.base import PageGateway
from pay.standards.identifiers import ALPHABET, LENGTH, AccountId
from pay.standards.staff_powers import StaffMember
from shared.problems import Conflict, Forbidden
from shared.web import gettext_noop as noop

FEATURES = (
    "allow_payouts",
    "allow_transfer",
    "allow_recurring",
    "payer_emails",
    "allow_zero_amount",
    "allow_moto",
    "allow_moto_api",
    "allow_telephone",
    "block_prepaid",
    "collect_billing_address",
)
"""What an operator switches on and off for an account.  Spec: pay-api.md §23."""
_CHILD = "mall:"


@dataclass(frozen=True)
class Terms:
    """On what terms an account takes payments.  Spec: pay-api.md §16, §20, §21, §25."""

    max_amount_minor: int
    attempts_max: int
    posts_per_second: int
    others_per_second: int
    email_collection: str
    language: str


def require_operator(staff: StaffMember) -> None:
    """Raises: Forbidden."""
    if not staff.is_operator:
        raise Forbidden(noop("Only an operator opens accounts and says what they may do."))


def open_from_desk(pay: Pay, staff: StaffMember, *, service_name: str, organisation_id: str, gateway: str, is_live: bool) -> AccountId:
    """Open an account in the operator's currency; without credentials at its provider it takes no payments yet.  Raises: Forbidden."""
    require_operator(staff)
    account_id = AccountId(pay.ids.pick(ALPHABET, LENGTH))
    account = NewAccount(
        id=account_id,
        service_name=service_name,
        organisation_id=organisation_id,
        currency=pay.settings.counter_currency,
        gateway=gateway,
        is_live=is_live,
        features={"gateway_ready": not isinstance(pay.gateways[gateway], PageGateway)},
    )
    open_account(pay, account, actor=staff.actor)
    return account_id


def set_features(pay: Pay, staff: StaffMember, account: Account, wanted: frozenset[str]) -> None:
    """Say what an account may do; anything that is not wanted is switched off.  Raises: Forbidden."""
    require_operator(staff)
    _change(pay, staff, account, OnboardingAction.FEATURES_SET, {name: name in wanted for name in FEATURES})


def set_terms(pay: Pay, staff: StaffMember, account: Account, terms: Terms) -> None:
    """Say on what terms an account takes payments from now on.  Raises: Forbidden."""
    require_operator(staff)
    _change(pay, staff, account, OnboardingAction.TERMS_SET, asdict(terms))


def stop(pay: Pay, staff: StaffMember, account: Account, reason: str | None) -> None:
    """Let an account take no new payments and refunds for a reason, or, without one, take them again.  Raises: Forbidden."""
    require_operator(staff)
    action = OnboardingAction.ACCOUNT_STOPPED if reason else OnboardingAction.ACCOUNT_RESUMED
    _change(pay, staff, account, action, {"disabled_reason": reason})


def _change(pay: Pay, staff: StaffMember, account: Account, action: OnboardingAction, values: Mapping[str, str | int | None]) -> None:
    told: dict[str, str | int | bool | list[str]] = {name: value for name, value in values.items() if value is not None}
    with pay.transaction() as tx:
        tx.connection.execute(update(gateway_accounts).where(gateway_accounts.c.id == account.id).values(dict(values)))
        tx.record(action, actor=staff.actor, object_id=account.id, channel="console", data=told)
    pay.merchants.clear()


def page_gateway_of(pay: Pay, account: Account) -> PageGateway | None:
    """Return the provider of an account, where it wants credentials."""
    gateway = pay.gateways.get(account.gateway)
    return gateway if isinstance(gateway, PageGateway) else None


def has_credentials(pay: Pay, account: Account) -> bool:
    """Answer whether the provider's credentials are there; what they are is never told."""
    return bool(credentials_of(pay, account.id, account.gateway))


def try_credentials(pay: Pay, staff: StaffMember, account: Account, gateway: PageGateway, typed: Mapping[str, str]) -> bool:
    """Keep credentials that the provider knows, with the children of a mall as they were; False, and nothing is kept, for others.

    Raises: GatewayUnavailable.
    """
    if not gateway.knows(typed):
        return False
    kept = {name: value for name, value in credentials_of(pay, account.id, account.gateway).items() if name.startswith(_CHILD)}
    set_credentials(pay, account.id, kept | dict(typed), actor=staff.actor)
    pay.merchants.clear()
    return True


def children_of(pay: Pay, account: Account) -> dict[str, str]:
    """Return the commerce codes of the bodies in an account's mall: no secrets."""
    known = credentials_of(pay, account.id, account.gateway)
    return {name.removeprefix(_CHILD): code for name, code in known.items() if name.startswith(_CHILD)}


def set_children(pay: Pay, staff: StaffMember, account: Account, children: Mapping[str, str]) -> None:
    """Say which bodies are in an account's mall.  Raises: Conflict where the provider is not set up."""
    known = {name: code for name, code in credentials_of(pay, account.id, account.gateway).items() if not name.startswith(_CHILD)}
    if not known:
        raise Conflict(noop("Set up the provider first."))
    set_credentials(pay, account.id, known | {_CHILD + body: code for body, code in children.items()}, actor=staff.actor)
    pay.merchants.clear()
