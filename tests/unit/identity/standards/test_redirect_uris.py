"""Which return addresses may be registered, and which match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.standards.redirect_uris import fault_of, is_registered, sector_of

REFUSED = [
    "http://client.example/cb",
    "https://client.example/cb#x",
    "https://*.example/cb",
    "https://user@client.example/cb",
    "https://user:pw@client.example/cb",
    "https://client.example/a/../cb",
    "https://client.example/a/%2e%2e/cb",
    "https://client.example/a%2fcb",
    "https://client.example\\@evil.example/cb",
    "https:///cb",
    "https://[::1/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://client.example/ñ",
    "https://client.example/a b",
    "",
]


@pytest.mark.rule("identity", "AZ-4")
@pytest.mark.parametrize("uri", REFUSED)
def test_refused_at_registration(uri: str) -> None:
    assert fault_of(uri)


@pytest.mark.rule("identity", "AZ-4")
def test_what_native_apps_and_the_sandbox_may() -> None:
    assert fault_of("https://client.example/cb?a=1") is None
    assert fault_of("cl.example.app:/cb", native=True) is None
    assert fault_of("app:/cb", native=True)
    assert fault_of("http://127.0.0.1/cb", native=True) is None
    assert fault_of("http://localhost:9/cb", loopback=True) is None
    assert fault_of("http://127.0.0.1.evil.example/cb", loopback=True, native=True)


@pytest.mark.rule("identity", "AZ-3")
@given(st.text(min_size=1, max_size=40))
def test_nothing_but_the_very_address_matches(added: str) -> None:
    registered = ("https://client.example/cb",)
    assert is_registered(registered[0], registered)
    assert not is_registered(registered[0] + added, registered)
    assert not is_registered(added + registered[0], registered)
    assert not is_registered(added, ("http://127.0.0.1:4000/cb",))


def test_a_sector_is_the_one_host() -> None:
    assert sector_of(("https://a.example/x", "https://a.example/y")) == "a.example"
    assert sector_of(("https://a.example/x", "https://b.example/x")) is None
