"""Parameters, scopes and Basic credentials of OAuth 2.  Spec: RFC 6749, identity-oidc §2.3, §2.6."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode, urlsplit, urlunsplit

from identity.errors import InvalidClient, OAuthInvalidRequest

REPEATABLE = frozenset({"resource", "audience"})
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_NOT_PLAIN = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
FIELDS_MAX = 64


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request: each at most once, empty ones left out."""

    one: dict[str, str] = field(default_factory=dict)
    many: dict[str, tuple[str, ...]] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()

    def get(self, name: str) -> str | None:
        """Return the value of a parameter that may come once."""
        return self.one.get(name)

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of a parameter that may repeat."""
        return self.many.get(name, ())

    def refuse_repeated(self) -> None:
        """Refuse parameters that came twice (HT-1).  Raises: OAuthInvalidRequest."""
        if self.repeated:
            raise OAuthInvalidRequest("a parameter is given more than once")


def decode_form(raw: bytes) -> list[tuple[str, str]]:
    """Decode `application/x-www-form-urlencoded` strictly.

    Raises: OAuthInvalidRequest for other bytes than UTF-8, NUL, or too many fields.
    """
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=FIELDS_MAX)
    except (UnicodeDecodeError, ValueError):
        raise OAuthInvalidRequest("the parameters cannot be read") from None
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise OAuthInvalidRequest("the parameters cannot be read")
    return pairs


def read_parameters(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Sort parameters; an empty value counts as absent (HT-2), a name seen twice is kept in `repeated` (HT-1)."""
    one: dict[str, str] = {}
    many: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    repeated: set[str] = set()
    for name, value in pairs:
        if name in REPEATABLE:
            if value:
                many[name] = (*many.get(name, ()), value)
            continue
        if name in seen:
            repeated.add(name)
        seen.add(name)
        if value:
            one.setdefault(name, value)
    return Parameters(one, many, frozenset(repeated))


def parse_scope(text: str | None) -> tuple[str, ...]:
    """Split a scope into its words, in order, each once.

    Raises: OAuthInvalidRequest for characters that a scope cannot have.  Spec: RFC 6749 §3.3.
    """
    words = tuple(dict.fromkeys(text.split(" "))) if text else ()
    words = tuple(word for word in words if word)
    if not all(SCOPE.fullmatch(word) for word in words):
        raise OAuthInvalidRequest("malformed scope")
    return words


def parse_basic(header: str) -> tuple[str, str]:
    """Return client id and secret of an `Authorization: Basic` header; both halves are form-urlencoded (CA-3).

    Raises: InvalidClient.
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("the Authorization header is not of a kind taken here")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = text.partition(":")
        client_id, secret = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidClient("malformed Basic credentials") from None
    if not colon or not client_id or not secret or "\x00" in client_id:
        raise InvalidClient("malformed Basic credentials")
    return client_id, secret


def add_to_query(uri: str, values: dict[str, str]) -> str:
    """Return the URI with values added to its query; what was there stays byte for byte."""
    parts = urlsplit(uri)
    added = urlencode(values, quote_via=quote)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def plain_description(text: str) -> str:
    """Return a text that may stand in `error_description`: printable ASCII without quote and backslash (HT-5)."""
    return _NOT_PLAIN.sub("?", text)[:200]
