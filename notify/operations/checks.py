"""The rules a send must pass once its body can be read, in the contract's order.  Spec: notify-api §3, §12, §16, §17."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from notify.context import Notify
from notify.errors import LetterNotAllowed, MessageNotValid, MessageRefused, PhoneNotValid, QrTooLong, SendingPaused
from notify.models.catalogue import KnownTemplate
from notify.operations.authentication import Holder
from notify.operations.rendering import EMAIL_BYTES_MAX, Content, too_long
from notify.standards import email_address, personalisation, phone_number
from notify.standards.file_values import is_file
from notify.standards.mailbox_address import mailbox_address
from notify.standards.postal_address import Address, InvalidAddress, postal_address
from notify.standards.sms_text import CHARACTERS_MAX
from notify.standards.statuses import Channel

QR_BYTES_MAX = 504
_PLURALS = {"sms": "text messages", "email": "emails", "letter": "letters", "mailbox": "mailbox messages"}
_TRIAL = "Can’t send to this recipient when service is in trial mode – see https://www.notifications.service.gov.uk/trial-mode"


@dataclass(frozen=True)
class Recipient:
    """To whom: as the caller wrote it, as it is compared and sent to, and what a network makes of it."""

    given: str
    matched: str
    international: bool = False
    multiplier: int = 1
    postage: str | None = None


def check_channel(holder: Holder, channel: str) -> None:
    """Raises: MessageRefused unless the service may use the channel, SendingPaused while its e-mails are paused."""
    if channel not in holder.service.permissions:
        raise MessageRefused(f"Service is not allowed to send {_PLURALS[channel]}")
    if channel == Channel.EMAIL and holder.service.mail_paused and holder.key.kind != "test":
        raise SendingPaused("Emails of this service are paused: too many bounced or were reported as unwanted")


def get_template(notify: Notify, holder: Holder, template_id: uuid.UUID, channel: str) -> KnownTemplate:
    """Give the service's own live template for a channel.  Raises: MessageRefused."""
    template = notify.catalogue.find_template(holder.service.id, template_id)
    if template is None:
        raise MessageRefused("Template not found")
    if template.channel != channel:
        raise MessageRefused(f"{template.channel} template is not suitable for {channel} notification")
    if template.archived:
        raise MessageRefused("Template has been deleted")
    return template


def check_values(template: KnownTemplate, values: Mapping[str, object]) -> None:
    """Raises: MessageRefused when a placeholder of the template has no value."""
    texts = [template.subject or "", template.body, template.contact_block or ""]
    if absent := personalisation.missing(values, *texts):
        raise MessageRefused(f"Missing personalisation: {', '.join(absent)}")


def check_qr(content: Content) -> None:
    """Raises: QrTooLong for a letter's line `QR: …` that no code can hold."""
    for line in content.body.splitlines():
        if line.strip().lower().startswith("qr:"):
            data = line.strip()[3:].strip()
            if len(data.encode()) > QR_BYTES_MAX:
                raise QrTooLong(data, len(data.encode()), QR_BYTES_MAX)


def check_not_empty(content: Content) -> None:
    """Raises: MessageRefused when nothing is left after filling in."""
    if not content.body.strip():
        raise MessageRefused("Your message is empty.")


def check_files(channel: str, values: Mapping[str, object]) -> None:
    """Raises: MessageRefused for a file that does not go by email."""
    if channel != Channel.EMAIL and any(is_file(value) for value in values.values()):
        raise MessageRefused("Can only send a file by email")


def choose_sender(holder: Holder, channel: str, sender_id: uuid.UUID | None) -> str | None:
    """Give the value of the sender chosen, or of the default one.  Raises: MessageRefused."""
    if sender_id is None:
        return holder.service.default_sender(channel)
    for sender in holder.service.senders:
        if sender.id == sender_id and sender.channel == channel:
            return sender.value
    name = "sms_sender_id" if channel == Channel.SMS else "email_reply_to_id"
    raise MessageRefused(f"{name} {sender_id} does not exist in database for service id {holder.service.id}")


def check_recipient(notify: Notify, holder: Holder, channel: str, given: str) -> Recipient:
    """Give the recipient if this key may write there.  Raises: MessageRefused, PhoneNotValid."""
    if not given.strip():
        raise MessageRefused("Recipient can't be empty")
    if channel == Channel.EMAIL:
        recipient = Recipient(given.strip(), email_address.matched_form(given))
    elif channel == Channel.MAILBOX:
        recipient = Recipient(given.strip(), mailbox_address(given))
    else:
        return _check_phone(notify, holder, given)
    _check_allowed(notify, holder, recipient)
    return recipient


def check_whom(notify: Notify, holder: Holder, template: KnownTemplate, given: str, values: Mapping[str, object]) -> Recipient:
    """Give whom a message goes to: of letters the address among the values, else `given`.  Raises: Refusal as the channel's own checks."""
    if template.channel == Channel.LETTER:
        check_letter(holder)
        return check_address(holder, template, values)[0]
    return check_recipient(notify, holder, template.channel, given)


def _check_allowed(notify: Notify, holder: Holder, recipient: Recipient) -> None:
    limited_by_key, limited_by_trial = holder.key.kind == "team", holder.service.restricted
    if holder.key.kind == "test" or not (limited_by_key or limited_by_trial):
        return
    if notify.catalogue.index(recipient.matched) not in holder.service.allowed:
        raise MessageRefused("Can’t send to this recipient using a team-only API key" if limited_by_key else _TRIAL)


def _check_phone(notify: Notify, holder: Holder, given: str) -> Recipient:
    """Give the recipient of a text; who may be written to at all is looked at before what kind of number it is."""
    rules = holder.service.rules
    number = phone_number.phone_number(given, rules.number_region)
    recipient = Recipient(given.strip(), number.e164, number.international, number.multiplier)
    _check_allowed(notify, holder, recipient)
    permissions = holder.service.permissions
    if number.landline and not number.international and "sms_to_uk_landlines" not in permissions:
        raise PhoneNotValid(phone_number.NOT_UK_MOBILE if rules.number_region == "GB" else phone_number.NOT_MOBILE)
    if number.international and "international_sms" not in permissions:
        raise MessageRefused("Cannot send to international mobile numbers")
    return recipient


def check_letter(holder: Holder) -> None:
    """Raises: LetterNotAllowed with a team key, or on trial unless the key is a test key."""
    if holder.key.kind == "team":
        raise LetterNotAllowed("Cannot send letters with a team api key")
    if holder.service.restricted and holder.key.kind != "test":
        raise LetterNotAllowed("Cannot send letters when service is in trial mode")


def check_address(holder: Holder, template: KnownTemplate, values: Mapping[str, object]) -> tuple[Recipient, Address]:
    """Give a letter's recipient and address.  Raises: MessageNotValid."""
    try:
        abroad = "international_letters" in holder.service.permissions
        address = postal_address(values, allow_international=abroad, scheme=holder.service.rules.address_scheme)
    except InvalidAddress as fault:
        raise MessageNotValid(str(fault)) from None
    given = ", ".join(address.lines)
    postage = address.postage or template.postage or "second"
    return Recipient(given, given.lower(), address.international, postage=postage), address


def check_size(channel: str, content: Content) -> None:
    """Raises: MessageRefused when the filled message is too long for its channel."""
    characters = len(content.body)
    if channel == Channel.SMS and characters > CHARACTERS_MAX:
        raise too_long(channel, characters)
    if channel in {Channel.EMAIL, Channel.MAILBOX} and (bytes_n := len(content.body.encode())) > EMAIL_BYTES_MAX:
        raise too_long(channel, bytes_n)
