"""Whatever fits the OpenAPI document: the endpoints of the protocol and the register answer it, and never with a 5xx."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig

from tests.factories.identity import PUBLIC_URL, House

EXAMPLES = 15
WATCHED = ("/openid/", "/register/v1/", "/.well-known/")
SLASHED = "/"


def operations(house: House) -> list[Any]:
    """Each operation of the protocol and of the register once; the forms with a final slash are the same views."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", house.app, config=SchemathesisConfig())
    found = [result.ok() for result in schema.get_all_operations()]
    return [each for each in found if each.path.startswith(WATCHED) and not each.path.endswith(SLASHED)]


@pytest.mark.rule("identity", "HT-2", "HT-5", "§2.29")
def test_no_input_is_a_fault_of_ours(house: House) -> None:
    token = house.token(house.machine_form(scope="identity:register", resource=PUBLIC_URL)).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    found = operations(house)
    for operation in found:
        no_fault(operation, headers if operation.path.startswith("/register") else {})
    tried = {f"{operation.method.upper()} {operation.path}" for operation in found}
    assert {
        "POST /openid/token",
        "POST /openid/par",
        "POST /openid/introspect",
        "POST /openid/revoke",
        "POST /register/v1/clients",
    } <= tried


def no_fault(operation: Any, headers: dict[str, str]) -> None:
    """Call one operation with many inputs."""

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, (case.method, case.path, case.body, case.query, case.headers)

    check()
