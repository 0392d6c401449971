"""Many messages from one template; ours, beside the contract."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from notify.context import current
from notify.errors import MessageNotValid
from notify.operations.bulk import BulkBody, cancel_bulk, create_bulk, get_bulk, list_bulks, list_errors, resume_bulk
from notify.operations.once import Once
from notify.routes.access import ServiceKey, base_url, holder
from notify.schemas.bulk import read_bulk, read_bulk_file, show_bulk
from notify.schemas.queries import older_query, wire_uuid
from notify.schemas.shapes import BULK, BULK_ERRORS, BULK_ERRORS_QUERY, BULK_JOB, BULK_JOBS, OLDER_QUERY, ONCE, READING, REFUSALS
from notify.schemas.wire import parse_json
from shared.openapi import describes
from shared.routes import Routes

bulk = Routes("bulk", __name__, url_prefix="/v2/notifications/bulk", access=ServiceKey())
BODY_BYTES_MAX = 64 * 1024 * 1024


@bulk.post("")
@describes(body=BULK, answers={201: BULK_JOB, **REFUSALS}, headers=ONCE)
def create() -> ResponseReturnValue:
    """Take a job: JSON with `rows` or `csv`, or a CSV file as it is with `template_id` in the query."""
    request.max_content_length = BODY_BYTES_MAX
    raw, now = request.get_data(), current().clock.now()
    key = request.headers.get("Idempotency-Key")
    once = Once.read(holder().service.id, request.full_path, key, raw)
    is_file = request.mimetype in {"text/csv", "text/plain", "application/vnd.ms-excel"} and "template_id" in request.args
    arguments = request.args.to_dict()

    def body() -> BulkBody:
        return read_bulk_file(raw, arguments, now) if is_file else read_bulk(parse_json(raw), now)

    return jsonify(show_bulk(create_bulk(current(), holder(), body, once))), 201


@bulk.get("")
@describes(query=OLDER_QUERY, answers={200: BULK_JOBS, **READING})
def list_all() -> ResponseReturnValue:
    """Give a page of the service's jobs, newest first."""
    older_than = older_query(request.args.to_dict(flat=False))
    jobs = list_bulks(current(), holder().service.id, older_than).jobs
    address = f"{base_url()}/v2/notifications/bulk"
    links = {"current": f"{address}?older_than={older_than}" if older_than else address}
    if jobs:
        links["next"] = f"{address}?older_than={jobs[-1].id}"
    return jsonify({"jobs": [show_bulk(job) for job in jobs], "links": links})


@bulk.get("/<bulk_id>")
@describes(answers={200: BULK_JOB, **READING})
def read_one(bulk_id: str) -> ResponseReturnValue:
    """Give a job, how far it is, and what became of its messages."""
    return jsonify(show_bulk(get_bulk(current(), holder().service.id, wire_uuid(bulk_id, "id"))))


@bulk.get("/<bulk_id>/errors")
@describes(query=BULK_ERRORS_QUERY, answers={200: BULK_ERRORS, **READING})
def read_errors(bulk_id: str) -> ResponseReturnValue:
    """Give rows that made no message, and why; `?after=` a row number goes on."""
    after = request.args.get("after", "0")
    if not after.isascii() or not after.isdigit() or len(after) > 9:
        raise MessageNotValid("after is not a row number")
    found = list_errors(current(), holder().service.id, wire_uuid(bulk_id, "id"), int(after))
    return jsonify({"errors": [{"row": number, "messages": messages} for number, messages in found]})


@bulk.post("/<bulk_id>/cancel")
@describes(answers={200: BULK_JOB, **READING})
def cancel(bulk_id: str) -> ResponseReturnValue:
    """Stop a job, and what of it has not left."""
    who, known = holder(), wire_uuid(bulk_id, "id")
    return jsonify(show_bulk(cancel_bulk(current(), who.service.id, known, actor=who.named, holder=who)))


@bulk.post("/<bulk_id>/resume")
@describes(answers={200: BULK_JOB, **READING})
def resume(bulk_id: str) -> ResponseReturnValue:
    """Let a stopped job go on."""
    who, known = holder(), wire_uuid(bulk_id, "id")
    return jsonify(show_bulk(resume_bulk(current(), who.service.id, known, actor=who.named, holder=who)))
