"""Which ports a sandbox takes, and what it says when it cannot have them."""

import socket
from pathlib import Path

import pytest

from deploy.errors import CannotStart
from deploy.sandbox import ports, programs
from deploy.sandbox.environment import environment
from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import OFFSETS, Ports
from deploy.sandbox.settings import from_environment
from deploy.system import free_port, port_is_free


def free_base():
    return next(base for base in range(20_000, 60_000, 100) if all(port_is_free(base + offset) for offset in OFFSETS.values()))


def test_the_parts_stand_at_their_distances_from_the_base():
    taken = {name: Ports(9000).of(name) - 9000 for name in OFFSETS}
    assert taken == {
        "front": 0,
        "identity": 1,
        "notify": 2,
        "pay": 3,
        "wallet": 4,
        "inbox": 5,
        "example": 6,
        "registry": 7,
        "banks": 8,
        "smtp": 15,
    }


def test_a_taken_port_is_named_with_a_free_base_to_use_instead():
    base = free_base()
    with socket.create_server(("127.0.0.1", base + OFFSETS["pay"])), pytest.raises(CannotStart) as caught:
        Ports(base).require_free()
    text = str(caught.value)
    assert f"Port {base + 3} (pay) is in use" in text
    Ports(int(text.rpartition("SANDBOX_PORT=")[2].rstrip("."))).require_free()


def test_a_port_taken_on_all_addresses_counts_too():
    with socket.create_server(("", 0)) as other:
        assert not port_is_free(other.getsockname()[1])


def test_a_preferred_port_is_kept_while_it_is_free():
    port = free_port()
    assert free_port(port) == port
    with socket.create_server(("127.0.0.1", port)):
        assert free_port(port) != port


@pytest.mark.parametrize("text", ["", "eighty", "-1", "80", "65536", "8000.5", "٨٠٠٠", "1e4", " 8000"])
def test_a_base_that_is_no_usable_port_is_refused(text):
    with pytest.raises(CannotStart, match="SANDBOX_PORT is"):
        ports.from_text(text)


def test_tls_puts_every_origin_on_https_in_a_folder_of_its_own() -> None:
    plain, tls = from_environment({}), from_environment({"SANDBOX_TLS": "1"})
    assert (plain.ports.url("identity"), tls.ports.url("identity")) == ("http://localhost:8001", "https://localhost:8001")
    assert plain.folder != tls.folder
    assert from_environment({"SANDBOX_TLS": ""}) == plain


def test_each_process_of_a_tls_sandbox_trusts_its_authority() -> None:
    plan = Plan(Path("/nowhere"), Ports(8000, tls=True), bytes(32))
    assert programs.trust(plan)["SSL_CERT_FILE"] == "/nowhere/tls/bundle.pem"
    assert environment(plan, "wallet")["WALLET_OUTBOUND_AUTHORITIES"] == "/nowhere/tls/bundle.pem"
    assert programs.trust(Plan(Path("/nowhere"), Ports(8000), bytes(32))) == {}
