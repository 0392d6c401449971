"""Addresses of Redis or Valkey: one server, or the one that Sentinels name.

```
redis://:PASSWORD@HOST:PORT/0                      one server (rediss:// with TLS)
sentinel://:PASSWORD@HOST:26379,HOST:26379/NAME/0  the server that the Sentinels call NAME, whichever machine it is on just now
```
"""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

SENTINEL_PORT = 26379


def redis_client(address: str, *, socket_timeout: float = 2.0, socket_connect_timeout: float = 0.5) -> "Redis":
    """Return a client of the server at an address, or of the one that its Sentinels name.

    A call is repeated once, for a connection that an engine's restart broke; the library itself would wait for seconds.
    """
    retry = Retry(NoBackoff(), 1)
    if urlsplit(address).scheme != "sentinel":
        return Redis.from_url(address, socket_timeout=socket_timeout, socket_connect_timeout=socket_connect_timeout, retry=retry)
    place = Watched.parse(address)
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py left it without types
        place.sentinels,
        sentinel_kwargs={"socket_timeout": socket_connect_timeout, "socket_connect_timeout": socket_connect_timeout},
        username=place.username,
        password=place.password,
        db=place.database,
        socket_timeout=socket_timeout,
        socket_connect_timeout=socket_connect_timeout,
        retry=retry,
    )
    client: Redis = sentinel.master_for(place.name)  # type: ignore[no-untyped-call]  # as above
    return client


@dataclass(frozen=True)
class Watched:
    """A server that Sentinels watch, as an address names it."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    database: int
    username: str | None
    password: str | None = field(repr=False)

    @classmethod
    def parse(cls, address: str) -> "Watched":
        """Read an address.  Raises: ValueError."""
        parts = urlsplit(address)
        who, _, places = parts.netloc.rpartition("@")
        username, _, password = who.partition(":")
        name, _, database = parts.path.strip("/").partition("/")
        if not (places and name):
            raise ValueError("names no Sentinel or no server")
        sentinels = tuple((host, int(port or SENTINEL_PORT)) for host, _, port in (place.partition(":") for place in places.split(",")))
        return cls(sentinels, name, int(database or 0), unquote(username) or None, unquote(password) or None)
