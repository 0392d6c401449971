"""`andamio onboard`: register an organisation and its service over HTTP, and make a first call to each of the four components.

It does what a team does on its first morning, against the running sandbox, and tells how long it took and how many fields were asked.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc.jwk import ECKey

from deploy.errors import CannotStart
from deploy.onboard_fields import FIELDS
from deploy.sandbox import settings as sandbox_settings
from deploy.sandbox.clients import MachineTokens, notify_client

REGISTER_SCOPE = "identity:register"
Document = dict[str, Any]


class OnboardingFault(CannotStart):
    """Something did not answer as promised; the sentence says what."""


@dataclass
class Run:
    """One registration under way: what was said, and what came back."""

    sandbox: Document
    http: httpx.Client
    steps: list[Document] = field(default_factory=list)

    def step(self, name: str, work: Callable[[], str]) -> None:
        """Do one step and note how long it took.  Raises: OnboardingFault."""
        begun = time.perf_counter()
        try:
            told = work()
        except (httpx.HTTPError, KeyError, ValueError) as fault:
            raise OnboardingFault(f"{name}: {type(fault).__name__}") from fault
        self.steps.append({"step": name, "result": told, "seconds": round(time.perf_counter() - begun, 3)})


def onboard(parsed: argparse.Namespace) -> tuple[Document, list[str]]:
    """Register and call; return the document for programs and the lines for people.  Raises: CannotStart."""
    filled = {name: str(getattr(parsed, name)) for name in FIELDS}
    begun = time.perf_counter()
    with httpx.Client(timeout=20, trust_env=False) as http:
        run = Run(_sandbox(), http)
        keys = _register(run, filled)
        _call_all(run, keys)
    seconds = round(time.perf_counter() - begun, 2)
    answer = keys["answer"]
    document = {"ok": True, "seconds": seconds, "fields": len(FIELDS), "steps": run.steps, "org_id": answer["org_id"]}
    document |= {"service_id": answer["service_id"], "keys": answer, "machine_private_jwk": keys["private_jwk"]}
    lines = [f"{step['step']:32} {step['result']}  ({step['seconds']} s)" for step in run.steps]
    return document, [*lines, f"{len(FIELDS)} fields, {seconds} seconds. Keys are shown with --json, this once."]


def _sandbox() -> Document:
    path = sandbox_settings.from_environment().folder / "sandbox.json"
    try:
        found: Document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CannotStart("No sandbox is running here: start one with `andamio sandbox`.") from None
    return found


def _register(run: Run, filled: Mapping[str, str]) -> Document:
    identity = run.sandbox["identity"]
    machine = identity["clients"]["machine"]
    private = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
    private.ensure_kid()
    keys: Document = {"private_jwk": private.as_dict(private=True)}

    def register() -> str:
        tokens = MachineTokens(issuer=identity["issuer"], client_id=machine["client_id"], private_jwk=machine["private_jwk"])
        token = tokens.token(audience=identity["base_url"], scope=REGISTER_SCOPE)
        body = {**filled, "jwk": private.as_dict(private=False)}
        url = identity["base_url"] + "/register/v1/onboarding"
        reply = run.http.post(url, json=body, headers={"Authorization": f"Bearer {token}"})
        if reply.status_code != 201:
            raise OnboardingFault(f"identity answered {reply.status_code}: {reply.json().get('detail', '')}")
        keys["answer"] = reply.json()
        away = [name for name in ("notify", "pay", "wallet") if "state" in keys["answer"][name]]
        if away:
            raise OnboardingFault(f"{', '.join(away)} did not enter the service")
        return str(keys["answer"]["service_id"])

    run.step("registered", register)
    return keys


def _call_all(run: Run, keys: Document) -> None:
    """Make a first call to each component with the keys it gave."""
    answer, identity = keys["answer"], keys["answer"]["identity"]
    machine = MachineTokens(issuer=identity["issuer"], client_id=identity["machine"]["client_id"], private_jwk=keys["private_jwk"])
    notify, pay, wallet = answer["notify"], answer["pay"], answer["wallet"]

    def ask_identity() -> str:
        return "access token" if machine.token(audience=wallet["base_url"], scope="wallet:consents") else ""

    def ask_notify() -> str:
        client = notify_client(notify["base_url"], notify["api_keys"]["test"])
        sent = client.send_email_notification(
            email_address="vecina@example.com", template_id=notify["template_id"], personalisation={"name": "Rosa"}, reference="primera"
        )
        return f"email {sent['id']}"

    def ask_pay() -> str:
        body = {"amount": 14500, "reference": "primera", "description": "Prueba", "return_url": "https://permisos.example.com/vuelta"}
        headers = {"Authorization": f"Bearer {pay['api_key']}"}
        reply = run.http.post(pay["base_url"] + "/v1/payments", json=body, headers=headers)
        return f"payment {_good(reply, 201)['payment_id']}"

    def ask_wallet() -> str:
        token = machine.token(audience=wallet["base_url"], scope="wallet:consents")
        reply = run.http.get(wallet["base_url"] + "/consents", headers={"Authorization": f"Bearer {token}"})
        _good(reply, 200)
        return "list of consents"

    for name, work in (("identity", ask_identity), ("notify", ask_notify), ("pay", ask_pay), ("wallet", ask_wallet)):
        run.step(f"first call to {name}", work)


def _good(reply: httpx.Response, status: int) -> Document:
    """Return the body of an answer of the right status.  Raises: OnboardingFault."""
    if reply.status_code != status:
        raise OnboardingFault(f"{reply.request.url.path} answered {reply.status_code}")
    found: Document = reply.json()
    return found
