"""What becomes of consents and sessions when identity says that something happened to an account.  Spec: wallet contract §11, §4."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from shared.idempotency import claim
from shared.transaction import Transaction
from wallet.context import Wallet
from wallet.events import Event
from wallet.models.account import Account, find_account
from wallet.models.assent import Assent, forget_open_assents
from wallet.models.consent import COMPROMISED, Consent, ConsentEvent, ConsentState
from wallet.models.consent_request import ConsentRequest
from wallet.operations.consent_moves import Actor, drop_requests, end_all, move, subject_of
from wallet.operations.delegation_ends import record_death
from wallet.operations.presence import Presence
from wallet.operations.represented import end_mandate
from wallet.standards import account_events as events
from wallet.standards.account_events import AccountEvent

IDENTITY = Actor(kind="authority", id="system:identity")
DISABLED = "account_disabled"


def remember(wallet: Wallet, presence: Presence) -> None:
    """Keep which person an account is, so that an event about the account finds her consents."""
    index = wallet.subject_index(presence.own_subject)
    sealed = wallet.cipher.encrypt(presence.own_subject, scope=wallet.subject_scope(index))
    row = {"sub": presence.sub, "subject": sealed, "subject_index": index, "seen_at": wallet.clock.now()}
    with wallet.transaction() as tx:
        tx.connection.execute(insert(Account).values(row).on_conflict_do_nothing())


def find(wallet: Wallet, sub: str) -> Account | None:
    """Return what is known of an account."""
    with wallet.reading() as tx:
        return find_account(tx.session, sub)


def take_event(wallet: Wallet, event: AccountEvent) -> None:
    """Do what an event asks, once; of an account that never came here, and of another kind, nothing follows."""
    handle = HANDLERS.get(event.uri)
    with wallet.transaction() as tx:
        if claim(tx.connection, scope="account-event", key=event.jti, fingerprint="", result={}, now=wallet.clock.now()) is not None:
            return
        account = find_account(tx.session, event.sub, lock=True)
        if handle is None or account is None:
            return
        handle(wallet, tx, account, event)
        tx.session.flush()
        subject = wallet.cipher.decrypt(account.subject, scope=wallet.subject_scope(account.subject_index))
        tx.record(Event.ACCOUNT_EVENT, actor=IDENTITY.id, subject=subject, data={"event": event.uri.rpartition("/")[2]})


def _sign_out(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    del tx, event
    account.signed_out_before = wallet.clock.now()


def _disable(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    """Pause what is in force until the account is trusted again."""
    del event
    account.disabled_at = account.signed_out_before = wallet.clock.now()
    forget_open_assents(tx.session, account.subject_index)
    mine = Consent.subject_index == account.subject_index
    _pause(wallet, tx, (mine,), DISABLED)


def _enable(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    """Let go on what was paused with the account, and nothing else."""
    del event
    account.disabled_at = None
    statement = select(Consent).where(
        Consent.subject_index == account.subject_index, Consent.state == ConsentState.SUSPENDED, Consent.state_reason == DISABLED
    )
    for consent in tx.session.scalars(statement.with_for_update()):
        if consent.state_at(wallet.clock.now()) == ConsentState.SUSPENDED:
            move(wallet, tx, consent, ConsentState.ACTIVE, actor=IDENTITY, subject=subject_of(wallet, consent))


def _purge(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    del event
    account.disabled_at = account.signed_out_before = wallet.clock.now()
    index, why = account.subject_index, "account_purged"
    forget_open_assents(tx.session, index)
    end_all(wallet, tx, Consent.subject_index == index, target=ConsentState.INVALIDATED, actor=IDENTITY, reason_code=why)
    drop_requests(wallet, tx, ConsentRequest.subject_index == index, actor=IDENTITY.id, reason_code=why)


def _compromise(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    """End the sessions, and pause what was given with this account lately: its person lets it go on if it was she."""
    account.signed_out_before = wallet.clock.now()
    since = event.at - timedelta(days=wallet.settings.compromise_days)
    actor = f"person:{account.sub}"
    given = select(ConsentEvent.consent_id).where(ConsentEvent.actor_id == actor, ConsentEvent.type == "granted")
    agreed = select(Assent.item_id).where(Assent.request == Consent.request, Assent.item_id == Consent.item_id, Assent.actor == actor)
    _pause(wallet, tx, (or_(Consent.consent_id.in_(given), agreed.exists()), Consent.created_at >= since), COMPROMISED)
    forget_open_assents(tx.session, account.subject_index)


def _rename(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    """Follow an account to its new name; sessions under the old one are over."""
    new = event.members.get("new-value")
    if not isinstance(new, str) or not new or len(new) > 255:
        return
    row = {"sub": new, "subject": account.subject, "subject_index": account.subject_index, "seen_at": wallet.clock.now()}
    tx.connection.execute(insert(Account).values(row).on_conflict_do_nothing())
    account.signed_out_before = wallet.clock.now()


def _death(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    del event
    account.disabled_at = account.signed_out_before = wallet.clock.now()
    subject = wallet.cipher.decrypt(account.subject, scope=wallet.subject_scope(account.subject_index))
    record_death(wallet, tx, subject, actor=IDENTITY.id)


def _end_mandate(wallet: Wallet, tx: Transaction, account: Account, event: AccountEvent) -> None:
    """End what the account's person could do by a mandate that is over."""
    mandate_id = str(event.members.get("mandate_id", ""))
    end_mandate(wallet, tx, account.subject_index, mandate_id, at=event.at, actor=IDENTITY.id)


def _pause(wallet: Wallet, tx: Transaction, conditions: tuple[object, ...], reason_code: str) -> None:
    statement = select(Consent).where(Consent.state == ConsentState.ACTIVE, *conditions)  # type: ignore[arg-type]  # conditions of SQL
    for consent in tx.session.scalars(statement.with_for_update()):
        move(wallet, tx, consent, ConsentState.SUSPENDED, actor=IDENTITY, subject=subject_of(wallet, consent), reason_code=reason_code)


HANDLERS: dict[str, Callable[[Wallet, Transaction, Account, AccountEvent], None]] = {
    events.DISABLED: _disable,
    events.ENABLED: _enable,
    events.PURGED: _purge,
    events.COMPROMISED: _compromise,
    events.CHANGED: _rename,
    events.SIGNED_OUT: _sign_out,
    events.DECEASED: _death,
    events.MANDATE_ENDED: _end_mandate,
}
