"""Bodies of `/exchange/v1/requests`.  Spec: wallet contract §8.1."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from wallet.operations.fetches import Answer
from wallet.operations.gate import READ, ExchangeAsk
from wallet.operations.visibility import Visibility
from wallet.schemas.fields import CODE, LOGGED, Instant, ProcedureSchema, SubjectSchema, normal_run
from wallet.standards.questions import QUERY, UNKNOWN, Operator, Question

FIELDS_MAX = 200
QUESTION_CHARACTERS_MAX = 300


class BasisSchema(Schema):
    """By the person's consent, or by law."""

    kind = fields.String(required=True, validate=validate.OneOf(["consent", "law"]))
    consent_id = fields.UUID()
    law_reference = fields.String(validate=LOGGED)
    agreement_id = fields.String(validate=CODE)

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Law names its agreement, and no consent."""
        if data["kind"] == "law" and ("agreement_id" not in data or "consent_id" in data):
            raise ValidationError("The law's basis names `agreement_id` and no consent.", "agreement_id")
        if data["kind"] == "consent" and data.keys() & {"law_reference", "agreement_id"}:
            raise ValidationError("A consent's basis names `consent_id` alone.", "consent_id")


class OfficialSchema(Schema):
    """Who at the body asks."""

    id = fields.String(required=True, validate=validate.Length(min=1, max=100))
    unit = fields.String(validate=validate.Length(min=1, max=100))


class VisibilitySchema(Schema):
    """A wish that the person sees the access later."""

    ground = fields.String(required=True, validate=LOGGED)
    release_at = Instant(required=True)


class QuerySchema(Schema):
    """A question that is answered yes or no."""

    field = fields.String(required=True, validate=CODE)
    operator = fields.String(load_default="equals", validate=validate.OneOf([str(one) for one in Operator]))
    value = fields.Raw(required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Question:
        """Return the question."""
        value = data["value"]
        if not isinstance(value, str | int | float | bool) or (isinstance(value, str) and len(value) > QUESTION_CHARACTERS_MAX):
            raise ValidationError("A text, a number, or true or false.", "value")
        return Question(data["field"], Operator(data["operator"]), value)


class ExchangeSchema(Schema):
    """The body of `POST /exchange/v1/requests`."""

    request_id = fields.String(required=True, validate=validate.Regexp(r"^[A-Za-z0-9._:-]{8,64}\Z"))
    subject = fields.Nested(SubjectSchema, required=True)
    dataset_id = fields.String(required=True, validate=CODE)
    fields_ = fields.List(fields.String(validate=CODE), required=True, data_key="fields", validate=validate.Length(min=1, max=FIELDS_MAX))
    purpose_id = fields.String(required=True, validate=CODE)
    basis = fields.Nested(BasisSchema, required=True)
    procedure = fields.Nested(ProcedureSchema)
    official = fields.Nested(OfficialSchema)
    visibility = fields.Nested(VisibilitySchema)
    preview = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    query = fields.Nested(QuerySchema)

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Each field once; a question about one of them alone."""
        if len(data["fields_"]) != len(set(data["fields_"])):
            raise ValidationError("Name each field once.", "fields")
        if "query" in data and (data["fields_"] != [data["query"].field] or data["preview"]):
            raise ValidationError("A `query` is about the one field that `fields` names, and has no preview.", "query")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> ExchangeAsk:
        """Return the operation's own type; the route adds the hash of the body."""
        basis, procedure, official = data["basis"], data.get("procedure", {}), data.get("official", {})
        return ExchangeAsk(
            request_id=data["request_id"],
            run=normal_run(data["subject"]),
            scheme=data["subject"]["scheme"],
            dataset_id=data["dataset_id"],
            fields=tuple(data["fields_"]),
            purpose_id=data["purpose_id"],
            by_law=basis["kind"] == "law",
            consent_id=basis.get("consent_id"),
            law_reference=basis.get("law_reference"),
            agreement_id=basis.get("agreement_id"),
            procedure_code=procedure.get("code"),
            case_id=procedure.get("case_id"),
            official_id=official.get("id"),
            official_unit=official.get("unit"),
            body_sha256="",
            preview=data["preview"],
            question=data.get("query"),
            action=QUERY if "query" in data else READ,
            visibility=Visibility(**data["visibility"]) if "visibility" in data else None,
        )


def render(answer: Answer) -> dict[str, object]:
    """Return the body of a release, of a yes or no, or of a person who is not in the register."""
    body: dict[str, object] = {"txn": str(answer.txn), "dataset_id": answer.dataset_id}
    if answer.result is not None:
        body |= {"result": answer.result} | ({"as_of": answer.as_of} if answer.result != UNKNOWN else {})
        return {**body, **_tail(answer)}
    body["data"] = answer.data
    if answer.data is None:
        body["reason"] = "no_record"
    else:
        body["as_of"] = answer.as_of
    return {**body, **_tail(answer)}


def _tail(answer: Answer) -> dict[str, object]:
    return {
        "source": {"org_id": answer.source},
        "retention": answer.retention,
        "log_entry_id": answer.log_entry_id,
        "evidence": answer.evidence,
    }
