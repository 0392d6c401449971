"""The Redis-protocol server: on loopback, behind a password, and what it holds outlives it."""

import os
import signal

import pytest
import redis

from deploy.engines import valkey
from deploy.errors import CannotStart
from deploy.supervisor import Supervisor
from deploy.system import free_port, wait_until

SECONDS = 20.0


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / 'has "spaces"'
    supervisor = Supervisor(folder)
    made = valkey.prepare(folder, port=free_port(), password="generated")
    supervisor.start(made.program())
    supervisor.wait_ready(SECONDS)
    yield made, supervisor
    supervisor.stop()


def test_the_password_is_asked_for_and_stands_in_a_private_file(server):
    made, _ = server
    with redis.Redis.from_url(made.url().replace("generated", "guessed")) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    assert made.configuration.stat().st_mode & 0o077 == 0
    assert "generated" not in " ".join(made.program().command)


def test_what_was_stored_survives_kill_9(server):
    made, supervisor = server
    with redis.Redis.from_url(made.url(3)) as client:
        client.set("waiting", "yes")
        os.kill(supervisor.children["valkey"].process.pid, signal.SIGKILL)

        def answers():
            supervisor.tend()
            return made.ready()

        assert wait_until(lambda: not answers(), SECONDS)
        assert wait_until(answers, SECONDS)
    with redis.Redis.from_url(made.url(3)) as client:
        assert client.get("waiting") == b"yes"


def test_when_memory_runs_out_it_refuses_rather_than_forgets(server):
    made, _ = server
    with redis.Redis.from_url(made.url()) as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("bind")["bind"] == "127.0.0.1"
        assert client.config_get("appendonly")["appendonly"] == "yes"


def test_it_is_not_ready_when_nothing_listens(tmp_path):
    assert not valkey.prepare(tmp_path, port=free_port(), password="x").ready()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "valkey").touch()
    with pytest.raises(CannotStart, match="cannot be written to"):
        valkey.prepare(tmp_path, port=1, password="x")


def test_the_machines_own_server_is_taken_before_the_wheels(tmp_path, monkeypatch):
    own = tmp_path / "redis-server"
    own.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert valkey.find_binary() == own


def test_without_any_server_the_ways_out_are_named(monkeypatch):
    monkeypatch.setattr(valkey.shutil, "which", lambda name: None)
    monkeypatch.setattr(valkey.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(CannotStart, match=r"no valkey-server or redis-server .*ANDAMIO_REDIS_URL"):
        valkey.find_binary()
