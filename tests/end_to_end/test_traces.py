"""What one person set going is one trace, and one journey id in the logs of all four services, jobs included."""

import gzip
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt as notify_jwt
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from deploy.bench import targets
from deploy.services import SERVICES
from deploy.system import wait_until
from shared import telemetry
from tests.sandboxes import RunningSandbox

WAIT_SECONDS = 60


def sampled_journey() -> str:
    """A journey that is among the one in twenty whose trace is kept."""
    sampler = TraceIdRatioBased(telemetry.SAMPLED_SHARE)
    while True:
        journey = f"test-{secrets.token_hex(8)}"
        if sampler.should_sample(None, telemetry.trace_of(journey), "any").decision is Decision.RECORD_AND_SAMPLE:
            return journey


def spans_of(folder: Path, journey: str) -> Iterator[tuple[str, str]]:
    """(service, span's name) of what the collector was told about a journey."""
    wanted = telemetry.trace_of(journey).to_bytes(16)
    for file in (folder / "traces").glob("*.otlp"):
        body = file.read_bytes()
        told = ExportTraceServiceRequest.FromString(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        for resource in told.resource_spans:
            (service,) = [each.value.string_value for each in resource.resource.attributes if each.key == "service.name"]
            yield from ((service, span.name) for scope in resource.scope_spans for span in scope.spans if span.trace_id == wanted)


def logged(folder: Path, service: str, journey: str) -> bool:
    """Whether a line of the service's log names the journey."""
    lines = (folder / "logs" / f"{service}.log").read_text(encoding="utf-8").splitlines()
    return any(json.loads(line).get("journey_id") == journey for line in lines if line.startswith("{"))


@pytest.mark.rule("requirements", "SH-6")
def test_one_journey_through_four_services_and_their_workers_is_one_trace(sandbox: RunningSandbox) -> None:
    journey, facts = sampled_journey(), sandbox.facts
    with httpx.Client(headers={"X-Journey-Id": journey}, timeout=60) as client:
        consumer, issuer = facts["wallet"]["consumer"], facts["identity"]["issuer"]
        form = targets.grant(consumer, issuer, facts["wallet"]["base_url"])
        token = client.post(issuer + "/token", content=form, headers=targets.FORM).raise_for_status().json()["access_token"]
        asked = targets.asking(facts["wallet"], facts["identity"]["citizens"][0]["run"])
        bearer = {"Authorization": f"Bearer {token}"}
        client.post(facts["wallet"]["base_url"] + "/exchange/v1/requests", json=asked, headers=bearer).raise_for_status()
        payment = {"amount": 100, "reference": "trace", "description": "x", "return_url": facts["example"] + "/back"}
        key = {"Authorization": f"Bearer {facts['pay']['api_keys']['test']}"}
        made = client.post(facts["pay"]["base_url"] + "/v1/payments", json=payment, headers=key).raise_for_status().json()
        client.post(f"{facts['pay']['base_url']}/v1/payments/{made['payment_id']}/cancel", headers=key).raise_for_status()
        client.post(facts["notify"]["base_url"] + "/v2/notifications/sms", json=text(facts), headers=text_key(facts)).raise_for_status()

    def found() -> set[tuple[str, str]]:
        return set(spans_of(sandbox.folder, journey))

    def is_whole() -> bool:
        spans = found()
        jobs = {service for service, name in spans if name.startswith("job ")}
        return {service for service, _ in spans} == set(SERVICES) and {"notify", "pay"} <= jobs

    assert wait_until(is_whole, WAIT_SECONDS, pause_seconds=0.5), found()
    requests = {service: name for service, name in found() if name.startswith("POST ")}
    assert requests.keys() == set(SERVICES)
    assert any(service == "wallet" and name.startswith("call ") for service, name in found()), "the gate asks the register"
    for service in SERVICES:
        assert wait_until(lambda service=service: logged(sandbox.folder, service, journey), 10), service  # type: ignore[misc] # the default pins the loop's value


def text(facts: object) -> dict[str, object]:
    """A text message."""
    personalisation = {"name": "Camila", "reference": "A-1", "amount": "$3.500", "date": "hoy"}
    return {"phone_number": "+56912345678", "template_id": facts["notify"]["templates"]["sms"], "personalisation": personalisation}  # type: ignore[index]


def text_key(facts: object) -> dict[str, str]:
    """The key that really sends."""
    key = facts["notify"]["api_keys"]["live"]  # type: ignore[index]
    token = notify_jwt.encode({"iss": key[-73:-37], "iat": int(time.time())}, key[-36:], algorithm="HS256")
    return {"Authorization": f"Bearer {token}"}
