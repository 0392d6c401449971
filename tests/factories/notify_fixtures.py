"""Fixtures of notify for every kind of test: real engines, providers in memory, one service with keys and templates."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from notify.app import create_app
from notify.context import Notify
from notify.providers.memory import MemoryEmail, MemoryMailbox, MemoryPrint, MemorySms
from notify.standards.statuses import Status
from notify.tasks import jobs
from shared import outbox
from shared.clock import FixedClock
from shared.tasks import run_leased
from tests.factories.notify import World, make_world, settings

RunJobs = Callable[[], int]


@pytest.fixture
def app(database: Callable[[str], str], redis_url: str, clock: FixedClock) -> Iterator[Flask]:
    """notify's application on its own database."""
    made = create_app(settings(database("notify"), redis_url), clock=clock)
    notify: Notify = made.extensions["andamio"].context
    notify.email = MemoryEmail(status=Status.DELIVERED)
    notify.sms = MemorySms()
    notify.printer = MemoryPrint()
    notify.mailbox = MemoryMailbox()
    yield made
    notify.close()


@pytest.fixture
def notify(app: Flask) -> Notify:
    """The context of that application."""
    context: Notify = app.extensions["andamio"].context
    return context


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller without credentials."""
    return app.test_client()


@pytest.fixture
def world(notify: Notify) -> World:
    """A live service with a key of each type and a template of each channel."""
    return make_world(notify)


@pytest.fixture
def run_jobs(notify: Notify) -> RunJobs:
    """Run what is due in the outbox, as relay and worker do, until nothing is; give how many jobs ran."""

    def run() -> int:
        return run_due(notify)

    return run


def run_due(notify: Notify) -> int:
    ran = 0
    while True:
        with notify.db.begin() as connection:
            rows = outbox.lease_due(connection, notify.clock.now(), limit=100)
        if not rows:
            return ran
        for row in rows:
            ran += run_leased(notify, jobs, row.job, row.id, row.lease, runner="test")
