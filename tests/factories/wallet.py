"""A wallet with a school, a civil registry, a dataset and two agreements; rows made directly, calling no operation."""

import base64
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import text
from werkzeug.test import TestResponse

from shared.auth import TokenVerifier
from shared.clock import FixedClock
from shared.settings import Secret
from wallet.context import Wallet
from wallet.models import Agreement, Base, Client, Dataset, Notice, Organisation, Procedure, Purpose
from wallet.operations.presence import Presence
from wallet.providers.memory import MemoryRegister
from wallet.settings import Settings

PUBLIC_URL = "http://localhost"
ISSUER = "http://localhost:9001/openid"
RUN, OTHER_RUN = "11111111-1", "22222222-2"
SUBJECT = {"scheme": "cl-run", "value": RUN}
SCHOOL, REGISTRY = "org-colegio-araucarias", "org-registro-civil"
CONSUMER, PROVIDER, STRANGER = "wallet-consumer", "wallet-provider", "other-consumer"
DATASET, PURPOSE, PROCEDURE = "police-record", "school-hiring", "contratacion-escolar"
AGREEMENT, LAW_AGREEMENT = "agr-consent", "agr-law"
FIELDS = ["full_name", "has_record", "issued_on"]
RETURN = "https://colegio.example/vuelta?from=wallet"
ENDPOINT = "https://registro.example/v1/police-record"
AUDIENCE = "https://registro.example"
MARKER = "MARCA-7f3a91-secreta"
RECORD: dict[str, object] = {"full_name": f"Camila Soto {MARKER}", "has_record": False, "issued_on": "2026-06-08"}
LAW = "Ley 20.594, artículo 39 bis del Código Penal"
ISSUER_KEY = ECKey.generate_key("P-256", {"kid": "issuer"}, private=True)


class IssuerKeys:
    """The keys of the issuer, at hand."""

    def find(self, kid: str) -> KeySet:
        return KeySet([ISSUER_KEY])


def settings(database_url: str, redis_url: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": Secret(database_url),
        "redis_url": Secret(redis_url),
        "public_url": PUBLIC_URL,
        "environment": "sandbox",
        "issuer": ISSUER,
        "encryption_keys": Secret("test:" + base64.b64encode(b"k" * 32).decode()),
        "audit_seed": Secret(base64.b64encode(b"s" * 32).decode()),
        "client_id": "wallet",
        "client_key": Secret(json.dumps(ECKey.generate_key("P-256", {"kid": "w"}, private=True).as_dict(private=True))),
        "login_client_id": "wallet-portal",
        "login_client_secret": Secret("portal-secret"),
        "database_pool_size": 60,
        "sensitive_grant_level": 1,
        "registry_cache_seconds": 0.0,
    }
    return Settings(**(values | changes))


def field_row(field_id: str, *, kind: str = "string", sensitive: bool = False) -> dict[str, object]:
    title = {"es": f"Dato {field_id}", "en": f"Datum {field_id}"}
    row: dict[str, object] = {"field_id": field_id, "title": title, "kind": kind, "dpv_category": "https://w3id.org/dpv/pd#Name"}
    return {**row, "sensitive": sensitive, "identifier": False, "special_category": None}


def dataset(now: datetime, **changes: Any) -> Dataset:
    rows = [field_row("full_name"), field_row("has_record", kind="boolean", sensitive=True), field_row("issued_on", kind="date")]
    values: dict[str, Any] = {
        "dataset_id": DATASET,
        "version": 1,
        "org_id": REGISTRY,
        "client_id": PROVIDER,
        "audience": AUDIENCE,
        "endpoint": ENDPOINT,
        "title": {"es": "Certificado de antecedentes", "en": "Police record"},
        "description": {"es": "Si tiene antecedentes", "en": "Whether there is a record"},
        "subject_kinds": ["person"],
        "fields": rows,
        "max_age_seconds": 0,
        "cache_max_seconds": 0,
        "classification": "sensitive",
        "legal_basis_default": "consent",
        "consent_max_seconds": 365 * 86_400,
        "procedure_codes": [PROCEDURE],
        "status": "active",
        "created_at": now,
        "updated_at": now,
    }
    return Dataset(**(values | changes))


