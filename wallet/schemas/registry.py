"""Declarations of datasets as providers send them.  Spec: wallet contract §2, R1."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from wallet.operations.registry import DatasetDeclaration, FieldDeclaration
from wallet.schemas.fields import CODE
from wallet.standards.legal_basis import LegalBasis

TEXTS: dict[str, Any] = {
    "keys": fields.String(validate=validate.Regexp(r"^[a-z]{2,3}\Z")),
    "values": fields.String(validate=validate.Length(min=1, max=500)),
}
YEARS_MAX_SECONDS = 10 * 366 * 86_400
ENDPOINT = validate.Regexp(r"^(https://|soap\+https://|csv:|sql:)\S{1,500}\Z")


def _in_spanish(texts: dict[str, str]) -> None:
    if "es" not in texts:
        raise ValidationError("It is needed in Spanish at least.")


class FieldSchema(Schema):
    """One field."""

    field_id = fields.String(required=True, validate=CODE)
    title = fields.Dict(**TEXTS, required=True, validate=_in_spanish)
    kind = fields.String(required=True, validate=validate.OneOf(["string", "boolean", "number", "date"]))
    dpv_category = fields.String(required=True, validate=validate.Regexp(r"^(https://w3id\.org/dpv|urn:andamio:)\S{1,200}\Z"))
    sensitive = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    identifier = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    special_category = fields.String(load_default=None, validate=validate.Length(max=300))

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> FieldDeclaration:
        """Return the operation's own type."""
        return FieldDeclaration(**data)


class DatasetSchema(Schema):
    """The body of `POST /registry/datasets`; the provider is the caller's own body."""

    dataset_id = fields.String(required=True, validate=CODE)
    audience = fields.String(required=True, validate=validate.Length(min=1, max=500))
    endpoint = fields.String(required=True, validate=ENDPOINT)
    title = fields.Dict(**TEXTS, required=True, validate=_in_spanish)
    description = fields.Dict(**TEXTS, required=True, validate=_in_spanish)
    fields_ = fields.List(fields.Nested(FieldSchema), required=True, data_key="fields", validate=validate.Length(min=1, max=200))
    classification = fields.String(
        required=True, validate=validate.OneOf(["personal", "sensitive", "statistical", "secret", "reserved", "open"])
    )
    subject_kinds = fields.List(
        fields.String(validate=validate.OneOf(["person", "company"])),
        load_default=lambda: ["person"],
        validate=validate.Length(min=1, max=2),
    )
    procedure_codes = fields.List(fields.String(validate=CODE), load_default=list, validate=validate.Length(max=50))
    legal_basis_default = fields.String(load_default="consent", validate=validate.OneOf(list(LegalBasis)))
    max_age_seconds = fields.Integer(load_default=0, strict=True, validate=validate.Range(min=0, max=YEARS_MAX_SECONDS))
    cache_max_seconds = fields.Integer(load_default=0, strict=True, validate=validate.Range(min=0, max=86_400))
    consent_max_seconds = fields.Integer(load_default=365 * 86_400, strict=True, validate=validate.Range(min=60, max=YEARS_MAX_SECONDS))

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Each field once."""
        named = [field.field_id for field in data["fields_"]]
        if len(named) != len(set(named)):
            raise ValidationError("Name each field once.", "fields")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> DatasetDeclaration:
        """Return the operation's own type; the route adds body and client."""
        listed = data.pop("fields_")
        return DatasetDeclaration(**data, fields=listed, org_id="", client_id="")
