"""Fields that several bodies have."""

from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from shared.run import InvalidRun, parse_run

CODE = validate.Regexp(r"^[A-Za-z0-9._:-]{1,100}\Z")

LOGGED = validate.Regexp(r"^(?!.*cl-run:)[^\x00-\x1f\x7f]{1,300}\Z")
"""A text that stands in the log for ever: on one line, and without the number of a person."""


class Instant(fields.AwareDateTime):
    """RFC 3339 with a zone, as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("Write a time as text, such as 2026-12-01T12:00:00Z.")
        return super()._deserialize(value, attr, data, **kwargs)


class SubjectSchema(Schema):
    """`{"scheme": "cl-run", "value": "11111111-1"}`, or `cl-rut` for a company."""

    scheme = fields.String(required=True, validate=validate.OneOf(["cl-run", "cl-rut"]))
    value = fields.String(required=True, validate=validate.Length(max=20))


class ProcedureSchema(Schema):
    """The matter and its case."""

    code = fields.String(required=True, validate=CODE)
    case_id = fields.String(validate=validate.Length(min=1, max=100))


def normal_run(subject: dict[str, str]) -> str:
    """Return the RUN of a subject in its normal form.  Raises: ValidationError."""
    try:
        return str(parse_run(subject["value"]))
    except InvalidRun:
        raise ValidationError({"subject": {"value": ["This is not a RUN: check the digit after the hyphen."]}}) from None
