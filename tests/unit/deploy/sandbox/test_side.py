import smtplib
import socket

import httpx
import pytest

from deploy.errors import CannotStart
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.sandbox.side import running
from deploy.system import port_is_free
from shared.clock import SystemClock
from tests.sandboxes import free_base


@pytest.fixture
def plan(plan: Plan) -> Plan:
    """The same sandbox on ports that nobody uses."""
    return Plan(plan.folder, Ports(free_base()), plan.seed)


def test_all_four_sites_and_the_mail_server_listen_and_stop(plan: Plan) -> None:
    with running(plan, SystemClock()):
        for name in ("front", "inbox", "example", "registry", "banks"):
            assert httpx.get(f"{plan.ports.url(name)}/healthz").status_code == 200
        with smtplib.SMTP(*plan.smtp, timeout=10) as client:
            client.sendmail("a@b.cl", ["camila@example.com"], "Subject: Hola\r\n\r\nHola")
        assert [m["to"] for m in httpx.get(f"{plan.urls.inbox}/api/messages").json()["messages"]] == ["camila@example.com"]
    assert all(port_is_free(plan.ports.of(name)) for name in ("front", "inbox", "example", "registry", "banks", "smtp"))


def test_what_arrived_is_still_there_after_a_restart(plan: Plan) -> None:
    with running(plan, SystemClock()):
        httpx.post(f"{plan.urls.inbox}/push", json={"to": "11111111-1", "body": "Hola"}).raise_for_status()
    with running(plan, SystemClock()):
        assert len(httpx.get(f"{plan.urls.inbox}/api/messages").json()["messages"]) == 1


def test_they_listen_on_this_machine_alone(plan: Plan) -> None:
    with running(plan, SystemClock()) as side:
        assert {server.server_address[0] for server in side.servers} == {"127.0.0.1"}


@pytest.mark.parametrize("part", ["registry", "smtp"])
def test_a_taken_port_is_one_sentence(plan: Plan, part: str) -> None:
    with (
        socket.create_server(("127.0.0.1", plan.ports.of(part))),
        pytest.raises(CannotStart, match="SANDBOX_PORT"),
        running(plan, SystemClock()),
    ):
        raise AssertionError("it must not run")
