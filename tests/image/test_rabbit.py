"""RabbitMQ as the queue, for real: whole jobs over it, what it tells the relay, and what is done when it was emptied."""

import contextlib
import gc
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kombu import pools
from kombu.connection import Connection

from deploy import docs
from deploy.system import LOOPBACK, free_port, unprivileged_user, wait_until
from shared import outbox
from shared.broker import AWAY, MARKER, broker_at
from shared.context import Context
from shared.relay import Relay
from shared.settings import Secret
from shared.tasks import Jobs
from shared.worker import make_celery, queue_name
from tests.queues import take_one

pytestmark = [
    pytest.mark.image,
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),  # the AMQP library leaves broken sockets lying
]


class Rabbit:
    """A RabbitMQ node of our own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"amqp://guest:guest@{LOOPBACK}:{self.port}//"
        name = f"andamio{self.port}"
        user = unprivileged_user()
        who: dict[str, Any] = {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
        folder.mkdir()
        if user:
            os.chown(folder, user.uid, user.gid)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"{name}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }
        command, null = ["/usr/lib/rabbitmq/bin/rabbitmq-server"], subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, env=self._environment, cwd="/", stdin=null, stdout=null, stderr=null, start_new_session=True, **who
        )

    def answers(self) -> bool:
        """Whether it may be used: it listens last of all."""
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=1):
            return True
        return False

    def empty(self) -> None:
        """Forget every queue, as a node does whose disk was lost."""
        with Connection(self.address) as connection, connection.channel() as channel:  # type: ignore[no-untyped-call]
            for queue in (queue_name("pay", ""), MARKER + "pay"):
                channel.queue_delete(queue)

    def stop(self) -> None:
        """End it, and the port mapper that it started."""
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(30)
        epmd = shutil.which("epmd")
        if epmd:
            subprocess.run([epmd, "-kill"], env=self._environment, capture_output=True, check=False, timeout=10)


@pytest.fixture(autouse=True)
def connections_are_closed() -> Iterator[None]:
    """Celery keeps connections for as long as its process lives."""
    yield
    pools.reset()  # type: ignore[no-untyped-call]  # kombu has no types
    gc.collect()


@pytest.fixture(scope="module")
def rabbit(run_folder: Path) -> Iterator[Rabbit]:
    node = Rabbit(run_folder / "rabbit")
    try:
        assert wait_until(node.answers, 60)
        yield node
    finally:
        node.stop()


@pytest.fixture
def context(rabbit: Rabbit, database: Callable[[str], str], redis_url: str) -> Iterator[Context]:
    app = docs.app_of("pay", database_url=Secret(database("pay")), redis_url=Secret(redis_url))
    made: Context = app.extensions["andamio"].context
    made.settings = replace(made.settings, broker_url=Secret(rabbit.address))
    yield made
    made.close()


def enqueue(context: Context, count: int) -> None:
    with context.transaction() as tx:
        for number in range(count):
            tx.enqueue("note", {"number": number})


def left(context: Context) -> outbox.Depth:
    with context.db.begin() as connection:
        return outbox.depth(connection, context.clock.now())


def test_jobs_go_over_it_and_what_an_emptied_one_had_is_published_again(context: Context, rabbit: Rabbit) -> None:
    ran: list[int] = []
    jobs: Jobs[Context] = Jobs()
    jobs.job("note")(lambda _context, job: ran.append(job.payload["number"]))
    celery = make_celery(context, jobs, runner="pay-1")
    relay, broker = Relay(context, celery, jobs), broker_at(rabbit.address)
    relay.notice_lost_queue()
    enqueue(context, 30)
    assert relay.dispatch_once() == 30
    assert wait_until(lambda: broker.waiting([queue_name("pay", "")]) == [2], 10), "two messages of at most 25 rows"
    relay.notice_lost_queue()
    assert relay.dispatch_once() == 0, "it has what it had"
    rabbit.empty()
    relay.notice_lost_queue()
    assert relay.dispatch_once() == 30, "it was emptied"
    for _ in range(2):
        assert wait_until(lambda: take_one(celery, queue_name("pay", "")), 10)
    assert sorted(ran) == list(range(30))
    assert left(context) == outbox.Depth(0, 0, 0, 0.0)
    broker.close()


def test_one_that_is_away_says_so() -> None:
    with contextlib.closing(broker_at(f"amqp://guest:guest@{LOOPBACK}:{free_port()}//")) as broker, pytest.raises(AWAY):
        broker.waiting(["anything"])
