"""Estonia's published findUsage: our three paths answer it, and our client asks and reads as it says.  Spec: wallet contract §10.5, §19.

The document is a copy: tests/data/estonia-findusage-2.1.0.yaml says whose and by which licence.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker
from schemathesis.config import SchemathesisConfig

from shared.http import Reply
from tests.conformance.wallet.test_any_input import AUDITOR, no_fault
from tests.factories.wallet import LAW_AGREEMENT, REGISTRY, RUN, World
from wallet.models import Client
from wallet.operations.usages import usages_elsewhere

DOCUMENT = yaml.safe_load((Path(__file__).resolve().parents[2] / "data" / "estonia-findusage-2.1.0.yaml").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
ANSWERS: dict[str, Any] = {**SCHEMAS["FindUsageResponse"], "components": DOCUMENT["components"]}
FIND = DOCUMENT["paths"]["/v2/findUsage"]["get"]
WORDS = st.text(max_size=20)
USAGE = st.fixed_dictionaries(
    {"logtime": st.datetimes().map(lambda at: at.isoformat(timespec="seconds") + "Z"), "action": WORDS}
    | {"receiverCode": WORDS, "receiverSystem": WORDS},
    optional={"receiverName": WORDS},
)
FITTING = st.fixed_dictionaries({}, optional={"totalUsages": st.integers(0, 2**31 - 1), "usages": st.lists(USAGE, max_size=3)})
FOUND = {"logtime": "2021-01-31T10:20:30Z", "action": "Isiku päring", "receiverCode": "12345678", "receiverSystem": "Terviseportaal"}


@pytest.mark.rule("wallet", "§10.5", "§19")
def test_our_three_paths_answer_what_the_document_asks_in_its_form(world: World) -> None:
    now, jwks = world.clock.now(), dict[str, object](keys=[])
    made = {"redirect_uris": [], "jwks": jwks, "created_at": now, "updated_at": now}
    world.add(Client(client_id=AUDITOR, org_id=REGISTRY, display_name="Auditor", roles=["auditor"], **made))
    world.fetch(world.exchange_body(basis={"kind": "law", "agreement_id": LAW_AGREEMENT}))

    def ours_under_their_document(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/document.json":
            return world.app(environ, start)
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(DOCUMENT).encode()]

    schema = schemathesis.openapi.from_wsgi("/document.json", ours_under_their_document, config=SchemathesisConfig())
    operations = [result.ok() for result in schema.get_all_operations()]
    assert {one.path for one in operations} == {"/v2/findUsage", "/v2/usagePeriod", "/v2/heartbeat"}
    headers = {**world.bearer(AUDITOR), "X-Road-UserId": "CL55555555-5"}
    for operation in operations:
        no_fault(operation, headers, is_of_its_form=True)
    found = world.app.test_client().get(f"/v2/findUsage?userCode=CL{RUN}&offset=0&limit=1000", headers=headers).json
    check(found)
    assert found["totalUsages"] == 1


class Register:
    """Somebody else's register that keeps to the document: what it was asked, and what it says next."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        self.says: object = {}

    def request(self, method: str, url: str, *, headers: dict[str, str], **_: object) -> Reply:
        self.calls.append((method, url, headers))
        return Reply(200, {}, json.dumps(self.says).encode())


@pytest.fixture
def register(world: World) -> Register:
    made = Register()
    world.wallet.http = made  # type: ignore[assignment]  # it is asked for nothing else here
    object.__setattr__(world.wallet.settings, "usage_registers", ("Terviseportaal=https://aj.example",))
    return made


@pytest.mark.rule("wallet", "§10.5", "§19")
def test_our_client_asks_as_the_document_says(world: World, register: Register) -> None:
    register.says = {"totalUsages": 3, "usages": [FOUND]}
    page = world.browser().get("/elsewhere").text
    (method, url, headers) = register.calls[0]
    asked, named = urlsplit(url), {one["name"]: one for one in FIND["parameters"]}
    query = dict(parse_qsl(asked.query, strict_parsing=True))
    assert (method, asked.path) == ("GET", "/v2/findUsage")
    assert {name for name, one in named.items() if one["required"]} <= query.keys() | headers.keys()
    for name, value in query.items():
        schema = named[name]["schema"]
        Draft4Validator(schema, format_checker=FormatChecker()).validate(int(value) if schema["type"] == "integer" else value)
    assert query["userCode"] == headers["X-Road-UserId"] == f"CL{RUN}"  # with the country before it, as in the document's example
    assert "Isiku päring" in page
    assert "Se muestran los más recientes: 1 de 3" in page


@pytest.mark.rule("wallet", "§10.5", "§19")
def test_our_client_reads_whatever_answer_fits_the_document(world: World, register: Register) -> None:
    @settings(max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(answer=FITTING)
    def reads(answer: dict[str, Any]) -> None:
        check(answer)
        register.says = answer
        (found,) = usages_elsewhere(world.wallet, RUN)
        if "usages" in answer:
            assert found.usages is not None
            assert len(found.usages) == len(answer["usages"])
        else:
            assert found.usages is None  # an answer that says nothing is not one that says "nobody"

    reads()


@pytest.mark.rule("wallet", "§10.5")
@pytest.mark.parametrize(
    "said", [[], "x", {"usages": 1}, {"usages": [FOUND, None]}, {"totalUsages": "many", "usages": [FOUND]}, {"usages": [[]]}]
)
def test_an_answer_that_does_not_fit_is_survived(world: World, register: Register, said: object) -> None:
    register.says = said
    assert world.browser().get("/elsewhere").status_code == 200


def check(answer: object) -> None:
    Draft4Validator(ANSWERS, format_checker=FormatChecker()).validate(answer)
