"""One image for every role of every service, small and without what it does not need."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from deploy.sandbox.environment import environment
from deploy.sandbox.plan import Engines, Plan
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.system import free_port, wait_until
from tests.image.conftest import Image

pytestmark = [pytest.mark.image, pytest.mark.timeout(1200), pytest.mark.xdist_group("image")]
ROOT = Path(__file__).resolve().parents[2]
DRAIN_SECONDS = 30


def variables(service: str, database_url: str, redis_url: str) -> dict[str, str]:
    plan = Plan(ROOT, Ports(8000), bytes(32), Engines("postgresql://nobody@localhost/none", "redis://localhost"))
    prefix = service.upper()
    return environment(plan, service) | {f"{prefix}_DATABASE_URL": database_url, f"{prefix}_REDIS_URL": redis_url}


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_migrates_serves_and_drains(
    image: Image, database: Callable[[str], str], empty_database: Callable[[str], str], redis_url: str, service: str
) -> None:
    """One from nothing; the others read all their migrations and find that they are done, which takes a fifth of the time."""
    made = empty_database if service == "pay" else database
    settings = variables(service, made(service), redis_url)
    subprocess.run(image.run("andamio", "migrate", service, environment=settings), check=True, capture_output=True)
    port = free_port()
    web = subprocess.Popen(
        image.run("andamio", "serve", service, "--port", str(port), environment=settings), stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        assert wait_until(lambda: answers(port) or web.poll() is not None, 60), "not ready within a minute"
        assert web.poll() is None, web.stderr.read() if web.stderr else ""
        assert subprocess.run(image.run("andamio", "health", "--port", str(port)), check=False).returncode == 0
    finally:
        begun = time.monotonic()
        os.killpg(web.pid, signal.SIGTERM)
        web.communicate(timeout=DRAIN_SECONDS)
    assert time.monotonic() - begun < DRAIN_SECONDS
    assert subprocess.run(image.run("andamio", "health", "--port", str(port)), check=False).returncode == 1


@pytest.mark.parametrize("role", ["worker", "relay"])
def test_the_same_image_works_in_the_background(image: Image, database: Callable[[str], str], redis_url: str, role: str) -> None:
    settings = variables("pay", database("pay"), redis_url)
    ready = f"/tmp/{role}.ready"
    process = subprocess.Popen(image.run("andamio", role, "pay", "--ready-file", ready, environment=settings), start_new_session=True)
    try:
        there = image.run("test", "-e", ready)
        assert wait_until(lambda: subprocess.run(there, check=False, capture_output=True).returncode == 0, 60, pause_seconds=0.5)
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=DRAIN_SECONDS)


def test_it_backs_up_with_a_client_of_its_own(image: Image, database: Callable[[str], str], redis_url: str) -> None:
    settings = {name: value for each in SERVICES for name, value in variables(each, database(each), redis_url).items()}
    done = subprocess.run(image.run("andamio", "backup", "/tmp/backup", environment=settings), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "audit_entries" in image.output("pg_restore", "--list", "/tmp/backup/pay.dump")


def test_it_has_the_commands_of_a_services_operators(image: Image) -> None:
    """As the documents have them: who has the image alone could enter no body into the wallet, and erase nobody, otherwise."""
    settings = variables("wallet", "postgresql://nobody@localhost/none", "redis://localhost")
    command = image.run("flask", "--app", "wallet.app", "wallet", "registry", "--help", environment=settings)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: flask wallet registry" in done.stdout


def test_it_runs_as_nobody_in_particular_and_has_no_tools(image: Image) -> None:
    assert image.output("id", "-u").strip() == "10001"
    tools = "for tool in gcc cc g++ make git curl wget pip; do command -v $tool /opt/andamio/bin/$tool; done; true"
    assert image.output("sh", "-c", tools) == ""


def test_it_holds_the_program_and_nothing_else_of_the_checkout(image: Image) -> None:
    there = set(image.output("ls", "-A", "/srv/andamio").split())
    assert there == {"LICENSE", "pyproject.toml", "shared", "deploy", *SERVICES}


def test_the_program_cannot_write_to_itself(image: Image) -> None:
    writable = image.output(
        "sh", "-c", "find / -xdev -writable -type f ! -path '/proc/*' ! -path '/sys/*' ! -path '/tmp/*' ! -path '/dev/*' 2>/dev/null; true"
    )
    assert writable == ""
