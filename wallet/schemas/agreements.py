"""Bodies of agreements as bodies ask for them.  Spec: wallet contract §9."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from wallet.operations.agreements import Terms
from wallet.schemas.fields import CODE, Instant
from wallet.standards.legal_basis import LegalBasis

TEXT = validate.Length(min=1, max=300)


class AgreedDatasetSchema(Schema):
    """A dataset and the fields of it."""

    dataset_id = fields.String(required=True, validate=CODE)
    version = fields.Integer(required=True, strict=True)
    fields_ = fields.List(fields.String(validate=CODE), required=True, data_key="fields", validate=validate.Length(min=1, max=200))


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
