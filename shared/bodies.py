"""Request bodies: JSON of a bounded size, read by a marshmallow schema."""

import json
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from shared.audit.canonical import holds_nul
from shared.problems import InvalidRequest, TooLarge, UnsupportedMedia

BYTES_MAX = 64 * 1024


def read_json(*, max_bytes: int = BYTES_MAX) -> object:
    """Return the JSON of the present request.  Raises: TooLarge, UnsupportedMedia, InvalidRequest."""
    if request.content_length is not None and request.content_length > max_bytes:
        raise TooLarge(f"A body may have {max_bytes} bytes.")
    if not request.is_json:
        raise UnsupportedMedia("Send application/json.")
    # A body without a stated length is read to just beyond the limit; `get_data` would take it for empty.
    raw = request.get_data() if request.content_length is not None else request.stream.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise TooLarge(f"A body may have {max_bytes} bytes.")
    if holds_nul(raw):
        raise InvalidRequest("The body is JSON in UTF-8, without the character U+0000.")
    try:
        value: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body is not valid JSON.") from None
    return value


def load_json(schema: Schema, *, max_bytes: int = BYTES_MAX) -> Any:  # what the schema's post_load makes
    """Return what the schema makes of the body.  Raises: TooLarge, UnsupportedMedia, InvalidRequest with `errors` by field."""
    return load_with_body(schema, max_bytes=max_bytes)[0]


def load_with_body(schema: Schema, *, max_bytes: int = BYTES_MAX) -> tuple[Any, dict[str, Any]]:  # as above, and what JSON holds
    """Return the same beside the body as it came: the body is read once, for one without a stated length can be read once only."""
    value = read_json(max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object.")
    try:
        return schema.load(value), value
    except ValidationError as error:
        raise InvalidRequest("Some fields are not right.", errors=error.messages) from None
