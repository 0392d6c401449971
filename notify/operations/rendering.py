"""From a template and values to what a person reads: the filled text, the whole email, the letter's pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from notify.errors import MessageRefused
from notify.models.catalogue import KnownService, KnownTemplate
from notify.standards.email_markdown import preheader, to_html, to_plain_text
from notify.standards.personalisation import FilledTooLong, bullet_list, fill, fill_line
from notify.standards.sms_text import CHARACTERS_MAX, prepare
from notify.standards.statuses import Channel

BLUE = "#124d87"
EMAIL_BYTES_MAX = 2_000_000
SMS_LOOKED_AT_MAX = 100_000
"""Of a text that is longer not even what networks would leave out is looked for."""


@dataclass(frozen=True)
class Content:
    """A filled template; `subject` is None for texts.  Bodies of emails, letters and mailbox messages are markdown still."""

    subject: str | None
    body: str


def compose(template: KnownTemplate, values: Mapping[str, object]) -> Content:
    """Fill a template.  Raises: MessageRefused for what no channel carries; shorter ones are measured by who sends them."""
    try:
        if template.channel == Channel.SMS:
            return Content(None, prepare(fill(template.body, values, most=SMS_LOOKED_AT_MAX)))
        return Content(fill_line(template.subject or "", values), fill(template.body, values, write_list=bullet_list))
    except FilledTooLong as fault:
        raise too_long(template.channel, fault.characters) from None


def too_long(channel: str, size: int) -> MessageRefused:
    """Say that a message is too long for its channel; `size` is in characters of a text, in bytes of an email."""
    if channel == Channel.LETTER:
        return MessageRefused("Your message is too long. Letters cannot be longer than 10 pages.")
    what, most, unit = ("Text messages", CHARACTERS_MAX, "characters") if channel == Channel.SMS else ("Emails", EMAIL_BYTES_MAX, "bytes")
    told = f"{size} {unit}{' long' if channel == Channel.SMS else ''}"
    return MessageRefused(f"Your message is too long. {what} cannot be longer than {most} {unit}. Your message is {told}.")


@dataclass(frozen=True)
class Banner:
    """What stands over an email: `logo_url` is where its logo is read, empty for none."""

    service_name: str
    organisation: str = ""
    colour: str = BLUE
    logo_url: str = ""


def banner_of(service: KnownService, public_url: str) -> Banner:
    """Give the banner of a service's emails, with its brand where it has one."""
    brand = service.brand
    if brand is None:
        return Banner(service.name)
    return Banner(service.name, brand.name, brand.colour, f"{public_url}/brands/{brand.id}/logo.png" if brand.logo else "")


def email_html(content: Content, banner: Banner) -> str:
    """Give the whole HTML part of an email."""
    return (
        environment()
        .get_template("email.html")
        .render(
            subject=content.subject,
            banner=banner,
            preheader=preheader(content.body),
            body=Markup(to_html(content.body)),  # noqa: S704 - the renderer escapes all that it takes from the source
        )
    )


def email_plain_text(content: Content) -> str:
    """Give the plain text part of an email."""
    return to_plain_text(content.body)


@cache
def environment() -> Environment:
    """Give the templates of what leaves by email and post; pages have the app's own."""
    return Environment(
        loader=PackageLoader("notify", "templates/notify"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
