"""The Shared Signals transmitter: its metadata, streams, and events by poll.  Spec: Shared Signals Framework 1.0; RFC 8936."""

from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC
from shared.bodies import load_json
from shared.routes import Routes
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.models.stream import POLL, PUSH, Stream
from wallet.operations import streams
from wallet.operations.signals import poll
from wallet.routes.access import BODY
from wallet.schemas.streams import PollSchema, StatusSchema, StreamSchema, SubjectSchema, VerificationSchema, render_stream

bp = Routes("streams", __name__, access=BODY)


@bp.get("/.well-known/ssf-configuration", access=PUBLIC)
def metadata() -> ResponseReturnValue:
    """Say where everything of the transmitter is."""
    base = current().settings.public_url
    body = {
        "spec_version": "1_0",
        "issuer": base,
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": f"{base}/ssf/stream",
        "status_endpoint": f"{base}/ssf/status",
        "add_subject_endpoint": f"{base}/ssf/subjects:add",
        "remove_subject_endpoint": f"{base}/ssf/subjects:remove",
        "verification_endpoint": f"{base}/ssf/verify",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }
    return jsonify(body), 200, {"Cache-Control": "public, max-age=300"}


@bp.post("/ssf/stream")
def create() -> ResponseReturnValue:
    """Make the caller's stream."""
    return _stream(streams.create_stream(current(), g.caller.client_id, load_json(StreamSchema())), 201)


@bp.get("/ssf/stream")
def read() -> ResponseReturnValue:
    """Give one stream, or without `stream_id` all of the caller's."""
    wallet, client_id = current(), g.caller.client_id
    if "stream_id" in request.args:
        return _stream(streams.get_stream(wallet, client_id, request.args["stream_id"]))
    found = streams.list_streams(wallet, client_id)
    return jsonify([render_stream(one, issuer=wallet.settings.public_url) for one in found]), 200


@bp.patch("/ssf/stream")
def update() -> ResponseReturnValue:
    """Change what is named."""
    return _change(replaces=False)


@bp.put("/ssf/stream")
def replace() -> ResponseReturnValue:
    """Change all of it."""
    return _change(replaces=True)


@bp.delete("/ssf/stream")
def delete() -> ResponseReturnValue:
    """End a stream."""
    streams.delete_stream(current(), g.caller.client_id, request.args.get("stream_id", ""))
    return "", 204


@bp.get("/ssf/status")
def read_status() -> ResponseReturnValue:
    """Say whether a stream delivers."""
    return _status(streams.get_stream(current(), g.caller.client_id, request.args.get("stream_id", "")))


@bp.post("/ssf/status")
def update_status() -> ResponseReturnValue:
    """Pause, go on, or stop."""
    body = load_json(StatusSchema())
    return _status(streams.set_status(current(), g.caller.client_id, body["stream_id"], body["status"], body["reason"]))


@bp.post("/ssf/subjects:add")
def add_subject() -> ResponseReturnValue:
    """Hear of a consent."""
    body = load_json(SubjectSchema())
    streams.set_subject(current(), g.caller.client_id, body["stream_id"], body["subject"], wanted=True)
    return "", 200


@bp.post("/ssf/subjects:remove")
def remove_subject() -> ResponseReturnValue:
    """Hear of a consent no more."""
    body = load_json(SubjectSchema())
    streams.set_subject(current(), g.caller.client_id, body["stream_id"], body["subject"], wanted=False)
    return "", 204


@bp.post("/ssf/verify")
def verify() -> ResponseReturnValue:
    """Have a verification event sent, with the receiver's own state."""
    body = load_json(VerificationSchema())
    streams.ask_verification(current(), g.caller.client_id, body["stream_id"], body["state"])
    return "", 204


@bp.post("/ssf/poll/<stream_id>")
def poll_events(stream_id: str) -> ResponseReturnValue:
    """Give what waits, after taking what was acknowledged."""
    wallet = current()
    body: dict[str, Any] = load_json(PollSchema())  # loaded: the schema gives its members
    stream = streams.get_stream(wallet, g.caller.client_id, stream_id)
    failed = {jti: f"{error['err']}: {error['description']}" for jti, error in body["set_errs"].items()}
    polled = poll(wallet, stream, events_max=body["max_events"], taken=body["ack"], failed=failed)
    return jsonify({"sets": polled.sets, "moreAvailable": polled.is_more}), 200


def _change(*, replaces: bool) -> ResponseReturnValue:
    wish = load_json(StreamSchema())
    stream_id = wish.get("stream_id") or request.args.get("stream_id")
    if not stream_id:
        raise InvalidExchange("Name the stream by `stream_id`.")
    return _stream(streams.change_stream(current(), g.caller.client_id, stream_id, wish, replaces=replaces))


def _stream(stream: Stream, status: int = 200) -> ResponseReturnValue:
    return jsonify(render_stream(stream, issuer=current().settings.public_url)), status


def _status(stream: Stream) -> ResponseReturnValue:
    body = {"stream_id": stream.stream_id, "status": stream.status}
    return jsonify({**body, **({"reason": stream.status_reason} if stream.status_reason else {})}), 200
