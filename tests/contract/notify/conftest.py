"""What tests of notify ask for."""

from tests.factories.notify_fixtures import app, client, notify, run_jobs, world

__all__ = ["app", "client", "notify", "run_jobs", "world"]
