"""JSON that a stranger sent, as far as the database can keep it.  Spec: RFC 8259 §8.2."""

import json


def load(text: str, *, length_max: int) -> object:
    """Return the value of a JSON text.

    Raises: ValueError for what is no JSON, too long or too deep, and for NUL or halves of characters inside it.
    """
    if len(text) > length_max:
        raise ValueError("too long")
    try:
        value: object = json.loads(text, parse_constant=_refuse)
        plain = json.dumps(value, ensure_ascii=False)
        plain.encode()
    except RecursionError:
        raise ValueError("too deep") from None
    if "\\u0000" in plain:
        raise ValueError("has a NUL")
    return value


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
