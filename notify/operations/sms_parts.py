"""Parts of texts and their receipts: a text is delivered when all its parts are, and has failed when one has."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.models.sms_part import SmsPart
from notify.operations.receipts import apply_receipt
from notify.providers.base import ProviderUnavailable
from notify.providers.smpp import SmppSms
from notify.standards.smpp_receipt import FINAL
from notify.standards.statuses import Channel, Status

KEPT = timedelta(days=7)
log = structlog.get_logger("andamio.notify.sms_parts")


def keep_parts(notify: Notify, provider: str, parts: Sequence[str], notification_id: uuid.UUID) -> None:
    """Remember the SMSC's ids of a text, so that its receipts find it."""
    now = notify.clock.now()
    about = {"provider": provider, "notification_id": notification_id, "status": "", "created_at": now}
    rows = [about | {"provider_reference": part} for part in parts]
    with notify.transaction() as tx:
        # An SMSC may use an id again after a while: the newest text has it.
        added = insert(SmsPart).values(rows)
        changed = {"notification_id": added.excluded.notification_id, "status": "", "created_at": now}
        tx.connection.execute(added.on_conflict_do_update(index_elements=["provider", "provider_reference"], set_=changed))


def take_part_receipt(notify: Notify, provider: str, provider_reference: str, status: Status) -> bool:
    """Apply the receipt of one part; false when we do not know it (yet), so that the SMSC offers it again."""
    own = (SmsPart.provider == provider) & (SmsPart.provider_reference == provider_reference)
    with notify.transaction() as tx:
        notification_id = tx.connection.execute(select(SmsPart.notification_id).where(own).with_for_update()).scalar_one_or_none()
        if notification_id is None:
            return False
        tx.connection.execute(update(SmsPart).where(own, SmsPart.status.not_in(sorted(FINAL))).values(status=status.value))
        of_text = (SmsPart.notification_id == notification_id) & (SmsPart.provider == provider)
        statuses = tx.connection.execute(select(SmsPart.status).where(of_text)).scalars().all()
    word = _whole(statuses)
    if word:
        apply_receipt(notify, notification_id, word, provider=provider, channel=Channel.SMS)
    return True


def _whole(statuses: Sequence[str]) -> str:
    """Give what the parts make of the whole; empty while there is nothing to say."""
    for failure in (Status.PERMANENT_FAILURE, Status.TEMPORARY_FAILURE):
        if failure.value in statuses:
            return failure.value
    if all(status == Status.DELIVERED for status in statuses):
        return Status.DELIVERED.value
    return Status.PENDING.value if Status.PENDING.value in statuses else ""


def read_sms_receipts(notify: Notify) -> int:
    """Read the waiting receipts of every SMPP provider; return how many.

    Raises: ProviderUnavailable of the first that was away, after all were asked.
    """
    routes = [route.provider for route in notify.sms_routes if isinstance(route.provider, SmppSms)]
    count, faults = 0, list[ProviderUnavailable]()
    for provider in routes:

        def take(reference: str, status: Status, name: str = provider.name) -> bool:
            return take_part_receipt(notify, name, reference, status)

        try:
            count += provider.read_receipts(take)
        except ProviderUnavailable as away:
            log.warning("provider of texts away", provider=provider.name)
            faults.append(away)
    if faults:
        raise faults[0]
    return count


def forget_parts(notify: Notify) -> int:
    """Delete parts whose receipts nobody waits for any more; return how many."""
    with notify.transaction() as tx:
        return tx.forget(delete(SmsPart).where(SmsPart.created_at < notify.clock.now() - KEPT))