def agreement(now: datetime, **changes: Any) -> Agreement:
    values: dict[str, Any] = {
        "agreement_id": AGREEMENT,
        "version": 1,
        "consumer": SCHOOL,
        "provider": REGISTRY,
        "datasets": [{"dataset_id": DATASET, "version": 1, "fields": FIELDS}],
        "purposes": [PURPOSE],
        "legal_basis": "consent",
        "law_reference": None,
        "sensitive_article": None,
        "procedure_codes": [PROCEDURE],
        "kind": "standing",
        "volume": {"per_day": 1000},
        "limits": {"sensitive_allowed": True, "modes": ["view"], "max_duration": 90 * 86_400},
        "consent_required": False,
        "retention": {"duration": "P0D", "erase_on_withdrawal": True},
        "storage_locations": ["CL"],
        "jurisdiction": "CL",
        "onward": [],
        "valid_from": now - timedelta(days=1),
        "valid_until": now + timedelta(days=700),
        "state": "active",
        "sha256": "0" * 64,
        "signatures": {},
        "created_at": now,
        "updated_at": now,
    }
    return Agreement(**(values | changes))


def law_agreement(now: datetime, **changes: Any) -> Agreement:
    ground = {"legal_basis": "legal_obligation", "law_reference": LAW, "sensitive_article": "artículo 39 bis"}
    return agreement(now, **({"agreement_id": LAW_AGREEMENT, **ground} | changes))


def registry_rows(now: datetime) -> list[Base]:
    at = {"created_at": now, "updated_at": now}
    school = {"name": "Colegio Las Araucarias", "tax_id": "65.000.001-K", "kind": "private", "address": "Los Aromos 12"}
    registry = {"name": "Registro Civil", "tax_id": "61.002.000-3", "kind": "public", "address": "Catedral 1772"}
    client = {"redirect_uris": [RETURN], "jwks": {"keys": []}, **at}
    return [
        Organisation(org_id=SCHOOL, dpo_contact={"email": "datos@colegio.example"}, **school, **at),
        Organisation(org_id=REGISTRY, dpo_contact={"email": "datos@registro.example"}, **registry, **at),
        Client(client_id=CONSUMER, org_id=SCHOOL, display_name="Postula", roles=["consumer"], **client),
        Client(client_id=STRANGER, org_id=SCHOOL, display_name="Otro sistema", roles=["consumer"], **client),
        Client(client_id=PROVIDER, org_id=REGISTRY, display_name="Registro", roles=["provider"], **client),
        *(
            Notice(notice_id="n", version=1, lang=lang, title="T " + lang, body="B " + lang, sha256="0" * 64, created_at=now)
            for lang in ("es", "en")
        ),
        Purpose(
            purpose_id=PURPOSE,
            version=1,
            text={"es": "Contratar en un colegio", "en": "Hiring at a school"},
            status="active",
            dpv_purpose="https://w3id.org/dpv#Verification",
            legal_basis="consent",
            notice_id="n",
            procedure_code=PROCEDURE,
            **at,
        ),
        Procedure(
            code=PROCEDURE,
            org_id=SCHOOL,
            title={"es": "Contratación escolar", "en": "School hiring"},
            instead={"es": "el certificado en papel", "en": "the certificate on paper"},
            law_reference=LAW,
            **at,
        ),
    ]


