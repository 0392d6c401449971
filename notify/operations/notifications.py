"""Read notifications back.  Spec: notify-api §5."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from notify.context import Notify
from notify.errors import MessageRefused, NotificationNotFound, PdfNotReady
from notify.models import messages
from notify.models.catalogue import KnownTemplate, find_template_version, find_versions
from notify.models.messages import Kept, Message, Page
from notify.models.price import Priced
from notify.operations.authentication import Holder
from notify.operations.letters import LetterNotRendered, get_letter_file
from notify.operations.prices import letter_cost, price_list, sms_cost
from notify.operations.rendering import Content, compose
from notify.operations.requests import ListQuery
from notify.operations.retention import kept_of
from notify.operations.services import rules_of
from notify.standards.statuses import NEVER_PRINTED, Channel, Status, queried
from notify.standards.wire_time import estimated_delivery

PAGE_SIZE = 250


@dataclass(frozen=True)
class Cost:
    """What a message costs; `amount` is None until it is known, and for ever where no price is set."""

    details: dict[str, object]
    amount: Decimal | None
    currency: str

    @property
    def is_ready(self) -> bool:
        """True once the cost is known."""
        return self.amount is not None

    @property
    def pounds(self) -> float | None:
        """Give it as the published contract has it; an amount in another currency is none in pounds."""
        return None if self.amount is None or self.currency != "GBP" else float(self.amount)


@dataclass(frozen=True)
class Shown:
    """A message with what a reader sees besides."""

    message: Message
    template: KnownTemplate
    content: Content
    cost: Cost
    estimated_delivery: datetime | None


def get_notification(notify: Notify, holder: Holder, notification_id: uuid.UUID) -> Shown:
    """Give a service's own notification.  Raises: NotificationNotFound."""
    with notify.reading() as tx:
        row = messages.find_service_row(tx.connection, holder.service.id, notification_id, _kept(notify, holder))
        if row is None:
            raise NotificationNotFound
        template = find_template_version(tx.connection, row.service_id, row.template_id, row.template_version)
    if template is None:  # a foreign key forbids it
        raise LookupError("a notification without its template")
    return _show(notify, messages.open_row(row, notify.cipher), template, {})


def list_notifications(notify: Notify, holder: Holder, query: ListQuery) -> list[Shown]:
    """Give a page of what was sent with this type of key, newest first; an unknown `older_than` gives an empty one."""
    kept = _kept(notify, holder)
    with notify.reading() as tx:
        before = None
        if query.older_than is not None:
            last = messages.find_service_row(tx.connection, holder.service.id, query.older_than, kept)
            if last is None:
                return []
            before = (last.created_at, last.id)
        page = Page(
            service_id=holder.service.id,
            key_kind=holder.key.kind,
            kept=kept,
            statuses=tuple({status.value for word in query.statuses for status in queried(word)}),
            channels=query.channels,
            reference=query.reference,
            before=before,
            include_jobs=query.include_jobs,
        )
        rows = messages.find_page(tx.connection, page, PAGE_SIZE)
        templates = find_versions(tx.connection, {(row.template_id, row.template_version) for row in rows})
    known: _Costs = {}
    found = (messages.open_row(row, notify.cipher) for row in rows)
    return [_show(notify, message, templates[(message.template_id, message.template_version)], known) for message in found]


def get_pdf(notify: Notify, holder: Holder, notification_id: uuid.UUID) -> bytes:
    """Give a letter's PDF.  Raises: NotificationNotFound, MessageRefused, PdfNotReady."""
    with notify.reading() as tx:
        row = messages.find_service_row(tx.connection, holder.service.id, notification_id, _kept(notify, holder))
        if row is None:
            raise NotificationNotFound
        if row.channel != Channel.LETTER:
            raise MessageRefused("Notification is not a letter")
        if row.status == Status.PENDING_VIRUS_CHECK:
            raise PdfNotReady("PDF not available yet, try again later")
        if row.status == Status.VIRUS_SCAN_FAILED:
            raise MessageRefused("File did not pass the virus scan")
        if row.status == Status.TECHNICAL_FAILURE:
            raise MessageRefused(f"PDF not available for letters in status {Status.TECHNICAL_FAILURE.value}")
    try:
        return get_letter_file(notify, holder.service.id, notification_id).pdf
    except LetterNotRendered:
        if row.status in NEVER_PRINTED:
            raise MessageRefused(f"PDF not available for letters in status {row.status}") from None
        raise PdfNotReady("PDF not available yet, try again later") from None


def _kept(notify: Notify, holder: Holder) -> Kept:
    return kept_of(holder.service, notify.clock.now())


_Costs = dict[tuple[object, ...], Cost]


def _show(notify: Notify, message: Message, template: KnownTemplate, known: _Costs) -> Shown:
    """Show a message; `known` holds the costs of a page's other messages, of which most cost the same."""
    about = (message.created_at.date(), message.channel, message.status, message.billable_units, message.rate_multiplier, message.postage)
    cost = known.get(about)
    if cost is None:
        cost = known[about] = _cost(notify, message)
    arrives = None
    if message.channel == Channel.LETTER:
        clock = rules_of(notify, message.service_id).post_clock(notify.zone)
        arrives = estimated_delivery(message.created_at, message.postage or "second", clock)
    return Shown(message, template, compose(template, message.values), cost, arrives)


def _cost(notify: Notify, message: Message) -> Cost:
    units, day = message.billable_units, message.created_at.date()  # UTC, by which prices change
    free, currency = Decimal(0), notify.settings.money
    if message.channel not in {Channel.SMS, Channel.LETTER}:
        return Cost({}, free, currency)
    if message.channel == Channel.LETTER and message.status in NEVER_PRINTED:
        return Cost({"billable_sheets_of_paper": 0, "postage": message.postage}, free, currency)
    if units is None:
        ended = message.status not in {Status.CREATED, Status.PENDING_VIRUS_CHECK}
        return Cost({}, free if ended else None, currency)
    prices = price_list(notify)
    if message.channel == Channel.LETTER:
        return Cost({"billable_sheets_of_paper": units, "postage": message.postage}, letter_cost(prices, day, 1, units), currency)
    rate = prices.on(day, Priced.SMS_FRAGMENT)
    details: dict[str, object] = {
        "billable_sms_fragments": units,
        "international_rate_multiplier": message.rate_multiplier,
        "sms_rate": None if rate is None or currency != "GBP" else float(rate),
    }
    return Cost(details, sms_cost(prices, day, units * message.rate_multiplier), currency)
