"""Who may act for whom: what registers say, proxies that a person appoints, and beginning to act.  Spec: wallet contract §6."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from shared.transaction import Transaction
from shared.web.words import gettext_noop
from wallet.context import Wallet
from wallet.errors import DelegationNotFound, InvalidExchange, MandatesAway, NotForDelegates, PowerLost
from wallet.events import Event
from wallet.models.delegation import OWN, SIGN_IN, Delegation, DelegationState, active_delegations, find_delegation
from wallet.operations.delegation_ends import NOT_IN_REGISTER, Reason, end, principal_of, reason_by_time, record_death
from wallet.operations.presence import Acting, Presence
from wallet.providers.mandates import Mandate, MandatesUnavailable
from wallet.standards.acting import Kind, Power, Reach, default_powers, majority

PROXY_DAYS_MAX = 5 * 366
PROXIES_MAX = 20


@dataclass(frozen=True, kw_only=True)
class ProxyTerms:
    """What a principal gives a proxy: `powers` beyond looking are express (D2)."""

    run: str = field(repr=False)
    powers: frozenset[Power]
    reach: Reach
    valid_until: datetime


def look_up(wallet: Wallet, presence: Presence) -> bool:
    """Bring in what the register says of the person who sits there; False when it is away and what is here stays."""
    try:
        look_up_delegate(wallet, presence.own_subject)
    except MandatesUnavailable:
        return False
    return True


def look_up_delegate(wallet: Wallet, delegate: str) -> None:
    """Bring in what the register says of one delegate, `cl-run:…`.  Raises: MandatesUnavailable."""
    found = wallet.mandates.mandates_of(delegate.partition(":")[2])
    with wallet.transaction() as tx:
        take_mandates(wallet, tx, delegate, found, register=wallet.mandates.name)


def take_mandates(wallet: Wallet, tx: Transaction, delegate: str, found: Iterable[Mandate], *, register: str) -> None:
    """Make the delegations of one register to one delegate what the register says now: new ones begin, missing ones end (D1, D9)."""
    now, index = wallet.clock.now(), wallet.subject_index(delegate)
    known = {
        (row.principal_index, row.kind): row
        for row in active_delegations(tx.session, delegate=index, lock=True)
        if row.register == register
    }
    for mandate in _one_each(found):
        if mandate.is_deceased:
            record_death(wallet, tx, mandate.principal, actor="system:register")
            known.pop((wallet.subject_index(mandate.principal), mandate.kind), None)
            continue
        until = majority(mandate.born_on) if mandate.kind is Kind.PARENT and mandate.born_on else mandate.valid_until
        if (until is not None and until <= now) or mandate.principal == delegate:
            continue
        row = known.pop((wallet.subject_index(mandate.principal), mandate.kind), None)
        if row is None:
            terms = Terms(powers=default_powers(mandate.kind), reach=Reach(), valid_until=until, joint=mandate.joint)
            row = add_delegation(wallet, tx, delegate, mandate, terms=terms, register=register)
        row.give(default_powers(mandate.kind), joint=mandate.joint)
        row.checked_at, row.valid_until = now, until
    for row in known.values():
        is_over = row.valid_until is not None and row.valid_until <= now
        end(wallet, tx, row, reason_by_time(row) if is_over else NOT_IN_REGISTER)


def _one_each(found: Iterable[Mandate]) -> list[Mandate]:
    """Return one power of each kind for each principal: of two, the one that needs fewer others; a death before all."""
    best: dict[tuple[str, Kind], Mandate] = {}
    for mandate in sorted(found, key=lambda one: (one.is_deceased, -one.joint)):
        best[mandate.principal, mandate.kind] = mandate
    return list(best.values())


@dataclass(frozen=True)
class Terms:
    """How far a new delegation goes."""

    powers: Collection[Power]
    reach: Reach
    valid_until: datetime | None
    joint: int = 1


def add_delegation(wallet: Wallet, tx: Transaction, delegate: str, mandate: Mandate, *, terms: Terms, register: str) -> Delegation:
    """Enter a delegation that is in force from now on, and tell the log of its principal."""
    now = wallet.clock.now()
    principal_index, delegate_index = wallet.subject_index(mandate.principal), wallet.subject_index(delegate)
    scope, own_scope = wallet.subject_scope(principal_index), wallet.subject_scope(delegate_index)
    seal = wallet.cipher.encrypt
    row = Delegation(
        delegation_id=wallet.ids.uuid7(),
        principal=seal(mandate.principal, scope=scope),
        principal_index=principal_index,
        principal_name=seal(mandate.name, scope=scope),
        delegate=seal(delegate, scope=own_scope),
        delegate_index=delegate_index,
        delegate_name=None,
        kind=mandate.kind,
        scope={name: sorted(getattr(terms.reach, name)) for name in ("datasets", "purposes", "procedures")},
        register=register,
        reference=seal(mandate.reference, scope=scope),
        born_on=seal(mandate.born_on.isoformat(), scope=scope) if mandate.born_on else None,
        checked_at=now,
        valid_from=now,
        valid_until=terms.valid_until,
        state=DelegationState.ACTIVE,
        state_since=now,
        created_at=now,
    )
    row.give(terms.powers, joint=terms.joint)
    tx.session.add(row)
    tx.session.flush()
    data: dict[str, str | int | bool | list[str]] = {"kind": str(mandate.kind), "powers": list(row.powers)}
    if row.together:
        data |= {"together": list(row.together), "joint": row.joint}
    tx.record(Event.DELEGATION_BEGUN, actor=f"register:{register}", subject=mandate.principal, object_id=str(row.delegation_id), data=data)
    return row


def appoint_proxy(wallet: Wallet, presence: Presence, terms: ProxyTerms) -> UUID:
    """Let another person act for the one who sits there, within express powers; return the delegation.

    Raises: NotForDelegates (D5), InvalidExchange for oneself, too long a time or too many.
    """
    _refuse_delegate(presence)
    now, delegate = wallet.clock.now(), f"cl-run:{terms.run}"
    if delegate == presence.own_subject:
        raise InvalidExchange(gettext_noop("You cannot act for yourself."))
    if not now < terms.valid_until or (terms.valid_until - now).days > PROXY_DAYS_MAX:
        raise InvalidExchange(gettext_noop("Choose a day in the next five years."))
    principal_index, delegate_index = wallet.subject_index(presence.own_subject), wallet.subject_index(delegate)
    mandate = Mandate(kind=Kind.PROXY, principal=presence.own_subject, name=presence.name, reference=presence.session_hash)
    with wallet.transaction() as tx:
        mine = [row for row in active_delegations(tx.session, principal=principal_index, lock=True) if row.register == OWN]
        if len(mine) >= PROXIES_MAX:
            raise InvalidExchange(gettext_noop("So many people act for you already. End one first."))
        for row in mine:
            if row.delegate_index == delegate_index:  # new terms take the place of the old ones
                end(wallet, tx, row, Reason("replaced", presence.actor))
        given = Terms(powers={Power.VIEW, *terms.powers}, reach=terms.reach, valid_until=terms.valid_until)
        return add_delegation(wallet, tx, delegate, mandate, terms=given, register=OWN).delegation_id


def end_delegation(wallet: Wallet, presence: Presence, delegation_id: UUID) -> None:
    """End a proxy as its principal, or give any power up as its delegate; again changes nothing.

    Raises: DelegationNotFound, NotForDelegates, InvalidExchange for a power that stands in another register.
    """
    _refuse_delegate(presence)
    own = wallet.subject_index(presence.own_subject)
    with wallet.transaction() as tx:
        row = find_delegation(tx.session, delegation_id, lock=True)
        if row is None or own not in {row.principal_index, row.delegate_index}:
            raise DelegationNotFound(gettext_noop("You have no such power, and nobody has it for you."))
        if row.principal_index == own and row.register != OWN:
            raise InvalidExchange(gettext_noop("This power stands in another register. End it there."))
        if row.state == DelegationState.ACTIVE:
            end(wallet, tx, row, Reason("revoked" if row.principal_index == own else "given_up", presence.actor))


def acting_for(wallet: Wallet, presence: Presence, delegation_id: UUID) -> Acting:
    """Return for whom the person who sits there acts by a delegation in force.  Raises: PowerLost (D7)."""
    with wallet.reading() as tx:
        row = find_delegation(tx.session, delegation_id)
        if row is None or row.delegate_index != wallet.subject_index(presence.own_subject) or not row.is_active(wallet.clock.now()):
            raise PowerLost(gettext_noop("It has ended, or it never was. Go on for yourself."))
        if row.register == SIGN_IN and presence.mandate_id != wallet.cipher.decrypt(
            row.reference, scope=wallet.subject_scope(row.principal_index)
        ):
            raise PowerLost(gettext_noop("Sign in again, and choose for whom you act."))
        return Acting(
            delegation_id=row.delegation_id,
            subject=principal_of(wallet, row),
            name=wallet.cipher.decrypt(row.principal_name, scope=wallet.subject_scope(row.principal_index)),
            kind=Kind(row.kind),
            powers=frozenset(Power(power) for power in row.powers),
            reach=Reach.read(row.scope),
            together=frozenset(Power(power) for power in row.together),
            joint=row.joint,
        )


def begin_acting(wallet: Wallet, presence: Presence, delegation_id: UUID) -> Acting:
    """Begin to act for another; her own log shows it (D8).  Raises: PowerLost, MandatesAway."""
    confirm_power(wallet, presence, delegation_id)
    acting = acting_for(wallet, presence, delegation_id)
    with wallet.transaction() as tx:
        row = find_delegation(tx.session, delegation_id, lock=True)
        if row is not None:
            row.delegate_name = wallet.cipher.encrypt(presence.name, scope=wallet.subject_scope(row.delegate_index))
    return acting


def note_use(wallet: Wallet, presence: Presence, page: str) -> None:
    """Put a look at a page by a delegate in the principal's log (D8)."""
    if presence.acting is None:
        return
    with wallet.transaction() as tx:
        delegation = presence.on_behalf_of
        tx.record(
            Event.DELEGATION_USED,
            actor=presence.actor,
            subject=presence.subject,
            on_behalf_of=delegation,
            object_id=str(presence.acting.delegation_id),
            channel="web",
            data={"page": page},
        )


