"""The queue behind Sentinels, for real: a server, its replica, a Sentinel; and what each form of address says to Celery."""

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kombu import pools

from deploy.engines import valkey
from deploy.system import LOOPBACK, free_port, wait_until
from shared.broker import broker_at, celery_settings
from shared.clock import FixedClock
from shared.context import Context
from shared.ids import SeededIds
from shared.redis_address import redis_client
from shared.relay import Relay
from shared.tasks import Jobs
from shared.worker import make_celery, queue_name
from tests.queues import take_one
from tests.unit.shared.conftest import make_settings

NAME = "main"


@dataclass
class Watched:
    """Servers that a Sentinel watches; `address` finds whichever is the first of them."""

    address: str
    first: "subprocess.Popen[bytes]"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    password, ports = secrets.token_hex(12), (free_port(), free_port())
    sentinel_port = free_port()
    with contextlib.ExitStack() as stack:
        servers = []
        for port, follows in zip(ports, ("", f"replicaof {LOOPBACK} {ports[0]}\n"), strict=True):
            folder = tmp_path / str(port)
            server = valkey.prepare(folder, port=port, password=password, settings=valkey.THROWAWAY_SETTINGS)
            lines = f'masterauth "{password}"\nrepl-diskless-sync-delay 0\n{follows}'
            server.configuration.write_text(server.configuration.read_text() + lines)
            servers.append(_started(stack, [str(server.binary), str(server.configuration)]))
            assert wait_until(server.ready, 10)
        configuration = tmp_path / "sentinel.conf"
        configuration.write_text(
            f"bind {LOOPBACK}\nport {sentinel_port}\ndir {tmp_path}\nsentinel monitor {NAME} {LOOPBACK} {ports[0]} 1\n"
            f"sentinel auth-pass {NAME} {password}\nsentinel down-after-milliseconds {NAME} 300\nsentinel failover-timeout {NAME} 2000\n"
        )
        _started(stack, [str(valkey.find_binary()), str(configuration), "--sentinel"])
        watcher = redis_client(f"redis://{LOOPBACK}:{sentinel_port}")
        stack.callback(watcher.close)
        assert wait_until(lambda: _knows_a_replica(watcher), 15), "the Sentinel does not see the replica"
        yield Watched(f"sentinel://:{password}@{LOOPBACK}:{sentinel_port}/{NAME}/1", servers[0])


def _started(stack: contextlib.ExitStack, command: list[str]) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait, 10)
    stack.callback(process.kill)
    return process


def _knows_a_replica(watcher: object) -> bool:
    with contextlib.suppress(Exception):  # it is starting
        return int(watcher.execute_command("SENTINEL", "MASTER", NAME)[b"num-slaves"]) == 1  # type: ignore[attr-defined]
    return False


def test_when_the_first_server_dies_what_it_had_is_published_to_the_next(
    shared_database: str, watched: Watched, clock: FixedClock, ids: SeededIds
) -> None:
    context = Context(make_settings(shared_database, watched.address), "toy", clock, ids)
    ran: list[int] = []
    jobs: Jobs[Context] = Jobs()
    jobs.job("note")(lambda _context, job: ran.append(job.payload["number"]))
    celery = make_celery(context, jobs, runner="toy-1")
    relay = Relay(context, celery, jobs)
    relay.notice_lost_queue()
    with context.transaction() as tx:
        for number in range(3):
            tx.enqueue("note", {"number": number})
    assert relay.dispatch_once() == 3
    with contextlib.closing(broker_at(watched.address)) as broker:
        assert broker.waiting([queue_name("toy", ""), queue_name("toy", "bulk")]) == [1, 0]
    watched.first.kill()
    assert wait_until(lambda: _answers(context), 20), "nobody took over"
    relay.notice_lost_queue()
    assert relay.dispatch_once() == 3, "the next server has another run id"
    for _ in range(10):
        if not take_one(celery, queue_name("toy", "")):
            break
    assert sorted(ran) == [0, 1, 2]
    context.close()
    pools.reset()


def _answers(context: Context) -> bool:
    with contextlib.suppress(Exception):  # it is being chosen
        return bool(context.redis.set("probe", b"1"))
    return False


@pytest.mark.parametrize(
    ("address", "url", "options"),
    [
        ("redis://:p@one:6379/2", "redis://:p@one:6379/2", {"visibility_timeout": 60}),
        ("rediss://:p@one/2", "rediss://:p@one/2", {"visibility_timeout": 60}),
        (
            "sentinel://:p@one:26379,two/main/2",
            "sentinel://:p@one:26379/2;sentinel://:p@two:26379/2",
            {"visibility_timeout": 60, "master_name": "main"},
        ),
        ("amqp://who:p@one/house", "amqp://who:p@one/house", {"confirm_publish": True}),
    ],
)
def test_celery_is_told_what_the_address_says(address: str, url: str, options: dict[str, object]) -> None:
    told = celery_settings(address)
    assert told["broker_url"] == url
    assert options.items() <= dict(told["broker_transport_options"]).items()  # type: ignore[call-overload]
