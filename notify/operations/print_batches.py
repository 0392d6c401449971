"""Letters to the print supplier in batches, and what it says became of them.  Spec: notify-api §17, §19."""

import uuid
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from notify.context import Notify
from notify.events import Event
from notify.models.print_batch import BATCHES, BatchState, PrintBatch, PrintItem
from notify.operations.letters import LetterNotRendered, get_letter_file
from notify.operations.receipts import Applied, apply_receipt
from notify.operations.returned_letters import take_returned
from notify.providers.base import ProviderError, ProviderUnavailable
from notify.providers.print_sftp import SftpPrint
from notify.standards.print_manifest import LETTERS_MAX, NotAReceipt, Printed, pack, read_receipt
from notify.standards.statuses import Channel, Status

log = structlog.get_logger("andamio.notify.print")
BATCHES_AT_ONCE = 20
FAULTS_MAX = 5
"""Files of a printer that cannot be fetched before it is taken to be away."""
RETURNED = "RETURNED"
_OUTCOMES = {"DESPATCHED": Status.DELIVERED, "REJECTED": Status.TECHNICAL_FAILURE}


def send_batches(notify: Notify) -> int:
    """Make batches of what waits for each printer and upload them; return how many went.  One that is paused gets none.

    Raises: ProviderUnavailable, ProviderRefused of the first printer that could not, after all were tried.
    """
    _tell_of_strangers(notify)
    weights = notify.catalogue.provider_weights(Channel.LETTER)
    paused = {route.name for route in notify.print_routes if not weights.get(route.name, route.weight)}
    return _at_each([shop for shop in notify.print_shops if shop.name not in paused], lambda shop: _send_to(notify, shop))


def _at_each(shops: Sequence[SftpPrint], work: Callable[[SftpPrint], int]) -> int:
    """Do something at each printer, so that one that is away keeps nothing from the others; give the sum of what was done."""
    total, faults = 0, list[ProviderError]()
    for shop in shops:
        try:
            total += work(shop)
        except ProviderError as fault:
            log.warning("print supplier away", provider=shop.name, error=type(fault).__name__)
            faults.append(fault)
    if faults:
        raise faults[0]
    return total


def _tell_of_strangers(notify: Notify) -> None:
    """Say in the log that letters wait for printers that the settings no longer name; set up again, they get them."""
    known = [shop.name for shop in notify.print_shops]
    wanted = select(PrintItem.printer, func.count()).where(PrintItem.batch_id.is_(None), PrintItem.printer.not_in(known))
    with notify.reading() as tx:
        for printer, letters in tx.connection.execute(wanted.group_by(PrintItem.printer)).all():
            log.error("letters wait for a printer that is not set up", provider=printer, letters=letters)


def _send_to(notify: Notify, shop: SftpPrint) -> int:
    while make_batch(notify, shop.name) is not None:
        pass
    own = (PrintBatch.state == BatchState.MADE.value) & (PrintBatch.printer == shop.name)
    with notify.reading() as tx:
        wanted = select(PrintBatch.id).where(own).order_by(PrintBatch.created_at).limit(BATCHES_AT_ONCE)
        waiting = tx.connection.execute(wanted).scalars().all()
    for batch_id in waiting:
        _upload(notify, shop, batch_id)
    return len(waiting)


def make_batch(notify: Notify, printer: str) -> uuid.UUID | None:
    """Put letters that wait for a printer into a new batch; None when none waits."""
    batch_id = notify.ids.uuid7()
    own = PrintItem.batch_id.is_(None) & (PrintItem.printer == printer)
    with notify.transaction() as tx:
        waiting = select(PrintItem.notification_id).where(own).order_by(PrintItem.queued_at).limit(LETTERS_MAX)
        ids = tx.connection.execute(waiting.with_for_update(skip_locked=True)).scalars().all()
        if not ids:
            return None
        tx.connection.execute(update(PrintItem).where(PrintItem.notification_id.in_(ids)).values(batch_id=batch_id))
        row = {"id": batch_id, "printer": printer, "state": BatchState.MADE.value, "letters": len(ids)}
        tx.connection.execute(insert(PrintBatch).values(row | {"created_at": notify.clock.now()}))
    return batch_id


