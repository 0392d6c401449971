"""Bodies of agreements as bodies ask for them.  Spec: wallet contract §9."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from wallet.operations.agreements import Terms
from wallet.schemas.fields import CODE, Instant
from wallet.standards.legal_basis import LegalBasis

TEXT = validate.Length(min=1, max=300)
COUNTRY = fields.String(validate=validate.Regexp(r"^[A-Z]{2}\Z"))


class AgreedDatasetSchema(Schema):
    """A dataset and the fields of it."""

    dataset_id = fields.String(required=True, validate=CODE)
    version = fields.Integer(required=True, strict=True)
    fields_ = fields.List(fields.String(validate=CODE), required=True, data_key="fields", validate=validate.Length(min=1, max=200))


class LevelSchema(Schema):
    """The service level that the provider promises: how much of the time in percent, and how fast."""

    availability_percent = fields.Integer(strict=True, validate=validate.Range(min=1, max=100))
    latency_ms = fields.Integer(strict=True, validate=validate.Range(min=1, max=600_000))


class ConditionsSchema(Schema):
    """What both promise besides the limits; read by people, and signed with the rest."""

    sla = fields.Nested(LevelSchema)
    security_measures = fields.List(fields.String(validate=TEXT), validate=validate.Length(max=20))
    incident_contact = fields.String(validate=TEXT)
    dpo_contacts = fields.List(fields.String(validate=TEXT), validate=validate.Length(max=10))
    audit_rights = fields.String(validate=TEXT)
    dpia_url = fields.String(validate=[TEXT, validate.Regexp(r"^https://[^\s\x00-\x1f]+\Z")])
    erase_rules = fields.String(validate=TEXT)


class DraftSchema(Schema):
    """The body of `POST /agreements`; the consumer is the caller's own body, what is left out is the template's."""

    template_id = fields.String(required=True, validate=CODE)
    agreement_id = fields.String(required=True, validate=CODE)
    provider = fields.String(required=True, validate=CODE)
    datasets = fields.List(fields.Nested(AgreedDatasetSchema), required=True, validate=validate.Length(min=1, max=20))
    purposes = fields.List(fields.String(validate=CODE), required=True, validate=validate.Length(min=1, max=20))
    procedure_codes = fields.List(fields.String(validate=CODE), required=True, validate=validate.Length(max=20))
    legal_basis = fields.String(required=True, validate=validate.OneOf(list(LegalBasis)))
    law_reference = fields.String(load_default=None, validate=TEXT)
    sensitive_article = fields.String(load_default=None, validate=TEXT)
    consent_required = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    kind = fields.String(load_default="standing", validate=validate.OneOf(["single_use", "standing"]))
    volume = fields.Dict(
        keys=fields.String(validate=validate.OneOf(["per_day", "tps"])),
        values=fields.Integer(strict=True, validate=validate.Range(min=1)),
        required=True,
    )
    limits = fields.Dict(keys=fields.String(validate=CODE), load_default=dict)
    storage_locations = fields.List(COUNTRY, load_default=lambda: ["CL"], validate=validate.Length(min=1, max=20))
    onward = fields.List(fields.String(validate=TEXT), load_default=list, validate=validate.Length(max=20))
    conditions = fields.Nested(ConditionsSchema, load_default=dict)
    valid_from = Instant(required=True)
    valid_until = Instant(required=True)

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """It ends after it begins."""
        if data["valid_until"] <= data["valid_from"]:
            raise ValidationError("It ends before it begins.", "valid_until")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> tuple[str, Terms]:
        """Return the template and the operation's own type."""
        template_id = data.pop("template_id")
        datasets = [{"dataset_id": one["dataset_id"], "version": one["version"], "fields": one["fields_"]} for one in data.pop("datasets")]
        times = {name: data.pop(name).replace(microsecond=0) for name in ("valid_from", "valid_until")}
        return template_id, Terms(consumer="", datasets=datasets, retention={}, **times, **data)


class StepSchema(Schema):
    """The body of `POST /agreements/{id}/{version}/steps`."""

    step = fields.String(required=True, validate=CODE)
    reason = fields.String(load_default=None, validate=validate.Length(min=1, max=1000))


class SignatureSchema(Schema):
    """The body of `POST /agreements/{id}/{version}/signatures`."""

    signature = fields.String(required=True, validate=validate.Length(min=1, max=8000))
