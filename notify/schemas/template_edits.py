"""Bodies that write templates, and how changes are shown; ours, beside the contract."""

from typing import Any

from marshmallow import ValidationError, fields, post_load

from notify.models.catalogue import KnownTemplate
from notify.operations.template_edits import FieldDiff, TemplateChange
from notify.operations.templates import TemplateText
from notify.schemas.templates import show_template
from notify.schemas.wire import WireField, WireSchema, WireText, not_of_type
from notify.standards.statuses import Channel

TEXT_MAX = 200_000


class _Flag(WireField):
    kinds = "boolean"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(not_of_type(value, self.kinds))
        return value


class _Version(WireField):
    kinds = "integer"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError(not_of_type(value, self.kinds))
        return value


class _Type(WireField):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Channel:
        if value not in list(Channel):
            raise ValidationError(f"{value} is not one of [{', '.join(Channel)}]")
        return Channel(value)


_NAMES = {"letter_contact_block": "contact_block"}
_PARTS: dict[str, fields.Field[Any]] = {
    "subject": WireText(length_max=TEXT_MAX),
    "postage": WireText(length_max=20),
    "letter_contact_block": WireText(length_max=TEXT_MAX),
    "has_unsubscribe_link": _Flag(),
}


class _New(WireSchema):
    type = _Type(required=True)
    name = WireText(length_max=TEXT_MAX, required=True)
    body = WireText(length_max=TEXT_MAX, required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: object) -> TemplateText:
        channel = data.pop("type")
        if channel == Channel.LETTER:
            data.setdefault("postage", "second")
        return TemplateText(channel=channel, **_renamed(data))


class _Change(WireSchema):
    name = WireText(length_max=TEXT_MAX)
    body = WireText(length_max=TEXT_MAX)
    version = _Version()

    @post_load
    def _make(self, data: dict[str, Any], **_kwargs: object) -> TemplateChange:
        return TemplateChange(**_renamed(data))


def _renamed(data: dict[str, Any]) -> dict[str, Any]:
    return {_NAMES.get(name, name): value for name, value in data.items()}


NEW_TEMPLATE: WireSchema = _New.from_dict(_PARTS)()  # type: ignore[assignment]  # from_dict gives a subclass of the class it is called on
TEMPLATE_CHANGE: WireSchema = _Change.from_dict(_PARTS)()  # type: ignore[assignment]  # as above


def show_written(template: KnownTemplate) -> dict[str, object]:
    """Give a template as its writer sees it: the contract's object, and what is ours."""
    return show_template(template) | {"has_unsubscribe_link": template.has_unsubscribe_link, "archived": template.archived}


def show_diff(template_id: str, older: int, newer: int, parts: list[FieldDiff]) -> dict[str, object]:
    """Give what changed between two versions."""
    names = {value: key for key, value in _NAMES.items()}
    changes = [
        {"field": names.get(part.field, part.field), "lines": [{"change": line.change, "text": line.text} for line in part.lines]}
        for part in parts
    ]
    return {"id": template_id, "from": older, "to": newer, "changes": changes}