def _upload(notify: Notify, shop: SftpPrint, batch_id: uuid.UUID) -> None:
    letters = []
    wanted = select(PrintItem.__table__).where(PrintItem.batch_id == batch_id).order_by(PrintItem.notification_id)
    with notify.reading() as tx:
        items = tx.connection.execute(wanted).all()
    for item in items:
        try:
            file = get_letter_file(notify, item.service_id, item.notification_id)
        except LetterNotRendered:  # its retention ended before the supplier was there
            log.exception("letter has no file any more", notification=str(item.notification_id))
            continue
        letters.append(Printed(item.notification_id, file.pdf, file.pages, item.postage))
    archive, manifest = pack(batch_id, letters)
    shop.upload(f"{batch_id}.zip", archive)
    shop.upload(f"{batch_id}.manifest.json", manifest)
    _move(notify, shop, batch_id, BatchState.MADE, BatchState.UPLOADED, uploaded_at=notify.clock.now())


def read_print_receipts(notify: Notify) -> int:
    """Apply the receipts that wait at each printer; return how many files were read.

    Raises: ProviderUnavailable, ProviderRefused of the first printer that could not, after all were tried.
    """
    return _at_each(notify.print_shops, lambda shop: _read_receipts(notify, shop))


def _read_receipts(notify: Notify, shop: SftpPrint) -> int:
    """Apply what waits at one printer; a file that cannot be fetched keeps nothing from the others."""
    names, faults = shop.list_receipts(), list[ProviderUnavailable]()
    for name in names:
        try:
            _read_one(notify, shop, name)
        except ProviderUnavailable as fault:
            log.warning("print receipt cannot be fetched", provider=shop.name, file=name)
            faults.append(fault)
            if len(faults) == FAULTS_MAX:
                break
    if faults:
        raise faults[0]
    return len(names)


def _read_one(notify: Notify, shop: SftpPrint, name: str) -> None:
    try:
        receipt = read_receipt(shop.read_receipt(name))
    except NotAReceipt as fault:
        log.warning("print receipt cannot be read", file=name, fault=str(fault))
        shop.put_away(name, readable=False)
        return
    known = [_take(notify, shop, receipt.batch_id, *outcome) for outcome in receipt.outcomes]
    if any(known):
        # It has the batch, also where a worker died before it noted the upload: it must not get it again.
        _move(notify, shop, receipt.batch_id, BatchState.MADE, BatchState.UPLOADED, uploaded_at=notify.clock.now())
    _finish(notify, shop, receipt.batch_id)
    shop.put_away(name, readable=True)


def _take(notify: Notify, shop: SftpPrint, batch_id: uuid.UUID, notification_id: uuid.UUID, word: str) -> bool:
    """Note one letter's outcome; false for a letter of another batch or printer, which is none of theirs to tell about."""
    own = (PrintItem.notification_id == notification_id) & (PrintItem.batch_id == batch_id) & (PrintItem.printer == shop.name)
    with notify.transaction() as tx:
        known = tx.connection.execute(update(PrintItem).where(own).values(outcome=word.lower())).rowcount
        if not known:
            log.warning("print receipt for a letter that is unknown or another's", provider=shop.name, notification=str(notification_id))
            actor = f"provider:{shop.name}"
            tx.record(Event.RECEIPT_REFUSED, actor=actor, outcome="refused", object_id=str(notification_id), channel="receipt")
            return False
    if word == RETURNED:
        take_returned(notify, [notification_id], is_theirs=lambda printer: printer == shop.name)
        return True
    applied = apply_receipt(notify, notification_id, _OUTCOMES[word].value, provider=shop.name, channel=Channel.LETTER)
    if applied is not Applied.CHANGED:
        log.info("print receipt changes nothing", notification=str(notification_id))
    return True


def _finish(notify: Notify, shop: SftpPrint, batch_id: uuid.UUID) -> None:
    with notify.reading() as tx:
        open_ones = select(func.count()).where(PrintItem.batch_id == batch_id, PrintItem.outcome == "")
        left = tx.connection.execute(open_ones).scalar_one()
    if not left:
        _move(notify, shop, batch_id, BatchState.UPLOADED, BatchState.RECEIPTED)


def _move(notify: Notify, shop: SftpPrint, batch_id: uuid.UUID, source: BatchState, target: BatchState, **facts: object) -> None:
    action = BATCHES.check(source, target)
    with notify.transaction() as tx:
        own = (PrintBatch.id == batch_id) & (PrintBatch.printer == shop.name) & (PrintBatch.state == source.value)
        if tx.connection.execute(update(PrintBatch).where(own).values(state=target.value, **facts)).rowcount:
            tx.record(action, actor=f"provider:{shop.name}", object_id=str(batch_id), channel="job")
