"""A token that is bound to a key is of no use at notify, pay and wallet without that key (§2.14, §2.15)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from flask import Flask, g
from joserfc import jwt
from joserfc.jwk import KeySet

from shared import certificates
from shared.access import Scope
from shared.app import base_app, register
from shared.clock import FixedClock
from shared.context import Context
from shared.dpop import ath
from shared.ids import SeededIds
from shared.routes import Routes
from tests.factories.identity_protocol import as_nginx, certificate, ec_key, signed
from tests.unit.shared.conftest import ISSUER, make_settings

HEADER, EDGE, ELSEWHERE = "X-SSL-Client-Cert", "172.30.7.2", "198.51.100.9"
URL = "http://localhost:9000"
SIGNER = ec_key(61)


class OneKey:
    """The issuer's keys, without asking."""

    def find(self, _kid: str) -> KeySet:
        return KeySet([SIGNER])


@pytest.fixture
def service(database: Callable[[str], str], redis_url: str, clock: FixedClock, ids: SeededIds) -> Iterator[Flask]:
    """A service as notify, pay and wallet are made, behind an edge."""
    edge = {"client_certificate_header": HEADER, "edge_addresses": (EDGE,), "trusted_proxies": 1}
    context = Context(make_settings(database("pay"), redis_url, **edge), "pay", clock, ids)
    context.__dict__["issuer_keys"] = OneKey()
    app = base_app(context, import_name="pay")
    routes = Routes("thing", __name__, access=Scope("thing:read"))
    routes.get("/thing")(lambda: g.caller.client_id)
    register(app, [routes])
    yield app
    context.close()


@pytest.fixture
def shown(clock: FixedClock) -> x509.Certificate:
    """The client's certificate."""
    return made(clock)


def made(clock: FixedClock, **changes: Any) -> x509.Certificate:
    class World:
        pass

    world: Any = World()
    world.clock = clock
    return certificate(world, **changes)


def token(clock: FixedClock, cnf: object = None, **changes: Any) -> str:
    now = int(clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": URL, "sub": "c", "client_id": "c", "scope": "thing:read", "iat": now, "exp": now + 300, **changes}
    header = {"alg": "ES256", "kid": SIGNER.kid, "typ": "at+jwt"}
    return jwt.encode(header, claims | ({"cnf": cnf} if cnf is not None else {}), SIGNER, algorithms=["ES256"])


def call(app: Flask, access: str, *, scheme: str = "Bearer", sender: str = EDGE, **headers: str) -> int:
    sent = {"Authorization": f"{scheme} {access}", "X-Forwarded-For": "203.0.113.7", **{n.replace("_", "-"): v for n, v in headers.items()}}
    return app.test_client().get("/thing", headers=sent, environ_base={"REMOTE_ADDR": sender}).status_code


@pytest.mark.rule("identity", "CA-10", "HT-9", "§2.27")
def test_a_token_bound_to_a_certificate_needs_that_certificate(service: Flask, clock: FixedClock, shown: x509.Certificate) -> None:
    bound = token(clock, {"x5t#S256": certificates.thumbprint(shown)})
    good = {HEADER: as_nginx(shown)}
    assert call(service, bound, **good) == 200
    refused = {
        "none": call(service, bound),
        "another": call(service, bound, **{HEADER: as_nginx(made(clock, number=32))}),
        "not from the edge": call(service, bound, sender=ELSEWHERE, **good),
        "nonsense": call(service, bound, **{HEADER: "nonsense"}),
        "under the wrong scheme": call(service, bound, scheme="DPoP", **good),
    }
    assert set(refused.values()) == {401}, refused
    clock.advance(seconds=31 * 86_400)
    late = token(clock, {"x5t#S256": certificates.thumbprint(shown)})
    assert call(service, late, **good) == 401, "the certificate has expired"


@pytest.mark.rule("identity", "DP-5", "§2.14")
def test_a_token_bound_to_a_dpop_key_needs_its_proof(service: Flask, clock: FixedClock) -> None:
    key = ec_key(77)
    bound = token(clock, {"jkt": key.thumbprint()})

    def proof(**changes: Any) -> str:
        claims = {
            "jti": f"j{time.monotonic_ns()}",
            "htm": "GET",
            "htu": URL + "/thing",
            "iat": int(clock.now().timestamp()),
            "ath": ath(bound),
        }
        jwk = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
        return signed({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk}, {**claims, **changes}, key)

    used = proof()
    assert call(service, bound, scheme="DPoP", DPoP=used) == 200
    assert call(service, bound, scheme="DPoP", DPoP=used) == 401, "each proof once"
    assert call(service, bound, scheme="DPoP") == 401
    assert call(service, bound, scheme="Bearer", DPoP=proof()) == 401
    assert call(service, bound, scheme="DPoP", DPoP=proof(htm="POST")) == 401
    assert call(service, bound, scheme="DPoP", DPoP=proof(ath="x")) == 401


@pytest.mark.rule("identity", "DP-5", "CA-10")
def test_a_token_bound_in_both_ways_needs_both_and_an_unknown_way_is_refused(
    service: Flask, clock: FixedClock, shown: x509.Certificate
) -> None:
    both = token(clock, {"x5t#S256": certificates.thumbprint(shown), "jkt": ec_key(77).thumbprint()})
    assert call(service, both, **{HEADER: as_nginx(shown)}) == 401
    for cnf in ({"jwk": {}}, {"x5t#S256": certificates.thumbprint(shown), "more": "x"}, "x", ["jkt"]):
        assert call(service, token(clock, cnf), **{HEADER: as_nginx(shown)}) == 401, cnf
    assert call(service, token(clock)) == 200, "an unbound one is a bearer token"
    assert call(service, token(clock), scheme="DPoP") == 401


@pytest.mark.rule("identity", "CA-10", "DP-5")
def test_no_service_takes_access_tokens_past_that_rule() -> None:
    root = Path(__file__).resolve().parents[3]
    files = [path for package in ("identity", "notify", "pay", "wallet", "shared") for path in (root / package).rglob("*.py")]
    assert [str(path.relative_to(root)) for path in files if "token_verifier.verify(" in path.read_text()] == ["shared/access.py"]
