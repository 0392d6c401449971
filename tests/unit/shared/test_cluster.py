"""What we keep in Redis beside the queue, in a server in cluster mode: it refuses calls whose keys belong to different slots."""

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from deploy.engines import valkey
from deploy.system import free_port, wait_until
from identity.providers.limits import Limits as CallLimits
from notify.providers.limits import Limits
from shared.clock import FixedClock
from shared.context import Context
from shared.ids import SeededIds
from shared.redis_address import redis_client
from tests.unit.shared.conftest import make_settings

NOW = datetime(2026, 6, 8, 16, tzinfo=UTC)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """One node that has all slots."""
    port, password = free_port(), secrets.token_hex(12)
    server = valkey.prepare(tmp_path, port=port, password=password, settings=valkey.THROWAWAY_SETTINGS | {"databases": "1"})
    lines = f"cluster-enabled yes\ncluster-config-file {tmp_path}/nodes.conf\ncluster-port {free_port()}\n"
    server.configuration.write_text(server.configuration.read_text() + lines)
    running = subprocess.Popen([str(server.binary), str(server.configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_until(server.ready, 10)
        with redis_client(server.url()) as client:
            client.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
            assert wait_until(lambda: _takes(client), 10)
        yield server.url()
    finally:
        running.kill()
        running.wait(10)


def _takes(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError):  # it has not noticed yet that it has all slots
        return bool(client.set("probe", b"1"))
    return False


def test_the_server_refuses_what_spans_slots(cluster: str) -> None:
    """Without this the next test would prove nothing."""
    with redis_client(cluster) as client, pytest.raises(redis.ResponseError, match="same slot"):
        client.mget(["a", "b"])


def test_limits_of_notify_hold(cluster: str, caplog: pytest.LogCaptureFixture) -> None:
    with redis_client(cluster) as client:
        limits = Limits(client)
        taken = [limits.take("s1", "normal", 3, ("sms", "email"), NOW) for _ in range(3)]
        assert [each.allowed for each in taken] == [True, True, False]
        limits.count({("s1", "sms"): 2, ("s1", "email"): 1, ("s2", "sms"): 5}, NOW)
        assert limits.take("s1", "team", 3, ("sms", "email"), NOW).counts == (2, 1)
        assert limits.counts("s1", ("email", "sms", "letter"), NOW) == [1, 2, 0]
        assert [limits.count_try("a door", 2, 60) > 0 for _ in range(3)] == [False, False, True]
        assert [limits.within_cap("smpp", "NOTIFY", 1, NOW) for _ in range(2)] == [True, False]
    assert caplog.records == []


def test_calls_at_identity_are_counted_and_the_relay_is_woken(
    shared_database: str, cluster: str, clock: FixedClock, ids: SeededIds
) -> None:
    context = Context(make_settings(shared_database, cluster), "toy", clock, ids)
    context.wake_relay()
    assert context.redis.blpop(["andamio:wake:toy"], timeout=1) is not None
    limits = CallLimits(context.redis, clock, b"k" * 32)
    assert [limits.take("client", 2) > 0 for _ in range(3)] == [False, False, True]
    context.close()
