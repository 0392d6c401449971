"""Partners from the console of operators: their keys, how much they take at once, their daily files.  Spec: pay-design.md §6, §8."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from pay.context import Pay
from pay.events import PartnerAction
from pay.models.partner import Partner, Receipt, find_partner, partner_keys, partner_receipts, partners, receipt_of
from pay.operations.partners import FileResult, add_partner, issue_partner_key, read_daily_file, revoke_partner_key
from pay.standards.identifiers import ALPHABET, LENGTH
from pay.standards.keys import KeyPrefix
from pay.standards.staff_powers import StaffMember
from shared.problems import Forbidden, NotFound
from shared.web import gettext_noop as noop

LISTED_MAX, RECEIPTS_SHOWN = 500, 50


@dataclass(frozen=True)
class PartnerKey:
    """What is kept of a partner's key: everything but the key."""

    id: UUID
    created_at: datetime
    revoked_at: datetime | None


def require_operator(staff: StaffMember) -> None:
    """Raises: Forbidden."""
    if not staff.is_operator:
        raise Forbidden(noop("Only an operator looks after counters and partners."))


def list_partners(pay: Pay, staff: StaffMember) -> list[Partner]:
    """Return the partners by name.  Raises: Forbidden."""
    require_operator(staff)
    c = partners.c
    statement = select(c.id, c.name, c.max_amount_minor, c.disabled_at).order_by(func.lower(c.name), c.id).limit(LISTED_MAX)
    with pay.reading() as tx:
        return [Partner(*row) for row in tx.connection.execute(statement)]


def get_partner(pay: Pay, staff: StaffMember, partner_id: str) -> Partner:
    """Return a partner.  Raises: Forbidden, NotFound."""
    require_operator(staff)
    with pay.reading() as tx:
        found = find_partner(tx.connection, partner_id)
    if found is None:
        raise NotFound
    return found


def list_partner_keys(pay: Pay, partner: Partner) -> list[PartnerKey]:
    """Return the keys of a partner, the newest first."""
    c = partner_keys.c
    statement = select(c.id, c.created_at, c.revoked_at).where(c.partner_id == partner.id).order_by(c.created_at.desc(), c.id)
    with pay.reading() as tx:
        return [PartnerKey(*row) for row in tx.connection.execute(statement)]


def last_receipts(pay: Pay, partner: Partner) -> list[Receipt]:
    """Return what a partner said last that it took."""
    c = partner_receipts.c
    statement = select(partner_receipts).where(c.partner_id == partner.id).order_by(c.created_at.desc(), c.id).limit(RECEIPTS_SHOWN)
    with pay.reading() as tx:
        return [receipt_of(row) for row in tx.connection.execute(statement)]


def add_from_desk(pay: Pay, staff: StaffMember, name: str, max_amount_minor: int | None) -> str:
    """Add a partner and return its id; it has no key yet.  Raises: Forbidden."""
    require_operator(staff)
    partner_id = pay.ids.pick(ALPHABET, LENGTH)
    add_partner(pay, partner_id, name, max_amount_minor=max_amount_minor, actor=staff.actor)
    return partner_id


def change_partner(pay: Pay, staff: StaffMember, partner: Partner, name: str, max_amount_minor: int | None) -> None:
    """Say what a partner is called and how much it takes at once.  Raises: Forbidden."""
    require_operator(staff)
    values = {"name": name, "max_amount_minor": max_amount_minor}
    facts: dict[str, str | int] = {"name": name} | ({"max_amount_minor": max_amount_minor} if max_amount_minor is not None else {})
    with pay.transaction() as tx:
        tx.connection.execute(update(partners).where(partners.c.id == partner.id).values(values))
        tx.record(PartnerAction.CHANGED, actor=staff.actor, object_id=partner.id, channel="console", data=facts)


def switch_partner(pay: Pay, staff: StaffMember, partner: Partner, *, is_on: bool) -> None:
    """Let a partner's keys work, or not; a repeat changes nothing.  Raises: Forbidden."""
    require_operator(staff)
    if is_on == (partner.disabled_at is None):
        return
    disabled_at = None if is_on else pay.clock.now()
    with pay.transaction() as tx:
        tx.connection.execute(update(partners).where(partners.c.id == partner.id).values(disabled_at=disabled_at))
        tx.record(PartnerAction.SWITCHED, actor=staff.actor, object_id=partner.id, channel="console", data={"is_on": is_on})


def make_partner_key(pay: Pay, staff: StaffMember, partner: Partner) -> str:
    """Return a new key of a partner; it is kept nowhere and shown once.  Raises: Forbidden."""
    require_operator(staff)
    prefix = KeyPrefix.TEST if pay.settings.is_sandbox else KeyPrefix.LIVE
    token = prefix + pay.ids.pick(ALPHABET, LENGTH)
    return issue_partner_key(pay, partner.id, key_id=pay.ids.uuid4(), token=token, actor=staff.actor)


def end_partner_key(pay: Pay, staff: StaffMember, partner: Partner, key_id: UUID) -> None:
    """End a key of a partner; a repeat changes nothing.  Raises: Forbidden, NotFound."""
    require_operator(staff)
    known = {key.id: key for key in list_partner_keys(pay, partner)}
    if key_id not in known:
        raise NotFound
    if known[key_id].revoked_at is None:
        revoke_partner_key(pay, key_id, actor=staff.actor)


def read_file_from_desk(pay: Pay, staff: StaffMember, partner: Partner, content: bytes) -> FileResult:
    """Book a daily file of a partner without a line; the same one again changes nothing.  Raises: Forbidden, FileUnreadable."""
    require_operator(staff)
    return read_daily_file(pay, partner, content)
