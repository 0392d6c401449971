"""Whatever fits the OpenAPI document: every route for machines answers it, never with a 5xx, and findUsage in its own form.

Spec: wallet contract §5.4, §8, §9, §10.5, §18, §19.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig

from tests.factories.wallet import CONSUMER, LAW_AGREEMENT, PROVIDER, REGISTRY, World
from wallet.models import Client

EXAMPLES = 6
AUDITOR = "auditor-system"
SCOPES = "wallet:consents wallet:exchange wallet:provide wallet:log wallet:flows grant_management_query grant_management_revoke"


@pytest.mark.rule("wallet", "§5.4", "§8.2", "§9", "§18")
def test_no_input_is_a_fault_of_ours(world: World) -> None:
    tried = set()
    for operation in operations(world):
        no_fault(operation, world.bearer(PROVIDER if operation.path.startswith("/registry") else CONSUMER, SCOPES))
        tried.add(f"{operation.method.upper()} {operation.path}")
    assert {"POST /consent-requests", "POST /exchange/v1/requests", "POST /agreements", "POST /registry/datasets", "POST /token"} <= tried


@pytest.mark.rule("wallet", "§10.5", "§19")
def test_find_usage_keeps_to_its_published_form_whatever_is_asked(world: World) -> None:
    now = world.clock.now()
    jwks: dict[str, object] = {"keys": []}
    made = {"redirect_uris": [], "jwks": jwks, "created_at": now, "updated_at": now}
    world.add(Client(client_id=AUDITOR, org_id=REGISTRY, display_name="Auditor", roles=["auditor"], **made))
    world.fetch(world.exchange_body(basis={"kind": "law", "agreement_id": LAW_AGREEMENT}))
    headers = {**world.bearer(AUDITOR), "X-Road-UserId": "CL55555555-5"}
    found = [one for one in operations(world) if one.path.startswith("/v2/")]
    assert {one.path for one in found} == {"/v2/findUsage", "/v2/usagePeriod", "/v2/heartbeat"}
    for operation in found:
        no_fault(operation, headers, is_of_its_form=True)
    whole = world.app.test_client().get("/v2/findUsage?userCode=CL11111111-1", headers=headers)
    assert whole.json["totalUsages"] == 1


def operations(world: World) -> list[Any]:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", world.app, config=SchemathesisConfig())
    return [result.ok() for result in schema.get_all_operations()]


def no_fault(operation: Any, headers: dict[str, str], *, is_of_its_form: bool = False) -> None:
    """Call one operation with many inputs."""

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (case.method, case.path, case.path_parameters, case.body, case.query)
        if is_of_its_form and answer.status_code == 200:
            operation.validate_response(answer)

    check()
