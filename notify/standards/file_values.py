"""A file in a personalisation value: what it may be, and what kind of file it is.  Spec: notify-api §4.5."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

BYTES_MAX = 2 * 1024 * 1024
FILENAME_MAX = 100
WEEKS = 26
MIMETYPES = {
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".rtf": "application/rtf",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_STARTS = {
    b"%PDF-": (".pdf",),
    b"\x89PNG\r\n\x1a\n": (".png",),
    b"\xff\xd8\xff": (".jpg", ".jpeg"),
    b"{\\rtf": (".rtf",),
    b"\xd0\xcf\x11\xe0": (".doc",),
    b"PK\x03\x04": (".docx", ".xlsx", ".odt"),
}
_WORDS = (".csv", ".json", ".txt")
_WEEKS = re.compile(r"(\d{1,3}) weeks?")
_KEYS = frozenset({"file", "filename", "confirm_email_before_download", "retention_period", "is_csv"})


class InvalidFile(ValueError):
    """The value is not put as a file is; the message begins with the inner key."""


class RefusedFile(ValueError):
    """The file itself is not taken."""


@dataclass(frozen=True)
class FileValue:
    """A file to be fetched by link."""

    content: bytes = field(repr=False)
    filename: str | None = field(repr=False)
    extension: str
    confirm_email: bool
    kept_for: timedelta

    @property
    def mimetype(self) -> str:
        """The type that a download says."""
        return MIMETYPES[self.extension]


def is_file(value: object) -> bool:
    """Tell whether a personalisation value is a file; an object without `file` is an ordinary value."""
    return isinstance(value, dict) and "file" in value


def read_file(value: Mapping[str, object]) -> FileValue:
    """Read a file value.  Raises: InvalidFile, RefusedFile."""
    confirm, kept_for = check_fields(value)
    filename = value.get("filename")
    named = filename if isinstance(filename, str) else None
    content = _content(str(value["file"]))
    extension = _kind(content, named, is_csv=bool(value.get("is_csv")))
    return FileValue(content, named, extension, confirm, kept_for)


def check_fields(value: Mapping[str, object]) -> tuple[bool, timedelta]:
    """Look at how a file is put, not at the file; give whether its address is confirmed, and for how long it is kept.

    Raises: InvalidFile.
    """
    if extra := sorted(set(value) - _KEYS):
        raise InvalidFile(f"Additional properties are not allowed ({', '.join(extra)} {'was' if len(extra) == 1 else 'were'} unexpected)")
    encoded, filename, is_csv = value["file"], value.get("filename"), value.get("is_csv")
    if not isinstance(encoded, str):
        raise InvalidFile(f"file {encoded!r} is not of type string".replace("'", ""))
    if "filename" in value and "is_csv" in value:
        raise InvalidFile("Do not set a value for `is_csv` if `filename` is set.")
    if is_csv is not None and not isinstance(is_csv, bool):
        raise InvalidFile(f"is_csv {is_csv!r} is not of type boolean, null".replace("'", ""))
    if filename is not None:
        if not isinstance(filename, str):
            raise InvalidFile(f"filename {filename!r} is not of type string, null".replace("'", ""))
        if "." not in filename:
            raise InvalidFile("filename `filename` must end with a file extension. For example, filename.csv")
    return _confirm(value.get("confirm_email_before_download")), _kept_for(value.get("retention_period"))


def _confirm(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    raise InvalidFile(
        f"confirm_email_before_download Unsupported value for confirm_email_before_download: {value}. Use a boolean true or false value."
    )


def _kept_for(value: object) -> timedelta:
    if value is None:
        return timedelta(weeks=WEEKS)
    match = _WEEKS.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[1]) <= 78:
        raise InvalidFile(f"retention_period Unsupported value for retention_period: {value}. Supported periods are from 1 to 78 weeks.")
    return timedelta(weeks=int(match[1]))


def _content(encoded: str) -> bytes:
    if len(encoded) > BYTES_MAX * 2:
        raise RefusedFile("Uploaded file exceeds file size limit")
    try:
        content = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedFile("Document is not base64 encoded") from None
    if not content:
        raise RefusedFile("Document must not be empty")
    if len(content) > BYTES_MAX:
        raise RefusedFile("Uploaded file exceeds file size limit")
    return content


def _kind(content: bytes, filename: str | None, *, is_csv: bool) -> str:
    """Give the extension a file is served with; its beginning must be what its name says."""
    begins = next((extensions for start, extensions in _STARTS.items() if content.startswith(start)), _WORDS if _is_words(content) else ())
    if filename is None:
        if not begins or begins[0] in {".docx", ".doc"}:
            raise RefusedFile(_unsupported("of this kind"))
        return ".csv" if is_csv and begins == _WORDS else ".txt" if begins == _WORDS else begins[0]
    if len(filename) > FILENAME_MAX:
        raise RefusedFile(f"`filename` cannot be longer than {FILENAME_MAX} characters")
    extension = "." + filename.rpartition(".")[2].lower()
    if extension not in MIMETYPES or extension not in begins:
        raise RefusedFile(_unsupported(f"'{extension}'"))
    if extension == ".json" and not _is_json(content):
        raise RefusedFile(_unsupported("'.json'"))
    return extension


def _unsupported(what: str) -> str:
    return f"Unsupported file type {what}. Supported types are: {', '.join(repr(extension) for extension in sorted(MIMETYPES))}"


def _is_words(content: bytes) -> bool:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not any(byte < 9 or (13 < byte < 32 and byte != 27) for byte in content[:65536])


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True
