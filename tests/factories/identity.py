"""An identity service with people and clients in it, valid by default, and a browser to walk through its pages with."""

import base64
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from bs4 import BeautifulSoup
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from psycopg import sql
from werkzeug.test import TestResponse

from identity.app import create_app
from identity.context import Identity, create_context
from identity.operations import keys, people, register
from identity.operations.client_rules import NewClient
from identity.providers.base import Hashed
from identity.settings import Settings
from identity.standards.oidc_claims import Facts
from identity.standards.rfc7636 import s256
from identity.tasks import jobs
from shared import outbox
from shared.clock import FixedClock
from shared.ids import Ids, SeededIds
from shared.run import parse_run
from shared.settings import Secret
from shared.tasks import run_leased
from tests import engines as test_engines
from tests.engines import Engines
from tests.factories.identity_account import AccountHelpers

ISSUER = "https://identity.example/openid"
PUBLIC_URL = "https://identity.example"
CALLBACK = "https://client.example/callback"
SIGNED_OUT = "https://client.example/signed-out"
RESOURCE = "https://notify.example"
RUN, PASSWORD = "11111111-1", "a long enough passphrase"
RUN_TOTP, TOTP_SECRET = "22222222-2", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECRET = "web-secret-0123456789-0123456789-abcdef"
LEGACY_SECRET = "0123456789abcdef0123456789abcdef"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
FURNISHED_AT = datetime(2026, 6, 8, 16, 0, tzinfo=UTC)
STATE = "af0ifjsldkj-0123456789-0123456789"


