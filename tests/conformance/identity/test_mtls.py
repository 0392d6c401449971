"""Client certificates: as proof of the client, and as the key that tokens are bound to (§2.15)."""

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from werkzeug.test import TestResponse

from identity.operations.client_rules import NewClient
from shared.clock import FixedClock
from shared.ids import SeededIds
from tests.engines import Engines
from tests.factories.identity import PUBLIC_URL, RESOURCE, House, furnished_copy, machine_client, open_house
from tests.factories.identity_protocol import as_nginx, certificate, ec_key, enter, public

HEADER, EDGE, ELSEWHERE = "X-Client-Cert", "192.0.2.7", "192.0.2.8"
MTLS = "https://mtls.identity.example"
DN = {"kind": "tls_client_auth_subject_dn", "value": "CN=client.example,O=Servicio Uno,C=CL"}


@pytest.fixture
def house(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> Iterator[House]:
    """An identity behind an edge that asks for client certificates; the edge has the two addresses of a small network."""
    changes = {"client_certificate_header": HEADER, "edge_addresses": ("192.0.2.6/31",), "mtls_url": MTLS}
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True, **changes) as furnished:
        yield furnished


def tls_machine(**changes: Any) -> NewClient:
    new = replace(machine_client(client_id="tls"), auth_method="tls_client_auth", jwks=None, tls_subject=DN)
    return replace(new, **changes)


def ask(house: House, shown: x509.Certificate | str | None, client_id: str = "tls", sender: str = EDGE) -> TestResponse:
    headers = {} if shown is None else {HEADER: shown if isinstance(shown, str) else as_nginx(shown)}
    form = {"grant_type": "client_credentials", "client_id": client_id, "resource": RESOURCE, "scope": "notify:send"}
    return house.client().post("/openid/token", data=form, headers=headers, environ_base={"REMOTE_ADDR": sender})


@pytest.mark.rule("identity", "CA-10", "CA-2", "HT-9")
def test_a_certificate_proves_its_client(house: House) -> None:
    enter(house, tls_machine())
    good = certificate(house)
    answer = ask(house, good)
    assert answer.status_code == 200, answer.json
    assert answer.json["token_type"] == "Bearer"
    import base64

    from cryptography.hazmat.primitives.serialization import Encoding

    by_rfc9440 = ":" + base64.b64encode(good.public_bytes(Encoding.DER)).decode() + ":"
    assert ask(house, by_rfc9440).status_code == 200
    house.clock.advance(seconds=40 * 86_400)
    refused = {
        "none": ask(house, None),
        "another subject": ask(house, certificate(house, "other.example")),
        "expired": ask(house, good),
        "from another sender": ask(house, certificate(house), sender=ELSEWHERE),
        "nonsense": ask(house, "nonsense"),
        "empty PEM": ask(house, "-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----"),
        "huge": ask(house, "x" * 20_000),
        "another client": ask(house, certificate(house), client_id="machine"),
    }
    assert {name: (a.status_code, a.json["error"]) for name, a in refused.items()} == dict.fromkeys(refused, (401, "invalid_client"))


SUBJECTS: list[tuple[dict[str, str], bool]] = [
    (DN, True),
    ({**DN, "value": "CN=client.example, O=Servicio Uno, C=CL"}, False),
    ({**DN, "value": "CN=client.example,O=Servicio\\20Uno,C=CL"}, True),
    ({**DN, "value": "C=CL,O=Servicio Uno,CN=client.example"}, False),
    ({"kind": "tls_client_auth_san_dns", "value": "api.client.example"}, True),
    ({"kind": "tls_client_auth_san_dns", "value": "client.example"}, False),
    ({"kind": "tls_client_auth_san_uri", "value": "urn:client:one"}, True),
    ({"kind": "tls_client_auth_san_ip", "value": "192.0.2.1"}, True),
    ({"kind": "tls_client_auth_san_email", "value": "ops@client.example"}, True),
    ({"kind": "tls_client_auth_san_email", "value": "other@client.example"}, False),
]


@pytest.mark.rule("identity", "CA-10")
def test_subjects_are_compared_as_parsed(house: House) -> None:
    san = [
        x509.DNSName("api.client.example"),
        x509.UniformResourceIdentifier("urn:client:one"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.RFC822Name("ops@client.example"),
    ]
    shown = certificate(house, san=san)
    for number, (subject, fits) in enumerate(SUBJECTS):
        if ", " in subject["value"]:
            continue
        enter(house, tls_machine(client_id=f"tls-{number}", tls_subject=subject))
        assert (ask(house, shown, f"tls-{number}").status_code == 200) is fits, subject


@pytest.mark.rule("identity", "CA-10")
def test_a_certificate_that_signs_itself_is_known_by_its_key(house: House) -> None:
    keys = {"keys": [public(ec_key(31))]}
    enter(house, tls_machine(auth_method="self_signed_tls_client_auth", tls_subject=None, jwks=keys))
    assert ask(house, certificate(house, "any.example")).status_code == 200
    assert ask(house, certificate(house, number=32)).status_code == 401


@pytest.mark.rule("identity", "UI-3", "DP-5", "CA-10")
def test_a_bound_token_is_of_no_use_without_its_certificate(house: House) -> None:
    from tests.factories.identity import CALLBACK, VERIFIER, authorization, sent_to_client, web_client

    new = web_client(client_id="fapi-tls", policy="fapi2", auth_method="tls_client_auth", tls_subject=DN)
    enter(house, new)
    shown, http = certificate(house), house.client()
    edge = {"environ_base": {"REMOTE_ADDR": EDGE}, "headers": {HEADER: as_nginx(shown)}}
    pushed = http.post("/openid/par", data=authorization(client_id="fapi-tls", scope="openid"), **edge)
    browser = house.browser()
    browser.open("/openid/authorize", query_string={"client_id": "fapi-tls", "request_uri": pushed.json["request_uri"]})
    code = sent_to_client(browser.log_in())["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "client_id": "fapi-tls"}
    token = http.post("/openid/token", data=form, **edge).json["access_token"]
    authorized = {"Authorization": f"Bearer {token}"}
    assert http.get("/openid/userinfo", headers={**edge["headers"], **authorized}, environ_base=edge["environ_base"]).status_code == 200
    other = {HEADER: as_nginx(certificate(house, number=33)), **authorized}
    assert http.get("/openid/userinfo", headers=other, environ_base=edge["environ_base"]).status_code == 401
    assert http.get("/openid/userinfo", headers=authorized).status_code == 401


@pytest.mark.rule("identity", "DI-9")
def test_what_is_advertised_where_the_edge_asks_for_certificates(house: House) -> None:
    document = house.client().get("/openid/.well-known/openid-configuration").json
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert document["mtls_endpoint_aliases"]["token_endpoint"] == MTLS + "/openid/token"
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(document["token_endpoint_auth_methods_supported"])
    assert document["token_endpoint"] == PUBLIC_URL + "/openid/token"


def test_without_such_an_edge_the_header_says_nothing(engines: Engines, run_folder: Path, clock: FixedClock, ids: SeededIds) -> None:
    with furnished_copy(engines, run_folder) as url, open_house(url, clock, ids, furnished=True) as plain:
        enter(plain, tls_machine())
        assert ask(plain, certificate(plain)).status_code == 401
        assert "mtls_endpoint_aliases" not in plain.client().get("/openid/.well-known/openid-configuration").json
