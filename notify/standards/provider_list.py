"""The providers of texts, the mail relays and the printers that the settings name, read and checked."""

import json
from dataclasses import dataclass, fields
from typing import Any

from notify.standards.ssh_keys import is_host_key, is_private_key

NAME_CHARACTERS_MAX = 40
_COMMON = {"name", "kind", "weight", "per_minute"}
_FIELDS = {
    "http": (_COMMON | {"url", "token", "receipt_secret"}, {"name", "kind", "url"}),
    "smpp": (_COMMON | {"host", "port", "system_id", "password", "tls"}, {"name", "kind", "host", "port", "system_id", "password"}),
}
_PRINTER_FIELDS = {"http": ({"token", "receipt_secret"}, {"url"}), "sftp": ({"port", "folder"}, {"host", "username", "key", "host_key"})}


@dataclass(frozen=True)
class SmsProvider:
    """One provider of texts; fields of the other kind are empty.  `receipt_secret` proves its receipts, empty where the shared one does."""

    name: str
    kind: str
    weight: int = 1
    per_minute: int = 0
    url: str = ""
    token: str = ""
    receipt_secret: str = ""
    host: str = ""
    port: int = 0
    system_id: str = ""
    password: str = ""
    tls: bool = False


def read_providers(text: str) -> list[SmsProvider]:
    """Read a JSON list of providers.  Raises: ValueError that names the first fault and no secret."""
    found = [_read(number, entry) for number, entry in enumerate(_entries(text), 1)]
    if len({provider.name for provider in found}) < len(found):
        raise ValueError("two providers have the same name")
    return found


@dataclass(frozen=True)
class MailRelay:
    """One relay of e-mails."""

    name: str
    host: str
    port: int = 25
    username: str = ""
    password: str = ""
    starttls: bool = True
    weight: int = 1
    per_minute: int = 0


def read_relays(text: str) -> list[MailRelay]:
    """Read a JSON list of mail relays.  Raises: ValueError that names the first fault and no secret."""
    found = [_read_relay(number, entry) for number, entry in enumerate(_entries(text), 1)]
    if len({relay.name for relay in found}) < len(found):
        raise ValueError("two providers have the same name")
    return found


@dataclass(frozen=True)
class Printer:
    """One printer of letters; fields of the other kind are empty.  `key` is a private key, `host_key` the printer's own, for SFTP."""

    name: str
    kind: str = "http"
    weight: int = 1
    per_minute: int = 0
    url: str = ""
    token: str = ""
    receipt_secret: str = ""
    host: str = ""
    port: int = 22
    username: str = ""
    key: str = ""
    host_key: str = ""
    folder: str = "."


def read_printers(text: str) -> list[Printer]:
    """Read a JSON list of printers.  Raises: ValueError that names the first fault and no secret."""
    found = [_read_printer(number, entry) for number, entry in enumerate(_entries(text), 1)]
    if len({printer.name for printer in found}) < len(found):
        raise ValueError("two providers have the same name")
    return found


def _read_printer(number: int, entry: Any) -> Printer:  # as JSON gave it
    kind = entry.get("kind", "http") if isinstance(entry, dict) else "http"
    if kind not in list(_PRINTER_FIELDS):
        raise ValueError(f"provider {number} must have a kind: http or sftp")
    more, needed = _PRINTER_FIELDS[kind]
    _check_fields(number, entry if isinstance(entry, dict) else {}, known=_COMMON | needed | more, needed={"name"} | needed)
    printer = Printer(**entry)
    if kind == "sftp" and not is_private_key(printer.key):
        raise ValueError(f"key of provider {number} is not right")
    if kind == "sftp" and not is_host_key(printer.host_key):
        raise ValueError(f"host_key of provider {number} is not right")
    return printer


def _read_relay(number: int, entry: Any) -> MailRelay:  # as JSON gave it
    known = {each.name for each in fields(MailRelay)}
    _check_fields(number, entry if isinstance(entry, dict) else {}, known=known, needed={"name", "host"})
    return MailRelay(**entry)


def _entries(text: str) -> list[Any]:  # as JSON gave them
    try:
        entries = json.loads(text)
    except ValueError:
        raise ValueError("must be a JSON list") from None
    if not isinstance(entries, list) or not entries:
        raise ValueError("must be a JSON list of at least one provider")
    return entries


def _read(number: int, entry: Any) -> SmsProvider:  # as JSON gave it
    if not isinstance(entry, dict) or entry.get("kind") not in list(_FIELDS):
        raise ValueError(f"provider {number} must have a kind: http or smpp")
    known, needed = _FIELDS[entry["kind"]]
    _check_fields(number, entry, known=known, needed=needed)
    return SmsProvider(**entry)


def _check_fields(number: int, entry: dict[str, Any], *, known: set[str], needed: set[str]) -> None:  # as above
    if missing := sorted(needed - set(entry)):
        raise ValueError(f"provider {number} lacks {missing[0]}")
    if unknown := sorted(set(entry) - known):
        raise ValueError(f"provider {number} has {unknown[0]}, which its kind does not know")
    for field, value in entry.items():
        if not _fits(field, value):
            raise ValueError(f"{field} of provider {number} is not right")
    if not 0 < len(entry["name"]) <= NAME_CHARACTERS_MAX or "/" in entry["name"]:  # it stands in addresses
        raise ValueError(f"name of provider {number} is not right")


def _fits(field: str, value: object) -> bool:
    if field in {"tls", "starttls"}:
        return isinstance(value, bool)
    if field in {"weight", "per_minute", "port"}:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, str)
