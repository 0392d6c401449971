import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from sqlalchemy import text

from deploy.install import folder
from deploy.install.bootstrap import SCOPES, Made, Operator, bootstrap
from deploy.install.doctor import environment
from deploy.install.folder import Installation
from deploy.journey.facts import Citizen
from deploy.journey.pages import Browser, Page
from deploy.journey.person import Person
from deploy.sandbox.people import SCOPES as SANDBOX_SCOPES
from deploy.services import SERVICES
from identity.app import create_app, create_context
from identity.context import Identity
from identity.settings import Settings
from shared.run import parse_run
from shared.settings import Secret, load

OPERATOR = Operator(parse_run("11.111.111-1"), ("Ana",), ("Soto",), "ana@example.com")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path, "servicios.example.cl", "Quilpalín", "800 000 000")
    folder.write(made)
    return made


@pytest.fixture
def identity(installation: Installation, database: Callable[[str], str], redis_url: str) -> Iterator[Identity]:
    settings = load(Settings, "identity", environment(installation.folder, "identity"))
    made = create_context(replace(settings, database_url=Secret(database("identity")), redis_url=Secret(redis_url), otlp_endpoint=""))
    yield made
    made.close()


def sign_in(identity: Identity, operator: Operator, made: Made) -> Page:
    """The first operator opens the wallet's portal, for the first time, in a browser."""
    app = create_app(context=identity)
    query = {
        "client_id": "wallet-portal",
        "redirect_uri": "https://wallet.servicios.example.cl/login/callback",
        "response_type": "code",
        "scope": "openid roles",
        "state": "state-of-the-browser",
        "nonce": "nonce-of-the-browser",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "acr_values": "urn:andamio:acr:2",
    }
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=identity.settings.public_url) as client:
        citizen = Citizen(
            run=str(operator.run), name="Ana", password=made.password, totp_secret=made.totp_secret, email=operator.email, phone=""
        )
        person = Person(citizen, Browser(client, language="es"))
        return person.arrive(f"{identity.settings.issuer}/authorize?{urlencode(query)}", back_at=(query["redirect_uri"],))


def test_an_empty_installation_has_its_clients_and_an_operator_who_can_sign_in(identity: Identity, installation: Installation) -> None:
    def secret(service: str, name: str) -> str:
        return installation.secret_file(service, name).read_text()

    made = bootstrap(identity, OPERATOR, installation.origin, secret)
    assert made is not None
    back = urlsplit(sign_in(identity, OPERATOR, made).url)
    assert back.netloc == "wallet.servicios.example.cl"
    assert set(parse_qs(back.query)) >= {"code", "state", "iss"}
    for service in SERVICES:
        machine = identity.clients.find(service)
        assert machine is not None
        kid = json.loads(secret(service, "client_key"))["kid"]
        assert set(machine.keys) == {kid}
        assert not machine.keys[kid].is_private
        if service != "identity":
            portal = identity.clients.find(f"{service}-portal")
            assert portal is not None
            assert portal.redirect_uris == (f"https://{service}.servicios.example.cl/login/callback",)
    assert bootstrap(identity, OPERATOR, installation.origin, secret) is None, "the second time nothing is made"


def test_services_may_ask_of_one_another_what_they_may_in_the_sandbox() -> None:
    """All but what an outside register honours, which an installation connects by itself."""
    ours = {service: {scope for scope in SANDBOX_SCOPES[service] if not scope.startswith("registry:")} for service in SERVICES}
    assert {service: set(scopes) for service, scopes in SCOPES.items()} == ours


def test_a_second_run_adds_the_scopes_that_a_service_asks_for_since(identity: Identity, installation: Installation) -> None:
    def run() -> None:
        bootstrap(identity, OPERATOR, installation.origin, lambda service, name: installation.secret_file(service, name).read_text())

    run()
    with identity.db.begin() as connection:
        connection.execute(text("UPDATE clients SET scopes = '{notify:send,own:scope}' WHERE client_id = 'wallet'"))
    run()
    with identity.db.begin() as connection:
        found = connection.execute(text("SELECT scopes FROM clients WHERE client_id = 'wallet'")).scalar_one()
    assert {"notify:send", "own:scope", "audit:witness", "identity:grants"} <= set(found)
