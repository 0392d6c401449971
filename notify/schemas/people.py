"""Bodies that write to a person, and that set reminders; ours, beside the contract."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, post_load

from notify.errors import MessageNotValid
from notify.operations.person_sends import PersonBody
from notify.operations.reminders import ReminderShown, Wanted
from notify.schemas.sends import REFERENCE_MAX, EmailField, MailboxField, PhoneField, numbers_of
from notify.schemas.wire import WireField, WireObject, WireSchema, WireText, WireUuid, not_of_type, read
from notify.standards.reminder_times import DAYS_BEFORE_MAX, DEFAULT_TIME, MOMENTS_MAX, moments, read_day
from notify.standards.statuses import Channel
from notify.standards.wire_time import wire_time


class _Templates(WireObject):
    """A template for each channel."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dict[str, object]:
        given = super()._deserialize(value, attr, data, **kwargs)
        if not given or set(given) - set(Channel):
            raise ValidationError(f"needs at least one of [{', '.join(Channel)}] and nothing else")
        try:
            return {Channel(name): uuid.UUID(str(template)) for name, template in given.items()}
        except ValueError:
            raise ValidationError("is not a valid UUID") from None


class _Flag(WireField):
    kinds = "boolean"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(not_of_type(value, self.kinds))
        return value


class _Date(WireField):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> date:
        try:
            return read_day(self.text(value))
        except ValueError as fault:
            if isinstance(fault, ValidationError):
                raise
            raise ValidationError("is not a date such as 2027-03-01") from None


class _Time(WireField):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> time:
        try:
            found = time.fromisoformat(self.text(value))
        except ValueError as fault:
            if isinstance(fault, ValidationError):
                raise
            raise ValidationError("is not a time such as 09:00") from None
        if found.tzinfo is not None:
            raise ValidationError("has no offset: it is the time where people are")
        return found


class _Days(WireField):
    kinds = "array"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[int]:
        if not isinstance(value, list):
            raise ValidationError(not_of_type(value, self.kinds))
        if not 1 <= len(value) <= MOMENTS_MAX or not all(isinstance(day, int) and not isinstance(day, bool) for day in value):
            raise ValidationError(f"is a list of 1 to {MOMENTS_MAX} whole numbers")
        if not all(0 <= day <= DAYS_BEFORE_MAX for day in value):
            raise ValidationError(f"is a list of numbers from 0 to {DAYS_BEFORE_MAX}")
        return value


class _Person(WireSchema):
    person = MailboxField(required=True)
    templates = _Templates(required=True)
    email_address = EmailField()
    phone_number = PhoneField()
    personalisation = WireObject()
    reference = WireText(length_max=REFERENCE_MAX)
    fall_back = _Flag()

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: object) -> PersonBody:
        return PersonBody(
            person=data["person"],
            templates=data["templates"],
            email=data.get("email_address", ""),
            phone=data.get("phone_number", ""),
            personalisation=data.get("personalisation", {}),
            reference=data.get("reference"),
            falls_back=data.get("fall_back", True),
        )


class _Reminder(WireSchema):
    template_id = WireUuid()
    person = MailboxField()
    templates = _Templates()
    date = _Date()
    days_before = _Days()
    at = _Time()
    unread_id = WireUuid()
    after_days = _Days()
    phone_number = PhoneField()
    email_address = EmailField()
    recipient = MailboxField()
    personalisation = WireObject()
    reference = WireText(length_max=REFERENCE_MAX)


_PERSON, _REMINDER = _Person(), _Reminder()


def read_person(body: object, region: str) -> PersonBody:
    """Give what a body asks for.  Raises: MessageNotValid."""
    with numbers_of(region):
        asked: PersonBody = read(_PERSON, body)
    return asked


def read_reminder(body: object, zone: ZoneInfo, now: datetime, region: str) -> Wanted:
    """Give what a body asks for: `date` with `days_before`, or `unread_id` with `after_days`; to an address by one template, or to a person
    by templates of several channels.  Raises: MessageNotValid.
    """
    with numbers_of(region):
        data: dict[str, Any] = read(_REMINDER, body)
    person = _person_of(data)
    at = data.get("at", DEFAULT_TIME)
    if ("date" in data) == ("unread_id" in data):
        raise MessageNotValid("Send date (with days_before), or unread_id (with after_days)")
    if "date" in data:
        due = moments(data["date"], data.get("days_before", [0]), at, zone)
    else:
        today = now.astimezone(zone).date()
        due = sorted(moment for days in data.get("after_days", [1]) for moment in moments(today + timedelta(days=days), [0], at, zone))
    recipients = [data[name] for name in ("phone_number", "email_address", "recipient") if name in data]
    if person is None and len(recipients) > 1:
        raise MessageNotValid("Send one of phone_number, email_address, recipient")
    return Wanted(
        template_id=data["template_id"] if person is None else next(iter(person.templates.values())),
        moments=due,
        recipient=recipients[0] if recipients else "",
        person=person,
        personalisation=data.get("personalisation", {}),
        reference=data.get("reference"),
        unread_id=data.get("unread_id"),
    )


def _person_of(data: Mapping[str, Any]) -> PersonBody | None:
    """Give whom a reminder goes to by the way the person wants, None where it goes to an address.  Raises: MessageNotValid."""
    if "person" not in data and "templates" not in data:
        if "template_id" not in data:
            raise MessageNotValid("template_id is a required property")
        return None
    if "template_id" in data or "recipient" in data or "person" not in data or "templates" not in data:
        raise MessageNotValid("Send template_id with an address, or person with templates")
    return PersonBody(
        person=data["person"],
        templates=data["templates"],
        email=data.get("email_address", ""),
        phone=data.get("phone_number", ""),
        personalisation=data.get("personalisation", {}),
        reference=data.get("reference"),
    )


def show_reminders(found: list[ReminderShown]) -> dict[str, object]:
    """Give the reminders of one request; whom they go to is not repeated."""
    return {
        "id": str(found[0].set_id),
        "template_id": str(found[0].template_id),
        "reminders": [
            {
                "due_at": wire_time(each.due_at),
                "state": each.state.value,
                "notification_id": str(each.notification_id) if each.notification_id else None,
                "fault": each.fault or None,
            }
            for each in found
        ],
    }
