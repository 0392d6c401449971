"""The five requests that are measured, made from a running sandbox's sandbox.json."""

import json
import time
import uuid
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt as notify_jwt
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.bench.load import Target, raw_request
from shared.notify_client import read_key

UNIQUE_REQUESTS = 12_000
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OK, CREATED = frozenset({200}), frozenset({201})


def discovery(sandbox: dict[str, Any]) -> Target:  # sandbox.json, read by key
    """GET the OpenID Connect metadata."""
    url = sandbox["identity"]["issuer"] + "/.well-known/openid-configuration"
    return Target("discovery", sandbox["identity"]["base_url"], [raw_request("GET", url, {})], OK)


def client_credentials(sandbox: dict[str, Any], unique: int = UNIQUE_REQUESTS) -> Target:
    """POST the token endpoint with a fresh private_key_jwt assertion each time, so many of them."""
    client, issuer = sandbox["identity"]["clients"]["machine"], sandbox["identity"]["issuer"]
    bodies = [grant(client, issuer, sandbox["notify"]["base_url"]) for _ in range(unique)]
    return Target(
        "client_credentials", sandbox["identity"]["base_url"], [raw_request("POST", issuer + "/token", FORM, body) for body in bodies], OK
    )


def grant(client: dict[str, Any], issuer: str, resource: str) -> bytes:
    """Return the form of a token request by private_key_jwt."""
    key = ECKey.import_key(client["private_jwk"])
    now = int(time.time())
    claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": issuer, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 290}
    assertion = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
    form = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "resource": resource,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    return urlencode(form).encode()


def notify_sms(sandbox: dict[str, Any]) -> Target:
    """POST a text message with the test key, which does all but hand it over."""
    notify = sandbox["notify"]
    key = notify["api_keys"]["test"]
    service_id, secret = read_key(key)
    token = notify_jwt.encode({"iss": service_id, "iat": int(time.time()) + 25}, secret, algorithm="HS256")
    personalisation = {"name": "Camila", "reference": "A-1", "amount": "$3.500", "date": "21 de noviembre de 2026"}
    about = {"template_id": notify["templates"]["sms"], "personalisation": personalisation}
    url, headers = notify["base_url"] + "/v2/notifications/sms", {**JSON, "Authorization": f"Bearer {token}"}
    bodies = [json.dumps({"phone_number": f"+447900900{number:03}", **about}) for number in range(1000)]
    return Target("POST v2 SMS", notify["base_url"], [raw_request("POST", url, headers, body.encode()) for body in bodies], CREATED)


def pay_create(sandbox: dict[str, Any]) -> Target:
    """POST a payment."""
    pay = sandbox["pay"]
    body = json.dumps(
        {"amount": 3500, "reference": "A-1", "description": "Certificado", "return_url": sandbox["example"] + "/back"}
    ).encode()
    headers = {**JSON, "Authorization": "Bearer " + pay["api_keys"]["load"]}
    return Target("POST v1 payments", pay["base_url"], [raw_request("POST", pay["base_url"] + "/v1/payments", headers, body)], CREATED)


def exchange(sandbox: dict[str, Any], unique: int = UNIQUE_REQUESTS) -> Target:
    """POST an exchange on the law road: two log rows and one call to the registry each; so many with ids of their own."""
    wallet, consumer = sandbox["wallet"], sandbox["wallet"]["consumer"]
    form = grant(consumer, sandbox["identity"]["issuer"], wallet["base_url"])
    answer = httpx.post(sandbox["identity"]["issuer"] + "/token", content=form, headers=FORM).raise_for_status().json()
    headers = {**JSON, "Authorization": "Bearer " + answer["access_token"]}
    url = wallet["base_url"] + "/exchange/v1/requests"
    run = sandbox["identity"]["citizens"][0]["run"]
    bodies = [json.dumps(asking(wallet, run)).encode() for _ in range(unique)]
    return Target("exchange", wallet["base_url"], [raw_request("POST", url, headers, body) for body in bodies], OK)


def asking(wallet: dict[str, Any], run: str) -> dict[str, Any]:
    """Return the body of an exchange on the law road, with an id of its own."""
    return {
        "request_id": str(uuid.uuid4()),
        "subject": {"scheme": "cl-run", "value": run},
        "dataset_id": wallet["dataset_id"],
        "fields": wallet["fields"],
        "purpose_id": wallet["purpose_id"],
        "basis": {"kind": "law", "agreement_id": wallet["law_agreement_id"], "law_reference": "Ley 19.880 art. 24 bis"},
        "procedure": {"code": wallet["procedure_code"], "case_id": "case-1"},
        "official": {"id": "9999999-3", "unit": "Personal"},
    }


def for_load(sandbox: dict[str, Any], unique: int) -> dict[str, Target]:
    """Return all of them by name, good for the next half minute."""
    made = (
        discovery(sandbox), client_credentials(sandbox, unique), notify_sms(sandbox), pay_create(sandbox), exchange(sandbox, unique),
    )  # fmt: skip
    return {target.name: target for target in made}


ALL = (discovery, client_credentials, notify_sms, pay_create, exchange)
