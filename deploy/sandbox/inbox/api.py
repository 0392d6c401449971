"""The inbox's interfaces: gateways the suite sends through, and the reading side that people and tests use.

POST /gateway/sms     {"to","from","text","reference","callback_url"} → 201 {"id","status"}
POST /print           a PDF, raw or as `file` of a form, with to, subject, reference → 201 {"id","status"}
POST /mailbox, /push  {"to","from","subject","body","reference"} → 201 {"id","status"}
ANY  /webhooks/<path> anything; kept as received → 204, or as `?answer=503&times=2` asks
GET  /api/messages    ?channel=&to=&since=&limit=;   DELETE /api/messages empties the inbox
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime

from flask import Response, jsonify, request, url_for
from werkzeug.datastructures import FileStorage

from deploy.sandbox.inbox.gateway import Busy, Gateway, Text
from deploy.sandbox.inbox.messages import LIMIT_MAX, Arrival, Attachment, Channel, Message, Messages
from shared.access import PUBLIC
from shared.clock import rfc3339
from shared.problems import InvalidRequest, NotFound
from shared.routes import Routes

WEBHOOK_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def build_api(messages: Messages, gateway: Gateway) -> Routes:
    """The blueprint over one store and one gateway."""
    api = Routes("api", __name__, access=PUBLIC)
    _add_texts(api, messages, gateway)
    _add_letters_and_boxes(api, messages)
    _add_webhooks(api, messages)
    _add_reading(api, messages)
    return api


def document(message: Message) -> dict[str, object]:
    """A message as `GET /api/messages` shows it; attachment addresses are absolute."""
    return {
        "id": message.message_id,
        "channel": message.channel.value,
        "to": message.to,
        "from": message.sender,
        "subject": message.subject,
        "body": message.body,
        "html": message.html,
        "headers": dict(message.headers),
        "attachments": [
            {
                "filename": attachment.filename,
                "content_type": attachment.content_type,
                "url": url_for("api.download", message_id=message.message_id, number=number, _external=True),
            }
            for number, attachment in enumerate(message.attachments)
        ],
        "received_at": rfc3339(message.received_at),
    }


def _add_texts(api: Routes, messages: Messages, gateway: Gateway) -> None:
    @api.post("/gateway/sms")
    def take_text() -> tuple[Response, int] | tuple[Response, int, dict[str, str]]:
        fields = _fields("to", "text")
        text = Text(
            to=fields["to"],
            sender=fields.get("from", ""),
            body=fields["text"],
            reference=fields.get("reference", ""),
            callback_url=fields.get("callback_url", ""),
        )
        try:
            gateway.admit(text)
        except Busy as busy:
            return jsonify(status="busy"), busy.status, {"Retry-After": "1"}
        kept = messages.add(
            Arrival(channel=Channel.SMS, to=text.to, sender=text.sender, body=text.body, headers=_reference(fields), key=_key())
        )
        if not kept.is_repeat:
            gateway.report(text, kept.message_id)
        return _accepted(kept)


def _add_letters_and_boxes(api: Routes, messages: Messages) -> None:
    @api.post("/print")
    def take_letter() -> tuple[Response, int]:
        pdf, fields = _letter()
        kept = messages.add(
            Arrival(
                channel=Channel.LETTER,
                to=fields.get("to", ""),
                sender=fields.get("from", ""),
                subject=fields.get("subject", ""),
                body=fields.get("body", ""),
                headers=_reference(fields),
                key=_key(),
                attachments=[Attachment(filename=fields.get("filename") or "letter.pdf", content_type="application/pdf", content=pdf)],
            )
        )
        return _accepted(kept)

    def take_simple(channel: Channel) -> tuple[Response, int]:
        fields = _fields("to", "body")
        kept = messages.add(
            Arrival(
                channel=channel,
                to=fields["to"],
                sender=fields.get("from", ""),
                subject=fields.get("subject", ""),
                body=fields["body"],
                headers=_reference(fields),
                key=_key(),
            )
        )
        return _accepted(kept)

    @api.post("/mailbox")
    def take_mailbox_message() -> tuple[Response, int]:
        return take_simple(Channel.MAILBOX)

    @api.post("/push")
    def take_push() -> tuple[Response, int]:
        return take_simple(Channel.PUSH)


def _add_webhooks(api: Routes, messages: Messages) -> None:
    refused: Counter[str] = Counter()
    lock = threading.Lock()

    @api.route("/webhooks/<path:path>", methods=WEBHOOK_METHODS)
    def take_webhook(path: str) -> Response:
        raw = request.get_data()
        arrival = Arrival(
            channel=Channel.WEBHOOK,
            to=request.path,
            sender=request.headers.get("User-Agent", ""),
            subject=f"{request.method} {request.full_path.rstrip('?')}",
            body=raw.decode(errors="replace"),
            headers=dict(request.headers.items()),
            attachments=[Attachment(filename="body", content_type=request.mimetype or "application/octet-stream", content=raw)],
        )
        messages.add(arrival)
        status, times = request.args.get("answer", 204, type=int), request.args.get("times", 0, type=int)
        with lock:
            refused[path] += 1
            still = times == 0 or refused[path] <= times
        return Response(status=status if still and 100 < status < 600 else 204)


def _add_reading(api: Routes, messages: Messages) -> None:
    @api.get("/api/messages")
    def list_messages() -> Response:
        found = messages.find(
            channel=_channel(request.args.get("channel", "")),
            to=request.args.get("to", ""),
            since=_moment(request.args.get("since", "")),
            limit=_limit(request.args.get("limit", "")),
        )
        return jsonify(messages=[document(message) for message in found])

    @api.delete("/api/messages")
    def clear() -> Response:
        messages.clear()
        return Response(status=204)

    @api.get("/api/messages/<message_id>")
    def read(message_id: str) -> Response:
        return jsonify(document(get_message(messages, message_id)))

    @api.get("/api/messages/<message_id>/attachments/<int:number>")
    def download(message_id: str, number: int) -> Response:
        attachment = messages.attachment(message_id, number)
        if attachment is None:
            raise NotFound("This message has no such attachment.")
        # Never shown as a page of this origin: what arrives is other people's content.
        shown = attachment.content_type == "application/pdf"
        response = Response(attachment.content, content_type=attachment.content_type if shown else "application/octet-stream")
        response.headers.set("Content-Disposition", "inline" if shown else "attachment", filename=attachment.filename)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def get_message(messages: Messages, message_id: str) -> Message:
    """Raises: NotFound."""
    message = messages.get(message_id)
    if message is None:
        raise NotFound("There is no such message in the inbox.")
    return message


def _fields(*required: str) -> dict[str, str]:
    """The text members of a JSON object or a form. Raises: InvalidRequest when one of `required` is missing."""
    given = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    if not isinstance(given, dict):
        raise InvalidRequest("Send a JSON object or a form.")
    missing = [name for name in required if not isinstance(given.get(name), str) or not given[name]]
    if missing:
        raise InvalidRequest(f"Missing: {', '.join(missing)}.")
    return {name: value for name, value in given.items() if isinstance(name, str) and isinstance(value, str)}


def _key() -> str:
    """What makes a repeated request a repeat; empty: each is a message of its own."""
    return request.headers.get("Idempotency-Key", "")


def _reference(fields: dict[str, str]) -> dict[str, str]:
    return {"Reference": fields["reference"]} if fields.get("reference") else {}


def _accepted(kept: Message) -> tuple[Response, int]:
    return jsonify(id=kept.message_id, status="accepted"), 200 if kept.is_repeat else 201


def _letter() -> tuple[bytes, dict[str, str]]:
    if request.mimetype == "application/pdf":
        pdf, fields = request.get_data(), request.args.to_dict()
    else:
        upload: FileStorage | None = next(iter(request.files.values()), None)
        pdf, fields = (upload.read() if upload else b""), request.form.to_dict()
        if upload and upload.filename:
            fields.setdefault("filename", upload.filename)
    if not pdf.startswith(b"%PDF-"):
        raise InvalidRequest("Send the letter as a PDF.")
    return pdf, fields


def _channel(text: str) -> Channel | None:
    if not text:
        return None
    if text not in set(Channel):
        raise InvalidRequest(f"channel is one of {', '.join(Channel)}.")
    return Channel(text)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise InvalidRequest("since is a moment as in 2026-11-21T12:00:00Z.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _limit(text: str) -> int:
    if not text:
        return LIMIT_MAX
    if not text.isdecimal() or not 1 <= int(text) <= LIMIT_MAX:
        raise InvalidRequest(f"limit is a number from 1 to {LIMIT_MAX}.")
    return int(text)
