"""The engines of the queue by the form of their address: Redis or Valkey, the same behind Sentinels, or RabbitMQ.

`redis://`, `rediss://` and `sentinel://` are as in `shared/redis_address.py`; `amqp://USER:…@HOST:5672/VHOST` (with TLS
`amqps://`) is RabbitMQ, for the queue alone.

The queue carries ids and is never the truth (`shared/worker.py`), so a broker has to tell two things only: how much waits, and
whether it lost what it had.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from amqp.exceptions import AMQPError, NotFound
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from shared.redis_address import Watched, redis_client

AWAY = (RedisError, OperationalError, AMQPError, OSError)
"""What a call to the queue's engine raises while it is away."""
MARKER = "andamio:relay-marker:"
_REDIS_OPTIONS: Mapping[str, object] = {
    "visibility_timeout": 60,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "health_check_interval": 10,
}
_AMQP_OPTIONS: Mapping[str, object] = {"confirm_publish": True, "connect_timeout": 2}
ANSWER_SECONDS = 5


class Broker(Protocol):
    """What the relay asks of the queue's engine.  Each call may raise one of AWAY."""

    def waiting(self, queues: Sequence[str]) -> list[int]:
        """Count the messages of each queue that nobody took yet."""

    def has_lost(self, service: str) -> bool:
        """Return whether it was restarted or emptied since `has_kept` was called last."""

    def has_kept(self, service: str, queues: Sequence[str]) -> None:
        """Note that what it has from now on in these queues is to be missed."""

    def close(self) -> None:
        """Give connections back."""


def celery_settings(address: str) -> dict[str, object]:
    """Return the part of a Celery configuration that depends on the engine."""
    scheme = urlsplit(address).scheme
    if scheme in {"amqp", "amqps"}:
        return {"broker_url": address, "broker_transport_options": dict(_AMQP_OPTIONS)}
    if scheme != "sentinel":
        return {"broker_url": address, "broker_transport_options": dict(_REDIS_OPTIONS)}
    place, who = Watched.parse(address), urlsplit(address).netloc.rpartition("@")[0]
    nodes = [f"sentinel://{who}@{host}:{port}/{place.database}" for host, port in place.sentinels]
    return {"broker_url": ";".join(nodes), "broker_transport_options": {**_REDIS_OPTIONS, "master_name": place.name}}


def broker_at(address: str) -> Broker:
    """Return the queue's engine at an address."""
    if urlsplit(address).scheme in {"amqp", "amqps"}:
        return RabbitBroker(address)
    return RedisBroker(redis_client(address))


class RedisBroker:
    """Redis or Valkey.  A marker with the server's run id stands beside the queue: another id, or no marker, and messages were lost."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def waiting(self, queues: Sequence[str]) -> list[int]:
        """Count the messages of each queue that nobody took yet."""
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.llen(queue)
            return [int(count) for count in pipe.execute()]

    def has_lost(self, service: str) -> bool:
        """Return whether it was restarted or emptied since `has_kept`."""
        kept = self._redis.get(MARKER + service)
        return not isinstance(kept, bytes) or kept.decode() != self._run_id()

    def has_kept(self, service: str, queues: Sequence[str]) -> None:
        """Leave the marker; queues come into being by themselves."""
        self._redis.set(MARKER + service, self._run_id())

    def close(self) -> None:
        """Give connections back."""
        self._redis.close()

    def _run_id(self) -> str:
        return str(self._redis.info("server")["run_id"])


class RabbitBroker:
    """RabbitMQ.  Queues and messages outlast a restart; an empty queue of our own is the marker that it was emptied."""

    def __init__(self, address: str) -> None:
        options = {**_AMQP_OPTIONS, "read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}
        self._connection: Any = Connection(address, transport_options=options)  # type: ignore[no-untyped-call]  # Any: kombu has no types

    def waiting(self, queues: Sequence[str]) -> list[int]:
        """Count the messages of each queue that nobody took yet."""
        return [self._messages(queue) or 0 for queue in queues]

    def has_lost(self, service: str) -> bool:
        """Return whether it was emptied since `has_kept`."""
        return self._messages(MARKER + service) is None

    def has_kept(self, service: str, queues: Sequence[str]) -> None:
        """Make the queues, since what is sent to one that is not there is dropped, and the marker."""
        for queue in (*queues, MARKER + service):
            self._ask(queue, durable=True, auto_delete=False)

    def close(self) -> None:
        """Give connections back."""
        self._connection.close()

    def _messages(self, queue: str) -> int | None:
        """Count the messages of a queue; None where there is no such queue."""
        try:
            return self._ask(queue, passive=True)
        except NotFound:
            return None

    def _ask(self, queue: str, **options: bool) -> int:
        try:
            self._connection.ensure_connection(max_retries=1, interval_start=0)
            with self._connection.channel() as channel:
                return int(channel.queue_declare(queue, **options).message_count)
        except NotFound:
            raise
        except (AMQPError, OSError):
            self._connection.close()
            raise
