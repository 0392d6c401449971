"""Give somebody a mandate in the account, and accept one (RP-4)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from identity.context import Identity
from identity.events import Event
from identity.models.client_store import SERVICES
from identity.models.finders import PERSONS, find_credentials, person_scope, run_index
from identity.models.mandate import MANDATE_STATES, MandateState, Source
from identity.models.person import PersonState
from identity.operations import mandates, notices, stages
from identity.operations.mandates import MANDATES, MandateRow
from identity.operations.notices import Kind
from identity.operations.refusals import MandateNotFound, MandateRefused
from identity.standards import powers
from shared.run import Run
from shared.transaction import Transaction
from shared.web.words import gettext_noop

OFFERS_MAX = 20
"""So many offers of one person wait at the same time."""


@dataclass(frozen=True)
class Gift:
    """What a person gives: `held` is the public id of the mandate by which they give for another; empty in their own name."""

    grantee: Run
    powers: tuple[str, ...]
    services: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime
    may_pass_on: bool = False
    held: str = ""


def give(identity: Identity, giver_id: UUID, gift: Gift) -> str:
    """Offer a mandate and return its public id.  Whether the RUN has an account is not told: the offer waits for its person.

    Raises: MandateRefused.
    """
    now = identity.clock.now()
    with identity.transaction() as tx:
        giver = tx.connection.execute(select(PERSONS).where(PERSONS.c.id == giver_id).with_for_update()).one()
        index = run_index(identity.cipher, gift.grantee)
        _check(tx, gift, now)
        if index == bytes(giver.run_index):
            raise MandateRefused(gettext_noop("You act for yourself already. Enter the RUN of somebody else."))
        _refuse_mixing(identity, tx, giver_id, gift.grantee)
        open_ones = (MANDATES.c.given_by == giver_id, MANDATES.c.state == MandateState.OFFERED)
        if tx.connection.execute(select(func.count()).select_from(MANDATES).where(*open_ones)).scalar_one() >= OFFERS_MAX:
            raise MandateRefused(gettext_noop("Too many of your offers wait for an answer. Take some back first."))
        row = {
            "id": identity.ids.uuid7(),
            "mandate_id": "mdt_" + identity.ids.token(16),
            "grantee_index": index,
            "grantee_sealed": identity.cipher.encrypt(str(gift.grantee), scope=person_scope(giver_id)),
            "powers": list(gift.powers),
            "services": list(gift.services),
            "may_pass_on": gift.may_pass_on,
            "source": Source.GRANTED,
            "given_by": giver_id,
            "state": MandateState.OFFERED,
            "valid_from": gift.valid_from,
            "valid_until": gift.valid_until,
            "created_at": now,
            **_authority(identity, tx, giver_id, gift),
        }
        tx.connection.execute(MANDATES.insert().values(row))
        data: dict[str, str | int | bool | list[str]] = {"powers": list(gift.powers)}
        tx.record(Event.MANDATE_GIVEN, actor=f"person:{giver_id}", object_id=str(row["mandate_id"]), channel="web", data=data)
        _tell_offer(identity, tx, giver_id, mandates.lock(tx, str(row["mandate_id"])), gift.grantee)
    return str(row["mandate_id"])


def _refuse_mixing(identity: Identity, tx: Transaction, giver_id: UUID, grantee: Run) -> None:
    """Keep made-up persons among those of their own team.  Raises: MandateRefused."""
    found = find_credentials(tx.connection, identity.cipher, grantee)
    theirs = stages.trial_team_of(tx.connection, found.person_id) if found else None
    if stages.trial_team_of(tx.connection, giver_id) != theirs:
        raise MandateRefused(gettext_noop("Made-up persons act for each other only, within one team."))


def _check(tx: Transaction, gift: Gift, now: datetime) -> None:
    """Raises: MandateRefused."""
    if not gift.powers or not set(gift.powers) <= set(powers.POWERS):
        raise MandateRefused(gettext_noop("Choose what the person may do."))
    if gift.valid_until <= max(now, gift.valid_from):
        raise MandateRefused(gettext_noop("The last day must come after the first, and after today."))
    found = select(func.count()).select_from(SERVICES).where(SERVICES.c.service_id.in_(gift.services))
    if gift.services and tx.connection.execute(found).scalar_one() != len(set(gift.services)):
        raise MandateRefused(gettext_noop("One of the services is not known."))


def _authority(identity: Identity, tx: Transaction, giver_id: UUID, gift: Gift) -> dict[str, object]:
    """Return for whom the giver gives: themselves, a company whose permissions they manage, or by passing on what they hold.

    Raises: MandateRefused beyond what they hold.
    """
    if not gift.held:
        if powers.MANAGE in gift.powers:
            raise MandateRefused(gettext_noop("Only you give permissions in your own name. Choose other powers."))
        return {"principal_id": giver_id}
    held = next((row for row in mandates.list_in_force(identity, tx.connection, giver_id) if row.mandate_id == gift.held), None)
    if held is None:
        raise MandateRefused(gettext_noop("You do not act for them any more."))
    if held.company_id is not None and powers.MANAGE in held.powers:
        if held.joint > 1:
            raise MandateRefused(gettext_noop("Two must sign for this company. Give the permission at the company register."))
        return {"company_id": held.company_id}
    _check_passed_on(held, gift)
    return {"company_id": held.company_id, "principal_id": held.principal_id, "parent_id": held.id, "joint": held.joint}


def _check_passed_on(held: MandateRow, gift: Gift) -> None:
    """Raises: MandateRefused: what is passed on is no more and no longer than what is held, and goes one step."""
    if not held.may_pass_on or gift.may_pass_on:
        raise MandateRefused(gettext_noop("This permission cannot be passed on."))
    beyond_services = held.services and not (gift.services and set(gift.services) <= set(held.services))
    beyond_time = held.valid_until is not None and gift.valid_until > held.valid_until
    if not set(gift.powers) <= set(held.powers) or beyond_services or beyond_time:
        raise MandateRefused(gettext_noop("You can pass on what you hold, no more and no longer."))


def _tell_offer(identity: Identity, tx: Transaction, giver_id: UUID, row: MandateRow, grantee: Run) -> None:
    principal = mandates.principal_of(identity, tx.connection, row)
    found = find_credentials(tx.connection, identity.cipher, grantee)
    if found is not None and found.state is PersonState.ACTIVE:
        notices.tell(identity, tx, found.person_id, Kind.MANDATE_OFFERED, who=principal.name)
    for person_id in dict.fromkeys((giver_id, *mandates.grantors_of(identity, tx.connection, row))):
        notices.tell(identity, tx, person_id, Kind.MANDATE_GIVEN, who=principal.name)


def accept(identity: Identity, person_id: UUID, mandate_id: str) -> None:
    """Accept an offer: it counts from now on, or from its first day.  Raises: MandateNotFound, WrongState."""
    now = identity.clock.now()
    with identity.transaction() as tx:
        row = mandates.lock(tx, mandate_id)
        index = tx.connection.execute(select(PERSONS.c.run_index).where(PERSONS.c.id == person_id)).scalar_one()
        if bytes(row.grantee_index) != bytes(index) or (row.state == MandateState.OFFERED and row.valid_until <= now):
            raise MandateNotFound
        if row.state == MandateState.ACTIVE:
            return  # the form was sent twice
        action = MANDATE_STATES.check(MandateState(row.state), MandateState.ACTIVE)
        accepted = {"state": MandateState.ACTIVE, "grantee_id": person_id, "accepted_at": now}
        tx.connection.execute(update(MANDATES).where(MANDATES.c.id == row.id).values(accepted))
        tx.record(action, actor=f"person:{person_id}", object_id=mandate_id, channel="web")
        mandates.tell_begun(identity, tx, mandates.lock(tx, mandate_id))
