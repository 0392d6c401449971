"""Redirect addresses: strict when registered, compared as exact strings.  Spec: RFC 9700 §2.1, RFC 8252, identity-oidc AZ-3, AZ-4."""

import ipaddress
import re
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_LOOPBACK_PORT = re.compile(r"http://(127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?(/.*)?")
_PLAIN = re.compile(r"[\x21-\x7e]{1,2000}")
_ENCODED_SLASH = re.compile(r"%(2f|5c|2e)", re.I)


def fault_of(uri: str, *, native: bool = False, loopback: bool = False) -> str | None:
    """Return what is wrong with an address that a client wants to register, or None.

    `native` allows private-use schemes with a dot and loopback; `loopback` is for the sandbox.
    """
    try:
        parts = urlsplit(uri)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "is not a URI"
    is_web = parts.scheme in {"https", "http"}
    faults = {
        "must be printable ASCII of at most 2000 characters": not _PLAIN.fullmatch(uri),
        "must not have a fragment": "#" in uri,
        "must not have a wildcard": "*" in uri,
        "must be https": not is_web and not (native and "." in parts.scheme),
        "must have a host and no user part": is_web and (not host or "@" in parts.netloc),
        "must not have dot segments or encoded slashes": _has_tricks(uri, parts.path),
        "must be https, or loopback where that is allowed": parts.scheme == "http" and not (host in LOOPBACK and (native or loopback)),
    }
    return next((text for text, is_so in faults.items() if is_so), None)


def _has_tricks(uri: str, path: str) -> bool:
    return "\\" in uri or bool({".", ".."} & set(path.split("/"))) or bool(_ENCODED_SLASH.search(path))


def _without_port(uri: str) -> tuple[str, str] | None:
    found = _LOOPBACK_PORT.fullmatch(uri)
    return (found[1], found[2] or "") if found else None


def is_registered(given: str, registered: tuple[str, ...], *, native: bool = False) -> bool:
    """Answer whether an address is one of the registered ones, as an exact string.

    For native apps the port of `http://127.0.0.1` and `http://[::1]` is free.  Spec: RFC 8252 §7.3.
    """
    if given in registered:
        return True
    bare = _without_port(given) if native else None
    return bare is not None and bare in {_without_port(uri) for uri in registered}


def origin_of(uri: str) -> str:
    """Return scheme and host of an address."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def sector_of(redirect_uris: tuple[str, ...]) -> str | None:
    """Return the one host of all addresses, or None when there are several.  Spec: OpenID Connect Core §8.1."""
    hosts = {urlsplit(uri).hostname or urlsplit(uri).scheme for uri in redirect_uris}
    return hosts.pop() if len(hosts) == 1 else None


def is_ip(uri: str, *, loopback: bool = False) -> bool:
    """Answer whether the host is an address in figures; this machine's own counts only without `loopback` (RG-3)."""
    host = urlsplit(uri).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not (loopback and host in LOOPBACK)