@dataclass
class World:
    """A wallet, its app, and a register in memory."""

    wallet: Wallet
    app: Flask
    clock: FixedClock
    register: MemoryRegister = field(default_factory=MemoryRegister)

    def fill(self) -> None:
        now = self.clock.now()
        with self.wallet.db.session() as session:
            for row in [*registry_rows(now), dataset(now), agreement(now), law_agreement(now)]:
                session.add(row)
                session.flush()
        self.register.people[RUN] = dict(RECORD)
        self.wallet.__dict__["register"] = self.register
        verifier = TokenVerifier(IssuerKeys(), self.clock, issuer=ISSUER, audience=PUBLIC_URL)
        self.wallet.__dict__["token_verifier"] = verifier

    def add(self, *rows: Base) -> None:
        with self.wallet.db.session() as session:
            session.add_all(rows)

    def run_sql(self, statement: str, **values: object) -> list[Any]:
        with self.wallet.db.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []

    # --- callers ---

    def bearer(self, client_id: str = CONSUMER, scope: str = "wallet:consents wallet:exchange", **changes: object) -> dict[str, str]:
        now = int(self.clock.now().timestamp())
        claims = {"iss": ISSUER, "aud": PUBLIC_URL, "sub": client_id, "client_id": client_id, "scope": scope, "iat": now, "exp": now + 300}
        token = jwt.encode({"alg": "ES256", "kid": "issuer", "typ": "at+jwt"}, {**claims, **changes}, ISSUER_KEY, algorithms=["ES256"])
        return {"Authorization": f"Bearer {token}"}

    def presence(self, run: str = RUN, *, session: str = "s1", age_seconds: int = 0) -> Presence:
        return Presence(
            run=run,
            sub=f"sub-{run}",
            acr="urn:andamio:acr:1",
            amr=("pwd",),
            auth_time=self.clock.now() - timedelta(seconds=age_seconds),
            session_hash=session,
            user_agent_hash="0" * 64,
            ip_prefix="10.0.0.0/24",
        )

    def browser(self, run: str | None = RUN, *, name: str = "Camila Andrea Soto Pérez", age_seconds: int = 0) -> FlaskClient:
        """A browser in which somebody signed in."""
        client = self.app.test_client()
        auth_time = int(self.clock.now().timestamp()) - age_seconds
        with client.session_transaction() as session:
            session["person"] = {
                "sub": f"sub-{run}",
                "name": name,
                "run": run,
                "acr": "urn:andamio:acr:1",
                "amr": ["pwd"],
                "auth_time": auth_time,
                "roles": [],
                "represents": None,
            }
        return client

    # --- bodies ---

    def item(self, **changes: object) -> dict[str, Any]:
        until = (self.clock.now() + timedelta(days=30)).isoformat().replace("+00:00", "Z")
        values: dict[str, Any] = {"dataset_id": DATASET, "purpose_id": PURPOSE, "fields": FIELDS, "mode": "view"}
        values |= {"fetch": "until_procedure_end", "valid_until": until}
        return {**values, "procedure": {"code": PROCEDURE, "case_id": f"POST-{uuid.uuid4().hex[:6]}"}, **changes}

    def request_body(self, *items: dict[str, Any], **changes: object) -> dict[str, Any]:
        message = {"es": "Para revisar su postulación."}
        values = {"id": str(uuid.uuid4()), "subject": SUBJECT, "items": list(items) or [self.item()]}
        return {**values, "redirect_uri": RETURN, "message": message, "ui_locales": ["es-CL"], **changes}

    def exchange_body(self, consent_id: object = None, **changes: object) -> dict[str, Any]:
        basis = {"kind": "consent", **({"consent_id": str(consent_id)} if consent_id else {})}
        values = {"request_id": str(uuid.uuid4()), "subject": SUBJECT, "dataset_id": DATASET, "fields": FIELDS, "purpose_id": PURPOSE}
        return {**values, "basis": basis, "official": {"id": "secretaria-01", "unit": "Contratación"}, **changes}

    # --- calls ---

    def ask(self, body: dict[str, Any] | None = None, *, client_id: str = CONSUMER) -> TestResponse:
        return self.app.test_client().post("/consent-requests", json=body or self.request_body(), headers=self.bearer(client_id))

    def fetch(self, body: dict[str, Any], *, client_id: str = CONSUMER) -> TestResponse:
        return self.app.test_client().post("/exchange/v1/requests", json=body, headers=self.bearer(client_id))

    def granted(self, *, run: str = RUN, **item: object) -> str:
        """Ask, grant in a browser, and return the consent's id."""
        body = self.request_body(self.item(**item), subject={"scheme": "cl-run", "value": run})
        answer = self.ask(body)
        assert answer.status_code == 201, answer.json
        back = self.decide(self.browser(run), answer.json["view_uri"], "grant")
        assert back.status_code == 303, back.text
        look = self.app.test_client().get(f"/consent-requests/{body['id']}", headers=self.bearer())
        return str(look.json["items"][0]["consent_id"])

    def decide(self, browser: FlaskClient, view_uri: str, decision: str, **more: object) -> TestResponse:
        page = browser.get(view_uri.removeprefix(PUBLIC_URL), follow_redirects=True)
        return self.submit(browser, page, decision, **more)

    def submit(self, browser: FlaskClient, page: TestResponse, decision: str, **more: object) -> TestResponse:
        """Press a button of the main form of a page."""
        from bs4 import BeautifulSoup

        form = BeautifulSoup(page.text, "html.parser").select_one("main form")
        assert form is not None, page.text
        fields = {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
        return browser.post(str(form["action"]), data={**fields, "decision": decision, **more})

    def log(self, *, txn: str | None = None) -> list[dict[str, Any]]:
        """The access log's cores, oldest first."""
        cores = [json.loads(row[0]) for row in self.run_sql("select core from audit_entries order by entry_id")]
        return [core for core in cores if "txn" in core and txn in {None, core["txn"]}]
