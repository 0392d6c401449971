"""How templates are shown.  Spec: notify-api §6."""

from notify.models.catalogue import KnownTemplate
from notify.operations.templates import Preview
from notify.standards.personalisation import placeholders
from notify.standards.wire_time import wire_time


def show_template(template: KnownTemplate) -> dict[str, object]:
    """Give one version of a template."""
    names = placeholders(template.subject or "", template.body, template.contact_block or "")
    return {
        "id": str(template.id),
        "type": template.channel,
        "created_at": wire_time(template.created_at),
        "updated_at": wire_time(template.updated_at),
        "created_by": template.created_by,
        "version": template.version,
        "body": template.body,
        "subject": template.subject,
        "name": template.name,
        "personalisation": {name: {"required": True} for name in names},
        "postage": template.postage,
        "letter_contact_block": template.contact_block,
    }


def show_preview(preview: Preview) -> dict[str, object]:
    """Give a filled template."""
    template = preview.template
    return {
        "id": str(template.id),
        "type": template.channel,
        "version": template.version,
        "body": preview.content.body,
        "html": preview.html,
        "subject": preview.content.subject,
        "postage": template.postage,
    }
