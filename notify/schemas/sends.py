"""Bodies of the four sends.  Spec: notify-api §4."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields, post_load

from notify.operations.requests import PrecompiledBody, SendBody
from notify.schemas.wire import WireField, WireList, WireObject, WireSchema, WireText, WireUuid, not_of_type, read
from notify.standards.email_address import InvalidEmailAddress, email_address
from notify.standards.mailbox_address import InvalidMailboxAddress, mailbox_address
from notify.standards.phone_number import InvalidPhoneNumber, phone_number

REFERENCE_MAX = 1000
CONTENT_MAX = 16_000_000
POSTAGES = ("first", "second", "economy")
SCHEDULE_MAX = timedelta(hours=24)
_now: ContextVar[datetime] = ContextVar("now")
_region: ContextVar[str] = ContextVar("region", default="GB")
_NOT_ISO = "datetime format is invalid. It must be a valid ISO8601 date time format, https://en.wikipedia.org/wiki/ISO_8601"


class PhoneField(WireField):
    """A number somewhere in the world; what the service may send to is decided later."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = self.text(value)
        try:
            phone_number(text, _region.get())
        except InvalidPhoneNumber as fault:
            raise ValidationError(str(fault)) from None
        return text


class EmailField(WireField):
    """An email address."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = self.text(value)
        try:
            email_address(text)
        except InvalidEmailAddress as fault:
            raise ValidationError(str(fault)) from None
        return text


class MailboxField(WireField):
    """A person: a RUN, or the subject identifier that identity gave this service."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = self.text(value)
        try:
            mailbox_address(text)
        except InvalidMailboxAddress as fault:
            raise ValidationError(str(fault)) from None
        return text


class HttpsField(WireField):
    """An https URL without characters that could start another header."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = self.text(value)
        if not re.fullmatch(r"https[^\s<>\x00-\x1f\x7f]*", text):
            raise ValidationError("is not a valid https url")
        return text


class ScheduleField(WireField):
    """A moment within the next day, or null; without an offset it is UTC."""

    kinds = "string, null"

    def __init__(self) -> None:
        super().__init__(nullable=True)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        try:
            at = datetime.fromisoformat(self.text(value))
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError) as fault:
            if isinstance(fault, ValidationError):
                raise
            raise ValidationError(_NOT_ISO) from None
        if at < _now.get():
            raise ValidationError("datetime can not be in the past")
        if at > _now.get() + SCHEDULE_MAX:
            raise ValidationError("datetime can only be 24 hours in the future")
        return at


class PostageField(WireField):
    """How a letter goes within the country."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        postage = self.text(value)
        if postage not in POSTAGES:
            raise ValidationError("invalid. It must be either first, second or economy.")
        return postage


class AttachmentsField(WireList):
    """Files that go within the email or the mailbox message; ours, beside the contract."""

    kinds = "array"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[object]:
        files = super()._deserialize(value, attr, data, **kwargs)
        for file in files:
            if not isinstance(file, dict):
                raise ValidationError(not_of_type(file, "object"))
        return files


class _Send(WireSchema):
    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: object) -> SendBody:
        recipient = next((data.pop(name) for name in ("phone_number", "email_address", "recipient") if name in data), "")
        return SendBody(
            template_id=data["template_id"],
            recipient=recipient,
            personalisation=data.get("personalisation", {}),
            reference=data.get("reference"),
            sender_id=data.get("sms_sender_id") or data.get("email_reply_to_id"),
            scheduled_for=data.get("scheduled_for"),
            unsubscribe_url=data.get("one_click_unsubscribe_url"),
            attachments=tuple(data.get("attachments", ())),
            sanitise_for=tuple(str(key) for key in data.get("sanitise_content_for") or ()),
        )


def read_send(channel: str, body: object, now: datetime, region: str = "GB") -> SendBody:
    """Give what a channel's body asks for; `now` is what a schedule is compared with.  Raises: MessageNotValid."""
    token = _now.set(now)
    try:
        with numbers_of(region):
            asked: SendBody = read(_SCHEMAS[channel], body)
    finally:
        _now.reset(token)
    return asked


@contextmanager
def numbers_of(region: str) -> Iterator[None]:
    """Read numbers inside as people of a region write them."""
    token = _region.set(region)
    try:
        yield
    finally:
        _region.reset(token)


_SMS: dict[str, fields.Field[Any]] = {
    "reference": WireText(length_max=REFERENCE_MAX),
    "phone_number": PhoneField(required=True),
    "template_id": WireUuid(required=True),
    "personalisation": WireObject(),
    "scheduled_for": ScheduleField(),
    "sms_sender_id": WireUuid(),
}

_EMAIL: dict[str, fields.Field[Any]] = {
    "reference": WireText(length_max=REFERENCE_MAX),
    "email_address": EmailField(required=True),
    "template_id": WireUuid(required=True),
    "personalisation": WireObject(),
    "scheduled_for": ScheduleField(),
    "email_reply_to_id": WireUuid(),
    "one_click_unsubscribe_url": HttpsField(),
    "sanitise_content_for": WireList(nullable=True),
    "attachments": AttachmentsField(),
}

_LETTER: dict[str, fields.Field[Any]] = {
    "reference": WireText(length_max=REFERENCE_MAX),
    "template_id": WireUuid(required=True),
    "personalisation": WireObject(required=True),
}

_MAILBOX: dict[str, fields.Field[Any]] = {
    "reference": WireText(length_max=REFERENCE_MAX),
    "recipient": MailboxField(required=True),
    "template_id": WireUuid(required=True),
    "personalisation": WireObject(),
    "scheduled_for": ScheduleField(),
    "attachments": AttachmentsField(),
}


class _Precompiled(WireSchema):
    reference = WireText(length_max=100_000, required=True)
    content = WireText(length_max=CONTENT_MAX, required=True)
    postage = PostageField()

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: object) -> PrecompiledBody:
        return PrecompiledBody(data["reference"], data["content"], data.get("postage", "second"))


_PRECOMPILED = _Precompiled()


def read_precompiled(body: object) -> PrecompiledBody:
    """Give a letter that comes as a file.  Raises: MessageNotValid."""
    asked: PrecompiledBody = read(_PRECOMPILED, body)
    return asked


# Made once: a schema costs more to make than to use.
_SCHEMAS: dict[str, WireSchema] = {
    channel: _Send.from_dict(parts)()  # type: ignore[misc]  # from_dict gives a subclass of the class it is called on
    for channel, parts in (("sms", _SMS), ("email", _EMAIL), ("letter", _LETTER), ("mailbox", _MAILBOX))
}
