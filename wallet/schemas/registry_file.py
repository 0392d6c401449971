"""The file by which an operator fills the registry, JSON.  Spec: wallet contract §2, §9; docs/wallet/operating.md."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from wallet.operations.registry_file import RegistryFile
from wallet.schemas.fields import CODE
from wallet.schemas.registry import TEXTS
from wallet.standards.legal_basis import LegalBasis
from wallet.standards.limits import LIMIT_NAMES

ROLES = ("consumer", "provider", "auditor", "supplier")
LINE = fields.String(required=True, validate=validate.Length(min=1, max=300))
LONG = fields.String(validate=validate.Length(min=1, max=50_000))
DPV = validate.Regexp(r"^(https://w3id\.org/dpv|urn:andamio:)\S{1,200}\Z")


def _in_spanish(texts: dict[str, Any]) -> None:
    if "es" not in texts:
        raise ValidationError("It is needed in Spanish at least.")


class BodySchema(Schema):
    """A body and its particulars."""

    org_id = fields.String(required=True, validate=CODE)
    name = LINE
    tax_id = fields.String(required=True, validate=validate.Length(max=20))
    kind = fields.String(required=True, validate=validate.OneOf(["public", "private"]))
    dpo_contact = fields.Dict(keys=fields.String(validate=validate.OneOf(["email", "phone", "url"])), values=LINE, required=True)
    address = fields.String(required=True, validate=validate.Length(max=300))


class SystemSchema(Schema):
    """What a system that its team registered may be here."""

    client_id = fields.String(required=True, validate=CODE)
    roles = fields.List(fields.String(validate=validate.OneOf(ROLES)), required=True, validate=validate.Length(min=1, max=len(ROLES)))
    handled_by = fields.String(load_default=None, validate=validate.Length(min=1, max=200))


class WordsSchema(Schema):
    """A notice in one language."""

    title = LINE
    body = fields.String(required=True, validate=validate.Length(min=1, max=10_000))


class NoticeSchema(Schema):
    """The words shown with purposes."""

    notice_id = fields.String(required=True, validate=CODE)
    texts = fields.Dict(keys=TEXTS["keys"], values=fields.Nested(WordsSchema), required=True, validate=_in_spanish)


class ProcedureSchema(Schema):
    """A procedure, with what a person who refuses brings."""

    code = fields.String(required=True, validate=CODE)
    org_id = fields.String(required=True, validate=CODE)
    title = fields.Dict(**TEXTS, required=True, validate=_in_spanish)
    instead = fields.Dict(**TEXTS, required=True, validate=_in_spanish)
    law_reference = LINE


class PurposeSchema(Schema):
    """Why data may be asked for."""

    purpose_id = fields.String(required=True, validate=CODE)
    text = fields.Dict(**TEXTS, required=True, validate=_in_spanish)
    dpv_purpose = fields.String(required=True, validate=DPV)
    legal_basis = fields.String(required=True, validate=validate.OneOf(list(LegalBasis)))
    notice_id = fields.String(required=True, validate=CODE)
    procedure_code = fields.String(load_default=None, validate=CODE)


class TemplateSchema(Schema):
    """Standard terms of agreements."""

    template_id = fields.String(required=True, validate=CODE)
    title = fields.Dict(**TEXTS, required=True, validate=_in_spanish)
    text = fields.Dict(
        keys=TEXTS["keys"], values=fields.String(validate=validate.Length(min=1, max=50_000)), required=True, validate=_in_spanish
    )
    legal_basis = fields.List(fields.String(validate=validate.OneOf(list(LegalBasis))), required=True, validate=validate.Length(min=1))
    limits = fields.Dict(keys=fields.String(validate=validate.OneOf(sorted(LIMIT_NAMES))), required=True)
    retention = fields.Dict(keys=fields.String(validate=validate.OneOf(["duration", "erase_on_withdrawal"])), required=True)


class RegistryFileSchema(Schema):
    """The whole file; a part that is left out is left as it is."""

    organisations = fields.List(fields.Nested(BodySchema), load_default=list)
    systems = fields.List(fields.Nested(SystemSchema), load_default=list)
    notices = fields.List(fields.Nested(NoticeSchema), load_default=list)
    procedures = fields.List(fields.Nested(ProcedureSchema), load_default=list)
    purposes = fields.List(fields.Nested(PurposeSchema), load_default=list)
    templates = fields.List(fields.Nested(TemplateSchema), load_default=list)

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Each thing once."""
        for part, name in (
            ("organisations", "org_id"),
            ("systems", "client_id"),
            ("notices", "notice_id"),
            ("procedures", "code"),
            ("purposes", "purpose_id"),
            ("templates", "template_id"),
        ):
            ids = [row[name] for row in data[part]]
            if len(ids) != len(set(ids)):
                raise ValidationError("Name each once.", part)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> RegistryFile:
        """Return the operation's own type."""
        return RegistryFile(**data)
