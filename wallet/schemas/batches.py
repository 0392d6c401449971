"""Bodies of `/exchange/v1/batches`: what is asked of all, and each person with what is her own.  Spec: wallet contract §8.3 X5.

More people than a batch has are a bulk transfer: the same body, with the criteria by which they were chosen.
"""

import re
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from shared.app import PROBLEM_TYPE
from shared.run import InvalidRun, parse_run
from wallet.operations.batches import Item, Result
from wallet.operations.bulk_outcomes import BulkAsk, Transfer
from wallet.schemas.exchange import ExchangeSchema, OfficialSchema, render
from wallet.schemas.fields import CODE, LOGGED, SubjectSchema
from wallet.standards.canonical import fingerprint

BATCH_MAX, PERSONS_MAX = 100, 1_000
FIELDS_MAX = 200
RUN_LIKE = re.compile(r"\d{1,2}(?:[.\s]?\d{3}){2}\s?-\s?[\dkK]")


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


class CriteriaSchema(Schema):
    """In each language how the people of a bulk transfer were chosen; it is public, so nobody is named in it."""

    es = fields.String(required=True, validate=LOGGED)
    en = fields.String(validate=LOGGED)

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Something is said, and no person's number."""
        for lang, words in data.items():
            if not words.strip():
                raise ValidationError("Say how these people were chosen.", lang)
            if any(_is_run(found) for found in RUN_LIKE.findall(words)):
                raise ValidationError("Name nobody: this is public.", lang)


def _is_run(text: str) -> bool:
    try:
        parse_run(text)
    except InvalidRun:
        return False
    return True


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
    criteria = fields.Nested(CriteriaSchema)

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Criteria are of many people, who are all people or all companies, without cases of their own."""
        persons = data["persons"]
        if len(persons) <= BATCH_MAX:
            if "criteria" in data:
                raise ValidationError("A batch of at most 100 people has a row for each: leave the criteria out.", "criteria")
            return
        if len({person["subject"]["scheme"] for person in persons}) > 1:
            raise ValidationError("Ask about people and about companies apart.", "persons")
        if any("case_id" in person for person in persons):
            raise ValidationError("A bulk transfer is logged as one row, which has no place for cases.", "persons")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> "list[Item] | BulkAsk":
        """Return one exchange for each person, read by the rules of a single one; of more than a hundred, the bulk transfer of them.

        Raises: ValidationError, with the person's place.
        """
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
        if len(items) <= BATCH_MAX:
            return items
        hashed = [replace(one, ask=replace(one.ask, body_sha256=fingerprint(one.body))) for one in items]
        return BulkAsk(request_id=data["request_id"], items=hashed, criteria=data.get("criteria", {}), body_sha256="")


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
    if result.later is not None:
        return 202, {
            **head,
            "status": 202,
            "txn": str(result.later.txn),
            "state": "waiting",
            "retry_after": result.later.retry_after_seconds,
        }
    return 503, {**head, "type": PROBLEM_TYPE + "unavailable", "title": "Not begun yet: repeat the batch with the same id", "status": 503}


def render_transfer(transfer: Transfer, rows: list[dict[str, object]]) -> dict[str, object]:
    """Return the body of a bulk transfer: its number and row in the log, and each person's result."""
    return {"txn": str(transfer.txn), "log_entry_id": transfer.log_entry_id, "results": rows}
