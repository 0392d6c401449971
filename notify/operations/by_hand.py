"""Send one message by hand, from the console: the same checks, the same row, the same audit as by machine.  Spec: NO-3; notify-api §20."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from notify.context import Notify
from notify.models.catalogue import KnownTemplate
from notify.models.team import Member
from notify.operations.once import Once
from notify.operations.requests import SendBody
from notify.operations.sends import Accepted, accept
from notify.operations.teams import acting_for
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.local_rules import UNITED_KINGDOM, LocalRules
from notify.standards.mailbox_address import InvalidMailboxAddress, mailbox_address
from notify.standards.personalisation import missing
from notify.standards.phone_number import InvalidPhoneNumber, phone_number
from notify.standards.postal_address import LINE_KEYS, InvalidAddress, postal_address
from notify.standards.statuses import Channel

RECIPIENT = "recipient"
SCHEDULE_MAX = timedelta(hours=24)


def faults(
    template: KnownTemplate, recipient: str, values: Mapping[str, object], rules: LocalRules = UNITED_KINGDOM
) -> list[tuple[str, str]]:
    """Name what cannot be sent as it is: pairs of `recipient` or a placeholder, and the contract's words for it."""
    fault = recipient_fault(template.channel, recipient, values, rules)
    found = [(RECIPIENT, fault)] if fault else []
    absent = missing(values, template.subject or "", template.body, template.contact_block or "")
    by_address = template.channel == Channel.LETTER
    return found + [(name, "missing") for name in absent if not (by_address and name in {*LINE_KEYS, "postcode"})]


def recipient_fault(channel: str, recipient: str, values: Mapping[str, object], rules: LocalRules) -> str | None:
    """Give the contract's words for what is wrong with a recipient (of letters: the address among the values), None where it is right."""
    try:
        if channel == Channel.EMAIL:
            email_address(recipient)
        elif channel == Channel.SMS:
            phone_number(recipient, rules.number_region)
        elif channel == Channel.MAILBOX:
            mailbox_address(recipient)
        else:
            postal_address(values, scheme=rules.address_scheme)
    except (InvalidEmailAddress, InvalidPhoneNumber, InvalidMailboxAddress, InvalidAddress) as fault:
        return str(fault)
    return None


def send_by_hand(
    notify: Notify,
    member: Member,
    template: KnownTemplate,
    recipient: str,
    values: Mapping[str, object],
    *,
    reference: str | None = None,
    sender_id: uuid.UUID | None = None,
    scheduled_for: datetime | None = None,
    press: uuid.UUID | None = None,
) -> Accepted:
    """Send to one person; a `press` of the button that came before gives what it made.  Raises: Refusal as by machine."""
    holder = acting_for(notify, member, template.service_id)
    body = SendBody(
        template_id=template.id,
        recipient=recipient,
        personalisation=dict(values),
        reference=reference,
        sender_id=sender_id,
        scheduled_for=scheduled_for,
    )
    return accept(notify, holder, template.channel, lambda: body, pressed(template.service_id, "/by-hand", press))


def pressed(service_id: uuid.UUID, address: str, press: uuid.UUID | None) -> Once | None:
    """Give what makes one press of a button of two: the page that holds the button names it."""
    return Once(service_id, address, str(press), "") if press else None
