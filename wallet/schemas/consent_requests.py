"""Bodies of `/consent-requests`.  Spec: wallet contract §5.4, §18."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from wallet.operations.consent_requests import Ask, Item, RequestView
from wallet.schemas.fields import CODE, Instant, ProcedureSchema, SubjectSchema, normal_run
from wallet.standards.consent_record import instant

FIELDS_MAX = 200
ITEMS_MAX = 20
MESSAGE_CHARACTERS_MAX = 300


class FrequencySchema(Schema):
    """How often, for `periodic`."""

    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=10_000))
    unit = fields.String(required=True, validate=validate.OneOf(["hour", "day", "week", "month", "year"]))


class PeriodSchema(Schema):
    """The time that the data are about."""

    from_ = fields.Date(required=True, data_key="from")
    to = fields.Date(required=True)


class ItemSchema(Schema):
    """One matter."""

    dataset_id = fields.String(required=True, validate=CODE)
    purpose_id = fields.String(required=True, validate=CODE)
    fields_ = fields.List(fields.String(validate=CODE), required=True, data_key="fields", validate=validate.Length(min=1, max=FIELDS_MAX))
    optional_fields = fields.List(fields.String(validate=CODE), load_default=list, validate=validate.Length(max=FIELDS_MAX))
    mode = fields.String(load_default="view", validate=validate.OneOf(["view", "store", "query", "stream"]))
    fetch = fields.String(load_default="once", validate=validate.OneOf(["once", "periodic", "until_procedure_end"]))
    frequency = fields.Nested(FrequencySchema)
    valid_until = Instant(required=True)
    data_period = fields.Nested(PeriodSchema)
    procedure = fields.Nested(ProcedureSchema)

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Each field once; a frequency with `periodic` and only there."""
        names = [*data["fields_"], *data["optional_fields"]]
        if len(names) != len(set(names)):
            raise ValidationError("Name each field once.", "fields")
        if (data["fetch"] == "periodic") != ("frequency" in data):
            raise ValidationError("`frequency` belongs to `periodic`.", "frequency")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Item:
        """Return the operation's own type."""
        period, procedure = data.get("data_period"), data.get("procedure", {})
        return Item(
            dataset_id=data["dataset_id"],
            purpose_id=data["purpose_id"],
            fields=tuple(data["fields_"]),
            optional_fields=tuple(data["optional_fields"]),
            mode=data["mode"],
            fetch=data["fetch"],
            frequency=data.get("frequency"),
            valid_until=data["valid_until"],
            data_period={"from": period["from_"].isoformat(), "to": period["to"].isoformat()} if period else None,
            procedure_code=procedure.get("code"),
            case_id=procedure.get("case_id"),
        )


class ConsentRequestSchema(Schema):
    """The body of `POST /consent-requests`; `state` comes back with the person."""

    id = fields.UUID(required=True)
    subject = fields.Nested(SubjectSchema, required=True)
    required_delegator = fields.Nested(SubjectSchema, load_default=None)
    items = fields.List(fields.Nested(ItemSchema), required=True, validate=validate.Length(min=1, max=ITEMS_MAX))
    redirect_uri = fields.String(required=True, validate=validate.Length(max=2000))
    state = fields.String(load_default=None, validate=validate.Length(min=1, max=500))
    message = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")),
        values=fields.String(validate=validate.Length(min=1, max=MESSAGE_CHARACTERS_MAX)),
        load_default=dict,
        validate=validate.Length(max=10),
    )
    ui_locales = fields.List(fields.String(validate=validate.Length(max=35)), load_default=list, validate=validate.Length(max=10))
    view = fields.String(load_default="show", validate=validate.OneOf(["show", "hide"]))

    @validates_schema
    def check(self, data: dict[str, Any], **_: object) -> None:
        """Only a person decides for another."""
        if data["required_delegator"] is not None and data["required_delegator"]["scheme"] != "cl-run":
            raise ValidationError("A delegator is a person.", "required_delegator")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Ask:
        """Return the operation's own type; the route adds the hash of the body."""
        delegator = data["required_delegator"]
        return Ask(
            request_id=data["id"],
            run=normal_run(data["subject"]),
            scheme=data["subject"]["scheme"],
            required_delegator=f"cl-run:{normal_run(delegator)}" if delegator else None,
            items=data["items"],
            redirect_uri=data["redirect_uri"],
            state_parameter=data["state"],
            message={tag.partition("-")[0]: text for tag, text in data["message"].items()},
            ui_locales=data["ui_locales"],
            is_listed=data["view"] == "show",
            body_sha256="",
        )


def render(view: RequestView) -> dict[str, object]:
    """Return the body of an answer about a request."""
    items = []
    for item in view.items:
        row: dict[str, object] = {"item_id": item.item_id, "state": item.state}
        if item.consent_id is not None:
            row["consent_id"] = str(item.consent_id)
        if item.decided_at is not None:
            row["decided_at"] = instant(item.decided_at)
        items.append(row)
    body: dict[str, object] = {
        "request_id": str(view.request_id),
        "view_uri": view.view_uri,
        "expires_at": instant(view.expires_at),
        "items": items,
    }
    return body | ({"feedback_uri": view.feedback_uri} if view.feedback_uri else {})