@cache
def machine_key() -> ECKey:
    """The private key of the machine client, the same in each process of a test run."""
    key = ec.derive_private_key(0x1D, ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ECKey.import_key(pem, {"kid": "machine-1"})


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def make_settings(database_url: str, redis_url: str = "redis://127.0.0.1:9", **changes: Any) -> Settings:
    """Settings of a test's own identity."""
    settings = Settings(
        database_url=Secret(database_url),
        redis_url=Secret(redis_url),
        public_url=PUBLIC_URL,
        issuer=ISSUER,
        encryption_keys=Secret(f"k1:{_key('e')}"),
        audit_seed=Secret(_key("a")),
        client_id="identity",
        client_key=Secret(json.dumps(machine_key().as_dict(private=True))),
        pairwise_key=Secret(f"1:{_key('p')}"),
        peppers=Secret(f"1:{_key('s')}"),
        cache_ttl_ms=0,
        password_wait_ms=20_000,
        database_pool_size=40,
    )
    return replace(settings, **changes)


class QuickHasher:
    """Keeps the contract of a Hasher without its cost, for tests in which passwords are not the matter."""

    def __init__(self) -> None:
        self.verified = 0

    def place(self) -> AbstractContextManager[None]:
        """There is always one."""
        return nullcontext()

    def hash(self, password: str) -> Hashed:
        """Return a hash that only this class makes."""
        return Hashed("quick:" + password, "1")

    def verify(self, stored: Hashed | None, password: str) -> bool:
        """Answer whether it is the stored one."""
        self.verified += 1
        return stored is not None and stored.text == "quick:" + password

    def is_outdated(self, stored: Hashed) -> bool:
        """Never: its hashes do not age."""
        return False


@dataclass
class House(AccountHelpers):
    """An identity with people and clients, its app, and the clock that its test holds."""

    identity: Identity
    app: Flask
    clock: FixedClock

    def browser(self) -> "Browser":
        """A new browser without cookies."""
        return Browser(self.app.test_client())

    def client(self) -> FlaskClient:
        """A machine without cookies."""
        return self.app.test_client(use_cookies=False)

    def assertion(self, **changes: Any) -> str:
        """A client assertion of the machine; a claim set to None is left out."""
        now = int(self.clock.now().timestamp())
        made = {"iss": "machine", "sub": "machine", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": self.identity.ids.token(16)}
        header = changes.pop("header", {"alg": "ES256", "kid": "machine-1"})
        key = changes.pop("key", machine_key())
        claims = {name: value for name, value in {**made, **changes}.items() if value is not None}
        return jwt.encode(header, claims, key, algorithms=[header["alg"]])

    def machine_form(self, **changes: Any) -> dict[str, str]:
        """The form of a client_credentials request; a member set to None is left out."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": changes.pop("client_assertion", None) or self.assertion(),
            "resource": RESOURCE,
        }
        return {name: value for name, value in {**form, **changes}.items() if value is not None}

    def token(self, form: dict[str, Any], **headers: str) -> TestResponse:
        """Post a form to the token endpoint."""
        return self.client().post("/openid/token", data=form, headers=headers)

    def code_form(self, issued: str, **changes: Any) -> dict[str, str]:
        """The form that redeems a code for the web client; a member set to None is left out."""
        form = {"grant_type": "authorization_code", "code": issued, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        form |= {"client_id": "web", "client_secret": SECRET}
        return {name: value for name, value in {**form, **changes}.items() if value is not None}

    def new_code(self, **changes: Any) -> str:
        """A fresh code of the web client, after signing in."""
        return self.browser().sign_in(**changes)["code"]

    def run_jobs(self) -> int:
        """Run what is due in the outbox, as relay and worker do, until nothing is; give how many jobs ran."""
        return run_due(self.identity)

    def audited(self, action: str) -> list[dict[str, Any]]:
        """The audit entries of one action, oldest first."""
        from sqlalchemy import text

        with self.identity.db.engine.connect() as connection:
            rows = connection.execute(text("SELECT core FROM audit_entries ORDER BY occurred_at, entry_id")).scalars().all()
        return [core for core in map(json.loads, rows) if core["action"] == action]


def run_due(identity: Identity) -> int:
    """Run what is due in the outbox, as relay and worker do, until nothing is; give how many jobs ran."""
    ran = 0
    while True:
        with identity.db.begin() as connection:
            rows = outbox.lease_due(connection, identity.clock.now(), limit=100)
        if not rows:
            return ran
        for row in rows:
            ran += run_leased(identity, jobs, row.job, row.id, row.lease, runner="test")


@dataclass
class Browser:
    """A browser that follows our own redirects and fills our forms; it stops when it is sent elsewhere."""

    http: FlaskClient
    page: TestResponse | None = field(default=None)
    origin: str = PUBLIC_URL

    def open(self, path: str, **arguments: Any) -> TestResponse:
        """Open an address and follow redirects as long as they stay here."""
        return self._follow(self.http.get(path, base_url=self.origin, **arguments))

    def authorize(self, **changes: Any) -> TestResponse:
        """Begin an authorization request of the web client."""
        return self.open("/openid/authorize", query_string=authorization(**changes))

    def send(self, values: dict[str, str], *, form: int = 0) -> TestResponse:
        """Fill in and send a form of the page's main part."""
        assert self.page is not None
        found = BeautifulSoup(self.page.get_data(as_text=True), "html.parser").select("main form")[form]
        hidden = {str(i["name"]): str(i.get("value", "")) for i in found.select("input[type=hidden]")}
        return self._follow(self.http.post(str(found["action"]), data={**hidden, **values}, base_url=self.origin))

    def log_in(self, run: str = RUN, password: str = PASSWORD) -> TestResponse:
        """Fill in the sign-in page."""
        return self.send({"run": run, "password": password})

    def sign_in(self, run: str = RUN, password: str = PASSWORD, **changes: Any) -> dict[str, str]:
        """Go the whole way and return what the client is sent."""
        answer = self.authorize(**changes)
        if answer.status_code == 200:
            answer = self.log_in(run, password)
        return sent_to_client(answer)

    def _follow(self, answer: TestResponse) -> TestResponse:
        for _ in range(8):
            location = answer.headers.get("Location", "")
            if answer.status_code != 303 or not location.startswith(("/", self.origin + "/")):
                break
            answer = self.http.get(location, base_url=self.origin)
        self.page = answer
        return answer


def authorization(**changes: Any) -> dict[str, str]:
    """The parameters of a good authorization request; a member set to None is left out."""
    values = {
        "client_id": "web",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email run",
        "state": STATE,
        "nonce": "n-0S6_WzA2Mj",
        "code_challenge": s256(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def sent_to_client(answer: TestResponse) -> dict[str, str]:
    """What a redirect to the client carries."""
    assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
    parts = urlsplit(answer.headers["Location"])
    return {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}


def words_of(answer: TestResponse) -> str:
    """The text of a page's main part, without the marks that change each time."""
    main = BeautifulSoup(answer.get_data(as_text=True), "html.parser").main
    assert main is not None
    return re.sub(r"\s+", " ", main.get_text())


def web_client(**changes: Any) -> NewClient:
    """A client of policy web."""
    new = NewClient(
        client_id="web",
        service_id="service-one",
        name="Web",
        redirect_uris=(CALLBACK, CALLBACK + "?a=1"),
        post_logout_redirect_uris=(SIGNED_OUT,),
        scopes=("openid", "profile", "name", "email", "phone", "run"),
        resources=(RESOURCE,),
    )
    return replace(new, **changes)


def machine_client(**changes: Any) -> NewClient:
    """A client of policy machine."""
    public = dict(machine_key().as_dict(private=False))
    new = NewClient(client_id="machine", service_id="service-one", name="Machine", policy="machine", jwks={"keys": [public]})
    return replace(new, **{"scopes": ("notify:send", "identity:register"), "resources": (RESOURCE, PUBLIC_URL), **changes})


def furnish(identity: Identity) -> None:
    """Enter an organisation, services, a client of each policy, and two people."""
    keys.ensure_keys(identity)
    for org_id, kind in (("org-one", "public"), ("org-private", "private")):
        register.create_organisation(identity, org_id=org_id, name=org_id, kind=kind, contact_email="a@example.com", actor="test")
    about = {
        "stage": "live",
        "start_url": "https://client.example/",
        "contact_email": "a@example.com",
        "purpose": "Tests.",
        "actor": "test",
    }
    register.create_service(identity, service_id="service-one", org_id="org-one", name="Servicio Uno", release_basis="law", **about)
    register.create_service(identity, service_id="service-private", org_id="org-private", name="Banco", release_basis="consent", **about)
    register.create_client(identity, web_client(), actor="test", secret=SECRET)
    register.create_client(identity, web_client(client_id="web-two", sector="two.example"), actor="test", secret=SECRET)
    private = web_client(client_id="private", service_id="service-private")
    register.create_client(identity, private, actor="test", secret=SECRET)
    native = ("http://127.0.0.1:4000/cb", "cl.example.app:/cb")
    register.create_client(
        identity, web_client(client_id="app", policy="public", native=True, redirect_uris=native, sector="app"), actor="test"
    )
    until = identity.clock.now() + timedelta(days=300)
    legacy = web_client(client_id="legacy", policy="legacy", claims_profile="clave_unica", auth_method="client_secret_post")
    legacy = replace(legacy, id_token_alg="RS256", lower_case_bearer=True, legacy_until=until)
    register.create_client(identity, legacy, actor="test", secret=LEGACY_SECRET)
    register.create_client(identity, machine_client(), actor="test")
    one = Facts(parse_run(RUN), ("Camila", "Andrea"), ("Soto", "Pérez"), "camila@example.com", True, "+56911111111", True)
    person = people.create_person(identity, one, actor="test")
    people.set_password(identity, person, PASSWORD, actor="test")
    two = Facts(parse_run(RUN_TOTP), ("José",), ("Ñancupil",))
    other = people.create_person(identity, two, actor="test")
    people.set_password(identity, other, PASSWORD, actor="test")
    people.add_totp(identity, other, TOTP_SECRET, name="app", actor="test")


@contextmanager
def open_house(
    database_url: str, clock: FixedClock, ids: Ids, *, furnished: bool = False, quick: bool = True, **changes: Any
) -> Iterator[House]:
    """An identity on a database of its own, furnished here unless it was copied from a furnished one."""
    identity = create_context(make_settings(database_url, **changes), clock=clock, ids=ids)
    if quick:
        identity.__dict__["hasher"] = QuickHasher()
    try:
        if not furnished:
            furnish(identity)
        yield House(identity, create_app(context=identity), clock)
    finally:
        identity.close()


def furnished_template(engines: Engines, run_folder: Path) -> str:
    """Name of a database with people and clients in it, made once in a run by whoever comes first."""
    role, name = f"{engines.prefix}identity", f"{engines.prefix}identity_furnished"
    done = run_folder / "template-identity-furnished"
    migrated = test_engines.ensure_template(engines, run_folder, "identity")
    with test_engines.locked(run_folder / "template-identity-furnished.lock"):
        if not done.exists():
            _copy_database(engines, migrated, name, role)
            with open_house(engines.database(name, role), FixedClock(FURNISHED_AT), SeededIds(1)):
                pass
            done.touch()
    return name


@contextmanager
def furnished_copy(engines: Engines, run_folder: Path) -> Iterator[str]:
    """The address of a furnished database for one test."""
    name = f"{engines.prefix}identity_{secrets.token_hex(6)}"
    _copy_database(engines, furnished_template(engines, run_folder), name, f"{engines.prefix}identity")
    try:
        yield engines.database(name, f"{engines.prefix}identity")
    finally:
        test_engines.drop(engines, name)


def _copy_database(engines: Engines, template: str, name: str, owner: str) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
    with psycopg.connect(engines.database_url, autocommit=True) as admin:
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner)))
