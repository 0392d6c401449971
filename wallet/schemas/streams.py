"""Bodies of the Shared Signals API.  Spec: Shared Signals Framework 1.0 §8; RFC 8936 §2; wallet contract §11."""

from marshmallow import EXCLUDE, Schema, fields, validate

from wallet.models.stream import POLL, PUSH, Stream, StreamStatus
from wallet.operations.streams import poll_uri
from wallet.standards.security_event import supported

URL = validate.Length(min=1, max=2000)


class _Open(Schema):
    """The framework lets receivers send members that we do not know; they are left."""

    class Meta:
        """Leave unknown members."""

        unknown = EXCLUDE


class DeliverySchema(_Open):
    """How events are delivered."""

    method = fields.String(required=True, validate=validate.OneOf([PUSH, POLL]))
    endpoint_url = fields.String(validate=URL)
    authorization_header = fields.String(validate=validate.Length(min=1, max=2000))


class StreamSchema(_Open):
    """The receiver's part of a stream."""

    stream_id = fields.String(validate=validate.Length(max=100))
    delivery = fields.Nested(DeliverySchema)
    events_requested = fields.List(fields.String(validate=URL), validate=validate.Length(max=50))
    description = fields.String(validate=validate.Length(max=300))


class StatusSchema(_Open):
    """A change of a stream's status."""

    stream_id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(StreamStatus)))
    reason = fields.String(load_default=None, validate=validate.Length(max=300))


class SubjectSchema(_Open):
    """The consent to hear of, or not any more."""

    stream_id = fields.String(required=True)
    subject = fields.Dict(keys=fields.String(), required=True)


class VerificationSchema(_Open):
    """A request for a verification event."""

    stream_id = fields.String(required=True)
    state = fields.String(load_default=None, validate=validate.Length(max=300))


class ErrorSchema(_Open):
    """Why a receiver could not take an event."""

    err = fields.String(required=True, validate=validate.Length(max=100))
    description = fields.String(load_default="", validate=validate.Length(max=300))


class PollSchema(_Open):
    """A poll; `returnImmediately` is always so here: a receiver asks again."""

    max_events = fields.Integer(data_key="maxEvents", load_default=100, strict=True, validate=validate.Range(min=0, max=10_000))
    return_immediately = fields.Boolean(data_key="returnImmediately", load_default=True)
    ack = fields.List(fields.String(validate=validate.Length(max=100)), load_default=list, validate=validate.Length(max=1000))
    set_errs = fields.Dict(keys=fields.String(), values=fields.Nested(ErrorSchema), data_key="setErrs", load_default=dict)


def render_stream(stream: Stream, *, issuer: str) -> dict[str, object]:
    """Return a stream as its receiver sees it; the authorization header stays with us."""
    delivery: dict[str, object] = {"method": stream.method}
    delivery["endpoint_url"] = stream.endpoint if stream.method == PUSH else poll_uri(issuer, stream.stream_id)
    events = supported(issuer)
    body: dict[str, object] = {"stream_id": stream.stream_id, "iss": issuer, "aud": stream.client_id, "delivery": delivery}
    body |= {"events_supported": events, "events_requested": stream.events_requested}
    body["events_delivered"] = [event for event in events if event in stream.events_requested]
    return {**body, **({"description": stream.description} if stream.description else {})}
