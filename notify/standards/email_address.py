"""Which email addresses are taken, and the form two of them are compared in.  Spec: notify-api §16."""

import re
import unicodedata

from notify.standards.invisible import strip_invisible

MESSAGE = "Not a valid email address"
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_TLD = re.compile(r"[A-Za-z]{2,63}|xn--[A-Za-z0-9-]{1,59}", re.IGNORECASE)


class InvalidEmailAddress(ValueError):
    """The text is no address mail can be sent to."""


def email_address(text: str) -> str:
    """Give the address without surrounding or invisible characters.  Raises: InvalidEmailAddress."""
    address = strip_invisible(text)
    local, at, host = address.rpartition("@")
    if not at or len(address) > 320 or ".." in address or not _LOCAL.fullmatch(local):
        raise InvalidEmailAddress(MESSAGE)
    try:
        ascii_host = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidEmailAddress(MESSAGE) from None
    labels = ascii_host.split(".")
    if len(ascii_host) > 253 or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or not _TLD.fullmatch(labels[-1]):
        raise InvalidEmailAddress(MESSAGE)
    return address


def matched_form(address: str) -> str:
    """Give the form in which addresses are compared and searched."""
    return strip_invisible(address).lower()


def local_part(name: str) -> str:
    """Derive the local part of a From address from a service's name: `Colegio Ñuñoa` → `colegio.nunoa`."""
    bare = "".join(part for part in unicodedata.normalize("NFKD", name) if not unicodedata.combining(part)).lower()
    bare = re.sub(r"[^a-z0-9.]", "", re.sub(r"\s+", ".", bare))
    return re.sub(r"\.{2,}", ".", bare).strip(".") or "notify"
