"""How a draft will look to who receives it, and what could be better; nothing is kept."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from markupsafe import Markup

from notify.context import Notify
from notify.models.catalogue import KnownService, KnownTemplate
from notify.operations.letter_pages import PAGES_MAX, Rendered, Sheet, letter_pdf, letter_pictures
from notify.operations.rendering import EMAIL_BYTES_MAX, Content, compose
from notify.operations.templates import TemplateText
from notify.standards.email_markdown import to_html
from notify.standards.personalisation import PLACEHOLDER, missing, placeholders
from notify.standards.postal_address import LINE_KEYS, InvalidAddress, postal_address
from notify.standards.readability import Hint, Reading, hints, measure
from notify.standards.sms_text import CHARACTERS_MAX, fragments, with_prefix
from notify.standards.statuses import Channel

EXAMPLE_ADDRESS = ("((address_line_1))", "((address_line_2))", "((address_line_3))")
PREVIEW_PAGES_MAX = 3
_STANDS_FOR_A_VALUE = "x" * 8


@dataclass(frozen=True)
class Look:
    """A draft as it will be read: `html` of e-mails and mailbox messages, `pages` of letters as `data:` pictures, `fragments` of texts."""

    template: KnownTemplate
    content: Content
    reading: Reading
    hints: tuple[Hint, ...]
    placeholders: tuple[str, ...]
    missing: tuple[str, ...]
    html: str = ""
    pages: tuple[str, ...] = ()
    pages_n: int = 0
    fragments: int = 0
    characters: int = 0
    too_long: bool = False


def asked_for(template: KnownTemplate) -> list[str]:
    """Name what a template needs to be told, in order; a letter always needs its address."""
    named = placeholders(template.subject or "", template.body, template.contact_block or "")
    return [*LINE_KEYS, *(name for name in named if name not in LINE_KEYS)] if template.channel == Channel.LETTER else named


def draft_of(service_id: UUID, template_id: UUID, words: TemplateText, now: datetime) -> KnownTemplate:
    """Give words that are not saved the form of a template."""
    return KnownTemplate(
        id=template_id,
        service_id=service_id,
        channel=words.channel.value,
        version=0,
        archived=False,
        name=words.name,
        subject=words.subject,
        body=words.body,
        postage=words.postage,
        contact_block=words.contact_block,
        has_unsubscribe_link=words.has_unsubscribe_link,
        created_by="",
        created_at=now,
        updated_at=None,
    )


def look_at(notify: Notify, template: KnownTemplate, values: Mapping[str, object], *, with_pages: bool = True) -> Look:
    """Fill a template with what is known; places without a value stay as they are written."""
    service = notify.catalogue.find_service(template.service_id)
    name, prefixed = (service.name, service.prefix_sms) if service else ("", False)
    content = compose(template, values)
    pages = _pages(notify, template, dict(values), service) if template.channel == Channel.LETTER and with_pages else []
    out = with_prefix(content.body, name if prefixed else None) if template.channel == Channel.SMS else ""
    parts = fragments(PLACEHOLDER.sub(_STANDS_FOR_A_VALUE, out)) if out else 0
    too_long = len(content.body) > CHARACTERS_MAX if out else len(content.body.encode()) > EMAIL_BYTES_MAX or len(pages) > PAGES_MAX
    return Look(
        template=template,
        content=Content(content.subject, out or content.body),
        reading=measure(template.body),
        hints=tuple(hints(template.channel, template.subject, template.body, contact=template.contact_block or "", fragments=parts)),
        placeholders=tuple(asked_for(template)),
        missing=tuple(missing(values, template.subject or "", template.body, template.contact_block or "")),
        html=Markup(to_html(content.body))  # noqa: S704 - the renderer escapes all that it takes from the source
        if template.channel in {Channel.EMAIL, Channel.MAILBOX}
        else "",
        pages=tuple("data:image/png;base64," + base64.b64encode(png).decode() for png in pages[:PREVIEW_PAGES_MAX]),
        pages_n=len(pages),
        fragments=parts,
        characters=len(out),
        too_long=too_long,
    )


def pages_of(notify: Notify, template: KnownTemplate) -> Rendered:
    """Give all pages of a letter as they would be printed; places stay as they are written."""
    return letter_pdf(template, {}, _sheet(notify, {}, notify.catalogue.find_service(template.service_id)))


def _pages(notify: Notify, template: KnownTemplate, values: dict[str, object], service: KnownService | None) -> list[bytes]:
    return letter_pictures(template, values, _sheet(notify, values, service))


def _sheet(notify: Notify, values: dict[str, object], service: KnownService | None) -> Sheet:
    try:
        address = postal_address(values, scheme=service.rules.address_scheme if service else "uk").lines
    except InvalidAddress:
        given = tuple(str(values[key]) for key in LINE_KEYS if values.get(key))
        address = given or EXAMPLE_ADDRESS
    return Sheet(
        address=address,
        service_name=service.name if service else "",
        date=f"{notify.clock.now().astimezone(notify.zone):%d-%m-%Y}",
        brand=service.brand if service else None,
    )
