"""Calls to others: time-outs, size caps, and no way into the private network (SSRF guard).

The address is resolved here, checked, and the connection is made to that very address, so that a name cannot answer once
for the check and once for the call.  Redirects are not followed.
"""

import ipaddress
import json as json_module
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlencode

import httpcore
import httpx
from opentelemetry.trace import SpanKind

from shared import telemetry, trace

DEFAULT_TIMEOUT_SECONDS = 10.0
DEFAULT_BYTES_MAX = 1024 * 1024
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
RESOLVERS_MAX = 8
"""Names that are resolved at the same time: strangers choose some of them, and theirs may be slow."""


class OutboundError(Exception):
    """A call to another party did not work out; no text of theirs is in it.

    ```
    OutboundError
    ├── OutboundRefused    we do not call that address
    ├── OutboundTimeout    no answer in time: whether they acted is not known
    └── OutboundFailed     no connection, a broken answer, or one over the size cap
    ```
    """


class OutboundRefused(OutboundError):
    """The address is private, not http(s), or has a user name in it: not called."""


class OutboundTimeout(OutboundError):
    """No answer in time: whether they acted is not known."""


class OutboundFailed(OutboundError):
    """No connection, a broken answer, or one over the size cap.  `sent` tells whether they may have acted."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


@dataclass(frozen=True)
class Reply:
    """What the other party answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # what they sent, of any shape: the caller checks it
        """Return the body read as JSON.  Raises: OutboundFailed."""
        try:
            return json_module.loads(self.body)
        except (ValueError, RecursionError):
            raise OutboundFailed("the answer is not JSON", sent=True) from None


GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """True for addresses that are routed on the public internet; one of IPv6 that stands for one of IPv4 is taken as that."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        within = ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in NAT64 else None)
        if within is not None:
            return within.is_global and not within.is_multicast
        return ip.is_global and ip in GLOBAL_UNICAST
    return ip.is_global and not ip.is_multicast


def is_public_address(text: str) -> bool:
    """The same for a text that may be no address at all."""
    try:
        return is_public(text)
    except ValueError:
        return False


def subscriber_of(address: str) -> str:
    """Return what one subscriber has: an address of IPv4, the first 64 bits of IPv6."""
    ip = ipaddress.ip_address(address)
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network(f"{ip}/64", strict=False))


_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))
"""When the present call must be over, by the monotonic clock; a connection that was kept serves many calls."""


def _left(timeout: float | None) -> float:
    """Return the seconds that one step may take.  Raises: ReadTimeout when the call's time is over."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the call took too long")
    return left if timeout is None else min(timeout, left)


class _TimedStream(httpcore.NetworkStream):
    """A connection on which the time of the whole call counts, so that nobody can hold us by a byte of a header now and then."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:  # as httpcore has it
        return self._inner.get_extra_info(info)


class _GuardedBackend(httpcore.NetworkBackend):
    """Resolves, checks and connects; a private address is refused unless its `host:port` is on the list."""

    def __init__(self, private_hosts: Iterable[str]) -> None:
        self._private_hosts = frozenset(private_hosts)
        self._inner = httpcore.SyncBackend()
        self._resolvers = ThreadPoolExecutor(RESOLVERS_MAX, thread_name_prefix="names")

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port, _left(timeout))
        if f"{host}:{port}" not in self._private_hosts and not all(is_public(address) for address in addresses):
            raise OutboundRefused("the address is private")
        error: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                if _deadline.get() <= time.monotonic():
                    raise httpcore.ConnectTimeout("no connection in time")
                return _TimedStream(self._inner.connect_tcp(address, port, _left(timeout), local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
        raise error

    def _addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """Resolve a name.  The system's resolver has no time-out of its own, so it is asked on a thread that is not waited for longer."""
        asked = self._resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = asked.result(seconds)
        except TimeoutError:
            asked.cancel()
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("name not found") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        raise OutboundRefused("sockets of this machine are not called")

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@cache
def _trusting(authorities: str) -> ssl.SSLContext:
    """Reading all the usual authorities takes long, and all clients of a process trust the same."""
    return ssl.create_default_context(cafile=authorities) if authorities else httpx.create_ssl_context(trust_env=False)