def confirm_power(wallet: Wallet, presence: Presence, delegation_id: UUID) -> None:
    """Have a power looked up again where the register's word is older than a day (D1).  Raises: PowerLost, MandatesAway."""
    now, hours = wallet.clock.now(), wallet.settings.mandate_hours
    with wallet.reading() as tx:
        row = find_delegation(tx.session, delegation_id)
        if row is None or row.is_fresh(now, hours=hours):
            return  # in force or not is judged where it is used
        register = row.register
    if register == wallet.mandates.name and not look_up(wallet, presence):
        raise MandatesAway(gettext_noop("Try again later. Until then nobody can act by this power."))
    if register != wallet.mandates.name:
        raise PowerLost(gettext_noop("Sign in again, and choose for whom you act."))


def hold_power(wallet: Wallet, session: Session, presence: Presence, *, lock: bool = True) -> Delegation | None:
    """Return the delegation a decision is made by, locked until it is committed; None for one's own.

    Raises: PowerLost, also where it now gives something else than it did when the page was opened.
    """
    if presence.acting is None:
        return None
    row = find_delegation(session, presence.acting.delegation_id, lock=lock)
    if row is None or not row.is_active(wallet.clock.now()):
        raise PowerLost(gettext_noop("It has just ended. Nothing was decided."))
    acting = presence.acting
    if (row.powers, row.together, row.joint) != (sorted(acting.powers), sorted(acting.together), acting.joint):
        raise PowerLost(gettext_noop("It has just changed. Nothing was decided."))
    return row


def born_on_of(wallet: Wallet, row: Delegation) -> date | None:
    """Return the principal's day of birth, where the register told it."""
    if row.born_on is None:
        return None
    return date.fromisoformat(wallet.cipher.decrypt(row.born_on, scope=wallet.subject_scope(row.principal_index)))


def _refuse_delegate(presence: Presence) -> None:
    if presence.acting is not None:
        raise NotForDelegates(gettext_noop("Stop acting for another first."))
