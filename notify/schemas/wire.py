"""Fields whose refusals are the contract's texts, and the reader that puts them in the contract's order.

The contract's texts are those of a JSON-schema validator: `{field} {message}`, values as Python writes them, no quotes.
Spec: notify-api §3.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from notify.errors import MessageNotValid, MessageRefused

NESTED_MAX = 64
_HOLDERS = (dict, list)
_REQUIRED = "is a required property"
_INVALID_JSON = "Invalid JSON supplied in POST data"


def not_of_type(value: object, kinds: str) -> str:
    """Say that a value is of another type."""
    return f"{value!r} is not of type {kinds}".replace("'", "")


class WireField(fields.Field[Any]):  # Any: each field says what it makes
    """A field that says `None is not of type …` for null, and has the contract's word for absence."""

    kinds: ClassVar[str] = "string"

    def __init__(self, *, required: bool = False, nullable: bool = False) -> None:
        super().__init__(
            required=required, allow_none=nullable, error_messages={"required": _REQUIRED, "null": not_of_type(None, self.kinds)}
        )

    def text(self, value: object) -> str:
        """Give a string, or refuse another type."""
        if not isinstance(value, str):
            raise ValidationError(not_of_type(value, self.kinds))
        return value


class WireText(WireField):
    """A text of a bounded length."""

    def __init__(self, *, length_max: int, required: bool = False) -> None:
        super().__init__(required=required)
        self._length_max = length_max

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = self.text(value)
        if len(text) > self._length_max:
            raise ValidationError(f"{text} is too long".replace("'", ""))
        return text


class WireUuid(WireField):
    """A UUID in any form Python's UUID() takes; a null or a number is no UUID either."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(required=required)
        self.error_messages["null"] = "is not a valid UUID"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> uuid.UUID:
        try:
            return uuid.UUID(value)
        except (ValueError, AttributeError, TypeError):
            raise ValidationError("is not a valid UUID") from None


class WireObject(WireField):
    """A JSON object."""

    kinds = "object"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dict[str, object]:
        if not isinstance(value, dict):
            raise ValidationError(not_of_type(value, self.kinds))
        return value


class WireList(WireField):
    """A JSON array or null."""

    kinds = "array, null"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[object]:
        if not isinstance(value, list):
            raise ValidationError(not_of_type(value, self.kinds))
        return value


class WireSchema(Schema):
    """A body: what it does not name is refused, after everything else."""

    class Meta:
        """Unknown names are refused by `read`, in one sentence for all of them."""

        unknown = EXCLUDE


def parse_json(raw: bytes) -> object:
    """Read a body whatever its Content-Type; null and an empty list count as an empty object.  Raises: MessageRefused."""
    try:
        # Decoded here: `json` would let halves of surrogate pairs pass, and UTF-16, in which nothing below is found.
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MessageRefused(_INVALID_JSON) from None
    if raw.count(b"[") + raw.count(b"{") > NESTED_MAX and _is_deep(value):
        raise MessageRefused(_INVALID_JSON)
    lowered = raw.lower()
    if b"\\u0000" in lowered or b"\\ud" in lowered:
        value = _storable(value)
    return {} if value is None or value == [] else value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _is_deep(value: object) -> bool:
    """Tell whether lists and objects stand in one another deeper than anybody means, and than we could write again."""
    level = [value] if isinstance(value, _HOLDERS) else []
    for _ in range(NESTED_MAX):
        parts = (node.values() if isinstance(node, dict) else node for node in level)
        level = [item for part in parts for item in part if isinstance(item, _HOLDERS)]
    return bool(level)


def _storable(value: object) -> object:
    """Replace what no database or message can hold: NUL characters and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(_storable(key)): _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def read(schema: WireSchema, body: object) -> Any:  # what the schema's post_load makes
    """Give what the schema makes of a body.  Raises: MessageNotValid with every fault, in the contract's order."""
    if not isinstance(body, dict):
        raise MessageNotValid(not_of_type(body, "object"))
    faults: dict[str, Sequence[str]] = {}
    loaded: Any = None
    try:
        loaded = schema.load(body)
    except ValidationError as error:
        faults = {name: _texts(texts) for name, texts in error.messages_dict.items()}
    order = [name for name in schema.fields if name in faults]
    entries = [(name, text) for name in order for text in faults[name]]
    messages = [f"{name} {text}" for name, text in entries if text != _REQUIRED]
    messages += [f"{name} {text}" for name, text in entries if text == _REQUIRED]
    if extra := sorted(set(body) - set(schema.fields)):
        messages.append(f"Additional properties are not allowed ({', '.join(extra)} {'was' if len(extra) == 1 else 'were'} unexpected)")
    if messages:
        raise MessageNotValid(*dict.fromkeys(messages))
    return loaded


def _texts(texts: object) -> list[str]:
    return [str(text) for text in texts] if isinstance(texts, list) else [str(texts)]