@lru_cache(maxsize=256)  # the same few are called again and again
def _target(url: str) -> httpcore.URL:
    """Read an address.  Raises: OutboundRefused."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        raise OutboundRefused("not an address") from None
    if parts.scheme not in {"http", "https"} or not parts.host or parts.userinfo:
        raise OutboundRefused("only plain http(s) addresses are called")
    return httpcore.URL(scheme=parts.raw_scheme, host=parts.raw_host, port=parts.port, target=parts.raw_path)


class Outbound:
    """The one HTTP client of a process.  Thread-safe; keeps connections open, and nobody's cookies."""

    def __init__(self, *, private_hosts: Iterable[str] = (), user_agent: str = "andamio", authorities: str = "") -> None:
        """`private_hosts`: `host:port` that may be called although the address is private.

        `authorities`: a PEM file of those whose certificates are trusted; empty: the usual ones.
        """
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusting(authorities),
            network_backend=_GuardedBackend(private_hosts),
            max_connections=32,
            max_keepalive_connections=16,
            keepalive_expiry=20.0,
        )
        self._headers = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": user_agent}

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        max_bytes: int = DEFAULT_BYTES_MAX,
    ) -> Reply:
        """Make one call and return whatever was answered, any status.

        `timeout_seconds` bounds the whole call.  Raises: OutboundRefused, OutboundTimeout, OutboundFailed.
        """
        target = _target(url)
        content, kind = _content(method, json, data, files, body)
        sent = httpx.Headers(self._headers | kind | _trace_headers())
        sent.update(headers or {})
        mark = _deadline.set(time.monotonic() + timeout_seconds)
        span = telemetry.span(f"call {method} {target.host.decode()}", kind=SpanKind.CLIENT)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_seconds)
        try:
            with span, self._pool.stream(method, target, headers=sent.raw, content=content, extensions={"timeout": timeouts}) as response:
                return _read(response, max_bytes)
        except httpcore.ConnectTimeout:
            raise OutboundFailed("no connection in time", sent=False) from None
        except httpcore.TimeoutException:
            raise OutboundTimeout("no answer in time") from None
        except httpcore.ConnectError:
            raise OutboundFailed("no connection", sent=False) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.DecodingError):
            raise OutboundFailed("the connection broke", sent=True) from None
        finally:
            _deadline.reset(mark)

    def close(self) -> None:
        """Close the connections that were kept open."""
        self._pool.close()


def _content(
    method: str, json: object, data: Mapping[str, str] | None, files: Mapping[str, tuple[str, bytes, str]] | None, body: bytes | None
) -> tuple[bytes | None, dict[str, str]]:
    """Give the body of a call and what kind it is of."""
    if json is not None:
        text = json_module.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode(), {"Content-Type": "application/json"}
    if files is not None:
        form = httpx.Request("POST", "http://form", data=data, files=files)
        return form.read(), {"Content-Type": form.headers["Content-Type"]}
    if data is not None:
        return urlencode(data).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return body or (None if method in _WITHOUT_BODY else b""), {}


def _trace_headers() -> dict[str, str]:
    ids = {trace.REQUEST_HEADER: trace.request_id(), trace.JOURNEY_HEADER: trace.journey_id()}
    return {name: value for name, value in ids.items() if value} | telemetry.outgoing_headers()


def _read(response: httpcore.Response, max_bytes: int) -> Reply:
    """Read an answer whole.  Raises: OutboundFailed."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    chunks: list[bytes] = []
    size = 0
    for chunk in _unpacked(response, headers):
        size += len(chunk)
        if size > max_bytes:
            raise OutboundFailed("the answer is too large", sent=True)
        chunks.append(chunk)
    return Reply(response.status, headers, b"".join(chunks))


def _unpacked(response: httpcore.Response, headers: Mapping[str, str]) -> Iterator[bytes]:
    """Give an answer piece by piece, unpacked where it was sent packed: what is counted is what it has become."""
    if "content-encoding" not in headers:
        return iter(response.iter_stream())
    return httpx.Response(response.status, headers=response.headers, content=response.iter_stream()).iter_bytes()
