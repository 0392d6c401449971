"""JSON bodies of the public API.  Spec: pay-api.md §1 (unknown members are ignored), §3."""

import json

from pay.errors import UnreadableBody

Body = dict[str, object]


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def read_body(raw: bytes, *, code: str) -> Body:
    """Return the JSON object of a body.

    Refuses what Python reads and JSON does not know (NaN), and text that no database column holds (lone surrogates, NUL).
    Raises: UnreadableBody with the endpoint's own code.
    """
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
        if b"\\u" in raw and b"\0" in json.dumps(value, ensure_ascii=False).replace("\\u0000", "\0").encode():
            raise ValueError("NUL")
    except (ValueError, RecursionError):
        raise UnreadableBody(code, "Unable to parse JSON") from None
    if not isinstance(value, dict):
        raise UnreadableBody(code, "Unable to parse JSON")
    return value
