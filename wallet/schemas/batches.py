"""Bodies of `/exchange/v1/batches`: what is asked of all, and each person with what is her own.  Spec: wallet contract §8.3 X5."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from shared.app import PROBLEM_TYPE
from wallet.operations.batches import Item, Result
from wallet.schemas.exchange import ExchangeSchema, OfficialSchema, render
from wallet.schemas.fields import CODE, SubjectSchema

PERSONS_MAX = 100
FIELDS_MAX = 200


class PersonSchema(Schema):
    """One person: by her own consent, or by the basis of the whole batch."""

    subject = fields.Nested(SubjectSchema, required=True)
    consent_id = fields.UUID()
    case_id = fields.String(validate=validate.Length(min=1, max=100))


class BatchBasisSchema(Schema):
    """By law with its agreement, or by each person's consent."""

    kind = fields.String(required=True, validate=validate.OneOf(["consent", "law"]))
    agreement_id = fields.String(validate=CODE)
    law_reference = fields.String(validate=validate.Length(min=1, max=300))


class BatchSchema(Schema):
    """The body of `POST /exchange/v1/batches`; the request of the n-th person is `<request_id>.<n>`."""

    request_id = fields.String(required=True, validate=validate.Regexp(r"^[A-Za-z0-9._:-]{8,60}\Z"))
    persons = fields.List(fields.Nested(PersonSchema), required=True, validate=validate.Length(min=1, max=PERSONS_MAX))
    dataset_id = fields.String(required=True, validate=CODE)
    fields_ = fields.List(fields.String(validate=CODE), required=True, data_key="fields", validate=validate.Length(min=1, max=FIELDS_MAX))
    purpose_id = fields.String(required=True, validate=CODE)
    basis = fields.Nested(BatchBasisSchema, required=True)
    procedure_code = fields.String(validate=CODE)
    official = fields.Nested(OfficialSchema)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> list[Item]:
        """Return one exchange for each person, read by the rules of a single one.  Raises: ValidationError, with the person's place."""
        subjects = [(person["subject"]["scheme"], person["subject"]["value"]) for person in data["persons"]]
        if len(set(subjects)) != len(subjects):
            raise ValidationError("Name each person once.", "persons")
        items, wrong = [], {}
        for number, person in enumerate(data["persons"]):
            body = _body_of(data, person, number)
            try:
                items.append(Item(ExchangeSchema().load(body), body))
            except ValidationError as error:
                wrong[number] = error.messages
        if wrong:
            raise ValidationError({"persons": wrong})
        return items


def _body_of(data: dict[str, Any], person: dict[str, Any], number: int) -> dict[str, Any]:
    basis = dict(data["basis"])
    if "consent_id" in person:
        basis["consent_id"] = str(person["consent_id"])
    body: dict[str, Any] = {"request_id": f"{data['request_id']}.{number}", "subject": dict(person["subject"]), "basis": basis}
    body |= {"dataset_id": data["dataset_id"], "fields": data["fields_"], "purpose_id": data["purpose_id"]}
    if "procedure_code" in data:
        case = {"case_id": person["case_id"]} if "case_id" in person else {}
        body["procedure"] = {"code": data["procedure_code"], **case}
    if "official" in data:
        body["official"] = dict(data["official"])
    return body


def render_result(result: Result) -> tuple[int, dict[str, object]]:
    """Return the status of one person's exchange, and what it says."""
    head: dict[str, object] = {"request_id": result.ask.request_id, "subject": {"scheme": result.ask.scheme, "value": result.ask.run}}
    if result.answer is not None:
        return 200, {**head, "status": 200, **render(result.answer)}
    if result.problem is not None:
        kind = result.problem
        told = {"type": PROBLEM_TYPE + kind.slug, "title": kind.title, "status": kind.status, "detail": kind.detail}
        return kind.status, {**head, **told, **kind.extra}
    return 503, {**head, "type": PROBLEM_TYPE + "unavailable", "title": "Not begun yet: repeat the batch with the same id", "status": 503}
