"""Reports of providers.  Spec: wallet contract §10.5."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from wallet.operations.reports import Reported
from wallet.schemas.fields import CODE, Instant, SubjectSchema, normal_run

ENTRIES_MAX = 500


class ReportedSchema(Schema):
    """One answer."""

    txn = fields.UUID(required=True)
    occurred_at = Instant(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(["released", "no_record", "denied", "failed"]))
    dataset_id = fields.String(required=True, validate=CODE)
    client_id = fields.String(required=True, validate=CODE)
    fields_ = fields.List(fields.String(validate=CODE), required=True, data_key="fields", validate=validate.Length(max=200))
    subject = fields.Nested(SubjectSchema, required=True)
    reason = fields.String(load_default=None, validate=CODE)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Reported:
        """Return the operation's own type."""
        values = {name: data[name] for name in ("txn", "occurred_at", "outcome", "dataset_id", "client_id", "reason")}
        return Reported(**values, fields=tuple(data["fields_"]), run=normal_run(data["subject"]))


class ReportSchema(Schema):
    """The payload of a report."""

    iss = fields.String(required=True)
    aud = fields.String(required=True)
    iat = fields.Integer(required=True, strict=True)
    entries = fields.List(fields.Nested(ReportedSchema), required=True, validate=validate.Length(min=1, max=ENTRIES_MAX))
