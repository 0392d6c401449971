"""Brands: a team asks for one, the operator approves or refuses it, mails and letters carry it from then on.  Spec: notify-api §20."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from notify.context import Notify
from notify.errors import MessageRefused
from notify.events import Event
from notify.models.brand import BRANDS, Brand, BrandState, in_force
from notify.models.service import Service
from notify.models.team import Member
from notify.standards.logos import NotALogo, as_logo, colour
from shared.problems import NotFound
from shared.transaction import Transaction
from shared.web import gettext_noop

NAME_CHARACTERS_MAX = 80
LISTED_MAX = 200


@dataclass(frozen=True)
class BrandCard:
    """A brand as people of the console see it."""

    id: uuid.UUID
    service_id: uuid.UUID
    service_name: str
    org_id: str | None
    name: str
    colour: str
    state: BrandState
    whole_organisation: bool
    asked_at: datetime
    logo: bytes | None = field(repr=False)


def ask_for_brand(notify: Notify, member: Member, service_id: uuid.UUID, *, name: str, wanted_colour: str, logo: bytes) -> None:
    """Ask for a brand; an earlier question that waits is taken back.  Raises: MessageRefused that says what to put right."""
    name, kept_colour = name.strip(), colour(wanted_colour)
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise MessageRefused(gettext_noop("Write the name of the organisation, with at most 80 letters."))
    if kept_colour is None:
        raise MessageRefused(gettext_noop("Choose a darker colour: white words must be readable on it."))
    try:
        picture = as_logo(logo) if logo else None
    except NotALogo:
        raise MessageRefused(gettext_noop("The logo must be a PNG, JPEG or WebP picture of at most 500 KB.")) from None
    now, brand_id = notify.clock.now(), notify.ids.uuid7()
    with notify.transaction() as tx:
        service = tx.connection.execute(select(Service.org_id).where(Service.id == service_id).with_for_update()).one()
        waiting = (Brand.service_id == service_id) & (Brand.state == BrandState.ASKED.value)
        for earlier in tx.connection.execute(select(Brand.__table__).where(waiting).with_for_update()).all():
            _end(tx, member, earlier, now)
        row = {"id": brand_id, "service_id": service_id, "org_id": service.org_id, "name": name, "colour": kept_colour, "logo": picture}
        made = {"state": BrandState.ASKED.value, "whole_organisation": False, "asked_by": member.actor, "asked_at": now}
        tx.connection.execute(insert(Brand), row | made)
        data: dict[str, str | int | bool | list[str]] = {"service": str(service_id), "logo": picture is not None}
        tx.record(Event.BRAND_ASKED, actor=member.actor, object_id=str(brand_id), channel="console", data=data)


def decide(notify: Notify, member: Member, brand_id: uuid.UUID, *, approve: bool, whole_organisation: bool = False) -> None:
    """Approve a brand that was asked for, for its service or all of its organisation, or refuse it; what it follows ends.

    Raises: NotFound.
    """
    target = BrandState.APPROVED if approve else BrandState.REFUSED
    _move(notify, member, Brand.id == brand_id, target, whole_organisation=whole_organisation and approve)


def end_brand(notify: Notify, member: Member, brand_id: uuid.UUID, service_id: uuid.UUID | None = None) -> None:
    """Take a brand, or a question for one, away: that of `service_id` alone, or without one the operator any.  Raises: NotFound."""
    which = Brand.id == brand_id
    if service_id is not None or not member.is_operator:
        which &= (Brand.service_id == service_id) & Brand.whole_organisation.is_(False)
    _move(notify, member, which, BrandState.ENDED)


def _move(notify: Notify, member: Member, which: Any, target: BrandState, *, whole_organisation: bool | None = None) -> None:
    with notify.transaction() as tx:
        row = tx.connection.execute(select(Brand.__table__).where(which).with_for_update()).one_or_none()
        if row is None or not BRANDS.allows(BrandState(row.state), target):
            raise NotFound(gettext_noop("There is no such brand, or it was decided already."))
        now = notify.clock.now()
        if target is BrandState.ENDED:
            _end(tx, member, row, now)
        else:
            _decide(tx, member, row, target, for_all=bool(row.org_id and whole_organisation), now=now)
    notify.catalogue.forget()


def _decide(tx: Transaction, member: Member, row: Row[Any], target: BrandState, *, for_all: bool, now: datetime) -> None:
    action = BRANDS.check(BrandState(row.state), target)
    if target is BrandState.APPROVED:
        scope = Brand.org_id == row.org_id if for_all else Brand.service_id == row.service_id
        before = scope & Brand.whole_organisation.is_(for_all) & (Brand.state == BrandState.APPROVED.value)
        for earlier in tx.connection.execute(select(Brand.__table__).where(before).with_for_update()).all():
            _end(tx, member, earlier, now)
    changed = {"state": target.value, "decided_at": now, "whole_organisation": for_all}
    tx.connection.execute(update(Brand).where(Brand.id == row.id).values(changed))
    data: dict[str, str | int | bool | list[str]] = {"service": str(row.service_id), "whole_organisation": for_all}
    tx.record(action, actor=member.actor, object_id=str(row.id), channel="console", data=data)


def _end(tx: Transaction, member: Member, row: Row[Any], now: datetime) -> None:
    """End a brand; one that was never approved leaves no picture, so that an ended one with a picture stands in mails."""
    was = BrandState(row.state)
    action = BRANDS.check(was, BrandState.ENDED)
    kept = row.logo if was is BrandState.APPROVED else None
    changed = {"state": BrandState.ENDED.value, "decided_at": now, "logo": kept}
    tx.connection.execute(update(Brand).where(Brand.id == row.id).values(changed))
    data: dict[str, str | int | bool | list[str]] = {"service": str(row.service_id), "whole_organisation": row.whole_organisation}
    tx.record(action, actor=member.actor, object_id=str(row.id), channel="console", data=data)


def brands_of(notify: Notify, service_id: uuid.UUID) -> tuple[BrandCard | None, BrandCard | None]:
    """Give the brand in force, and the one that waits for the operator."""
    with notify.reading() as tx:
        service = tx.connection.execute(select(Service.name, Service.org_id).where(Service.id == service_id)).one()
        now = tx.connection.execute(in_force(service_id, service.org_id)).one_or_none()
        own = (Brand.service_id == service_id) & (Brand.state == BrandState.ASKED.value)
        asked = tx.connection.execute(select(Brand.__table__).where(own).limit(1)).one_or_none()
    return tuple(_card(row, service.name) if row else None for row in (now, asked))  # type: ignore[return-value]  # two of them


def list_brands(notify: Notify) -> list[BrandCard]:
    """Give the brands that wait and those that were approved, the waiting first."""
    shown = [BrandState.ASKED.value, BrandState.APPROVED.value]
    wanted = select(Brand.__table__, Service.name.label("service_name")).join(Service, Service.id == Brand.service_id)
    wanted = wanted.where(Brand.state.in_(shown)).order_by(Brand.state.desc(), Brand.asked_at.desc()).limit(LISTED_MAX)
    with notify.reading() as tx:
        return [_card(row, row.service_name) for row in tx.connection.execute(wanted)]


def logo_of(notify: Notify, brand_id: uuid.UUID) -> bytes:
    """Give the logo of a brand that was approved, also when it ended: mails that arrived show it.  Raises: NotFound."""
    shown = (Brand.id == brand_id) & Brand.state.in_([BrandState.APPROVED.value, BrandState.ENDED.value])
    with notify.reading() as tx:
        logo = tx.connection.execute(select(Brand.logo).where(shown)).scalar_one_or_none()
    if logo is None:
        raise NotFound(gettext_noop("There is no such picture."))
    return bytes(logo)


def _card(row: Row[Any], service_name: str) -> BrandCard:
    logo = bytes(row.logo) if row.logo is not None else None
    return BrandCard(
        row.id,
        row.service_id,
        service_name,
        row.org_id,
        row.name,
        row.colour,
        BrandState(row.state),
        row.whole_organisation,
        row.asked_at,
        logo,
    )
