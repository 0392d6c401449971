"""Neutralise a value a stranger typed before it enters a markdown email.  Spec: notify-api §4.2."""

import re
from collections.abc import Iterable, Mapping

from notify.standards.file_values import is_file
from notify.standards.personalisation import same_key

# A web address: with a scheme, or a host of at least two labels, with any path behind it.
_URL = re.compile(r"(?:https?://[^\s()<>\[\]]+|(?<![\w@.-])(?:[\w-]+\.)+[A-Za-z]{2,}(?:[/?#:][^\s()<>\[\]]*)?)", re.IGNORECASE)
_PERHAPS_AN_ACCIDENT = re.compile(r"[A-Za-z0-9.-]+")
_MARKDOWN = re.compile(r"([`*_(){}\[\]<>#+\-.!|\\])")


def sanitise(value: str) -> str:
    """Take links and formatting out of a text, leaving it readable."""

    def without_link(match: re.Match[str]) -> str:
        return match[0].replace(".", ". ") if _PERHAPS_AN_ACCIDENT.fullmatch(match[0]) else ""

    return _MARKDOWN.sub(r"\\\1", _URL.sub(without_link, value))


def _sanitise_any(value: object) -> object:
    if isinstance(value, str):
        return sanitise(value)
    if isinstance(value, list):
        return [_sanitise_any(item) for item in value]
    return sanitise(str(value)) if isinstance(value, dict) else value


def sanitise_values(values: Mapping[str, object], keys: Iterable[str]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Give the values with the named keys neutralised, and what changed as `{key: {unsanitised, sanitised}}`."""
    wanted = {same_key(key) for key in keys}
    # A file is no text: its link takes its place later, and that is ours.
    clean = {key: _sanitise_any(value) if same_key(key) in wanted and not is_file(value) else value for key, value in values.items()}
    changed = {key: {"unsanitised": values[key], "sanitised": clean[key]} for key in values if clean[key] != values[key]}
    return clean, changed
