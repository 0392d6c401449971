import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from flask import Flask
from sqlalchemy import text

from deploy import cli
from deploy.install import folder
from deploy.install.bootstrap import SCOPES, Made, Operator, bootstrap, enter_writers
from deploy.install.doctor import environment
from deploy.install.folder import Installation
from deploy.install.writers import WRITERS
from deploy.journey.facts import Citizen
from deploy.journey.pages import Browser, Page
from deploy.journey.person import Person
from deploy.sandbox.people import SCOPES as SANDBOX_SCOPES
from deploy.services import SERVICES
from identity.app import create_app, create_context
from identity.context import Identity
from identity.settings import Settings
from notify.app import create_app as create_notify_app
from notify.settings import Settings as NotifySettings
from shared.http import Reply
from shared.notify_client import NotifyClient
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


WORDS = ["--run", "11111111-1", "--given-names", "Ana", "--family-names", "Soto", "--email", "ana@example.com", "--json"]


def test_the_command_takes_its_settings_from_the_folder_of_the_installation(
    installation: Installation,
    database: Callable[[str], str],
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As docs/operations/kubernetes.md has it, on a machine that has no /run/andamio."""
    for service in ("identity", "notify"):
        for name, value in (("database_url", database(service)), ("redis_url", redis_url)):
            path = installation.secret_file(service, name)
            path.chmod(0o600)
            path.write_text(value)
    monkeypatch.setattr(os, "environ", {"ANDAMIO_INSTALLATION": str(installation.folder)})
    command = ["bootstrap", "--secrets", str(installation.folder / "secrets"), *WORDS]
    assert cli.main(command) == 0
    assert json.loads(capsys.readouterr().out)["operator"] == "made"
    assert cli.main(command) == 0
    assert json.loads(capsys.readouterr().out)["operator"] == "known"


class Over:
    """Calls notify as it stands in this process."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.answers: list[int] = []

    def request(self, method: str, url: str, *, json: object, headers: dict[str, str], timeout_seconds: float) -> Reply:
        del timeout_seconds
        answer = self.client.open(urlsplit(url).path, method=method, json=json, headers=headers)
        self.answers.append(answer.status_code)
        return Reply(answer.status_code, {}, answer.data)


PEOPLE: dict[str, dict[str, object]] = {
    "email": {"email_address": "a@example.com"},
    "sms": {"phone_number": "+56912345678"},
    "mailbox": {"recipient": "11111111-1"},
}


@pytest.mark.parametrize("service", ["identity", "pay", "wallet"])
def test_what_the_suite_writes_to_people_is_taken_by_notify(
    installation: Installation, database: Callable[[str], str], redis_url: str, service: str
) -> None:
    """By the settings and secrets of `init` and what `bootstrap` entered: each of their templates, with the places that it fills."""
    settings = load(NotifySettings, "notify", environment(installation.folder, "notify"))
    settings = replace(settings, database_url=Secret(database("notify")), redis_url=Secret(redis_url), otlp_endpoint="")
    app = create_notify_app(settings)
    with closing(app.extensions["andamio"].context) as notify:
        for _ in range(2):
            enter_writers(notify, installation.domain, lambda service, name: installation.secret_file(service, name).read_text())
        given = environment(installation.folder, service)
        over = Over(app)
        key = Secret(Path(given[f"{service.upper()}_NOTIFY_API_KEY_FILE"]).read_text())
        url = given[f"{service.upper()}_NOTIFY_URL"]
        client = NotifyClient(over, notify.clock, url=url, api_key=key)  # type: ignore[arg-type]  # has the one method used
        templates = {channel: given[f"{service}_{setting}".upper()] for setting, channel in WRITERS[service][1].items()}
        values = {"subject": "Hola", "body": "Su aviso"}
        for channel, template in templates.items():
            client.send(channel, PEOPLE[channel] | {"template_id": template, "personalisation": values})
        assert over.answers == [201] * len(templates)


def test_a_name_from_which_the_others_cannot_be_told_is_refused_before_anything_is_entered(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env = installation.folder / "env/identity.env"
    env.write_text(env.read_text().replace("PUBLIC_URL=https://identity.", "PUBLIC_URL=https://id."))
    monkeypatch.setattr(os, "environ", {"ANDAMIO_INSTALLATION": str(installation.folder)})
    assert cli.main(["bootstrap", "--secrets", str(installation.folder / "secrets"), *WORDS]) == 1
    assert "https://identity.DOMAIN" in capsys.readouterr().err


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
