"""What the API answers is what its OpenAPI description says, and what it takes is what the description allows."""

import base64
import re
import uuid
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient
from joserfc import jwt

from notify.context import Notify
from notify.operations.received_texts import Incoming, give_number, take_text
from shared.auth import TokenVerifier
from tests.factories.notify import ADDRESS, VALUES, World
from tests.factories.notify_fixtures import RunJobs
from tests.factories.wallet import ISSUER, ISSUER_KEY, IssuerKeys

pytestmark = pytest.mark.rule("notify", "§3", "§4", "§5", "§6", "§7")
NOBODY = "6f1b4f3e-0000-4000-8000-000000000000"


class Described:
    """A caller that checks each request and answer against the description."""

    def __init__(self, client: FlaskClient, world: World) -> None:
        self.client, self.world = client, world
        self.headers: dict[str, str] = {}
        self.document = client.get("/openapi.json").get_json()

    def call(self, method: str, path: str, body: Any = None, kind: str = "normal") -> Any:
        bare = path.partition("?")[0]
        fitting = [each for each in self.document["paths"] if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", each), bare)]
        operation = self.document["paths"][min(fitting, key=lambda each: each.count("{"))][method.lower()]
        answer = self.client.open(path, method=method, json=body, headers=self.headers or self.world.headers(kind))
        if body is not None and answer.status_code < 300:
            jsonschema.validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
        said = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.get_json(), said)
        return answer


@pytest.fixture
def described(client: FlaskClient, world: World) -> Described:
    return Described(client, world)


def test_sends_and_reads(described: Described, world: World, run_jobs: RunJobs) -> None:
    ids = {channel: str(template) for channel, template in world.templates.items()}
    made = [
        described.call(
            "POST", "/v2/notifications/sms", {"phone_number": "07700900001", "template_id": ids["sms"], "personalisation": VALUES}
        ),
        described.call(
            "POST", "/v2/notifications/email", {"email_address": "a@b.com", "template_id": ids["email"], "personalisation": VALUES}
        ),
        described.call("POST", "/v2/notifications/letter", {"template_id": ids["letter"], "personalisation": VALUES | ADDRESS}),
        described.call("POST", "/v2/notifications/letter", {"reference": "r", "content": "JVBERi0="}),
        described.call(
            "POST", "/v2/notifications/mailbox", {"recipient": "11111111-1", "template_id": ids["mailbox"], "personalisation": VALUES}
        ),
    ]
    assert [answer.status_code for answer in made] == [201] * 5
    for _ in range(2):
        for answer in made:
            described.call("GET", f"/v2/notifications/{answer.json['id']}")
        assert len(described.call("GET", "/v2/notifications").json["notifications"]) == 5
        run_jobs()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v2/notifications/sms", {}, 400),
        ("POST", "/v2/notifications/email", {"email_address": "x"}, 400),
        ("GET", f"/v2/notifications/{NOBODY}", None, 404),
        ("GET", "/v2/notifications?status=x", None, 400),
        ("GET", f"/v2/template/{NOBODY}", None, 404),
        ("POST", "/v2/notifications/bulk", {}, 400),
        ("GET", f"/v2/notifications/bulk/{NOBODY}", None, 404),
    ],
)
def test_refusals(described: Described, method: str, path: str, body: Any, status: int) -> None:
    assert described.call(method, path, body).status_code == status


def test_templates_texts_and_jobs(described: Described, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    for channel, template in world.templates.items():
        described.call("GET", f"/v2/template/{template}")
        described.call("GET", f"/v2/template/{template}/version/1")
        described.call("POST", f"/v2/template/{template}/preview", {"personalisation": VALUES})
        assert channel
    assert len(described.call("GET", "/v2/templates").json["templates"]) == 4
    give_number(notify, world.service_id, "07700900555")
    assert take_text(notify, Incoming("x", str(uuid.uuid4()), "447700900123", "07700900555", "hola"))
    assert described.call("GET", "/v2/received-text-messages").json["received_text_messages"]
    rows = [["phone number", "name", "amount"], ["07700900001", "Ana", "1"]]
    job = described.call("POST", "/v2/notifications/bulk", {"template_id": str(world.templates["sms"]), "rows": rows}).json
    run_jobs()
    assert described.call("GET", f"/v2/notifications/bulk/{job['id']}").json["status"] == "finished"
    assert len(described.call("GET", "/v2/notifications/bulk").json["jobs"]) == 1
    assert described.call("GET", f"/v2/notifications/bulk/{job['id']}/errors").json == {"errors": []}


def test_templates_are_written_as_described(described: Described) -> None:
    body = {"type": "email", "name": "Aviso", "subject": "Hola", "body": "Venga.", "has_unsubscribe_link": True}
    made = described.call("POST", "/v2/templates", body).json
    path = f"/v2/template/{made['id']}"
    assert described.call("POST", path, {"body": "Venga mañana.", "version": 1}).json["version"] == 2
    assert described.call("POST", path, {"body": "Venga.", "version": 1}).status_code == 409
    assert len(described.call("GET", path + "/versions").json["versions"]) == 2
    assert described.call("GET", path + "/diff?from=1&to=2").json["changes"][0]["field"] == "body"
    assert described.call("POST", "/v2/templates", {}).status_code == 400
    published = f"/service/{described.world.service_id}/template/{made['id']}/versions"
    assert len(described.call("GET", published).json["data"]) == 2


def test_files_by_link(described: Described, world: World) -> None:
    path = f"/services/{world.service_id}/documents"
    body = {"document": base64.b64encode(b"a,b\n1,2\n").decode(), "filename": "a.csv", "confirmation_email": "camila@example.com"}
    stored = described.call("POST", path, body).json["document"]
    key = stored["direct_file_url"].partition("key=")[2]
    assert described.call("GET", f"{path}/{stored['id']}/check?key={key}").json["document"]["file_extension"] == "csv"
    proof = described.call("POST", f"{path}/{stored['id']}/authenticate", {"key": key, "email_address": "camila@example.com"})
    assert proof.status_code == 200
    assert described.call("GET", f"{path}/{NOBODY}/check?key={key}").status_code == 404
    assert described.call("POST", path, {}).status_code == 400


def test_a_persons_mailbox(described: Described, world: World, notify: Notify, run_jobs: RunJobs) -> None:
    notify.__dict__["token_verifier"] = TokenVerifier(IssuerKeys(), notify.clock, issuer=ISSUER, audience=notify.settings.public_url)
    now = int(notify.clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": notify.settings.public_url, "sub": "s-1", "client_id": "app", "scope": "notify:mailbox"}
    header = {"alg": "ES256", "kid": "issuer", "typ": "at+jwt"}
    token = jwt.encode(header, {**claims, "run": "11111111-1", "iat": now, "exp": now + 60}, ISSUER_KEY, algorithms=["ES256"])
    ids = {channel: str(template) for channel, template in world.templates.items()}
    sent = {"recipient": "11111111-1", "template_id": ids["mailbox"], "personalisation": VALUES}
    made = described.call("POST", "/v2/notifications/mailbox", sent).json["id"]
    run_jobs()
    described.headers = {"Authorization": f"Bearer {token}"}
    base = "/v1/mailbox"
    assert [each["id"] for each in described.call("GET", f"{base}/messages?limit=1").json["messages"]] == [made]
    assert described.call("GET", f"{base}/messages/{made}").json["read_at"] is None
    assert described.call("POST", f"{base}/messages/{made}/read").json["read_at"]
    assert len(described.call("GET", f"{base}/messages/{made}/proof").json["events"]) == 2
    assert described.call("GET", f"{base}/reminders").json == {"reminder": None, "returned_at": None}
    assert described.call("PUT", f"{base}/reminders", {"channel": "email", "to": "camila@example.com"}).json["reminder"]["after_days"] == 1
    assert described.call("GET", f"{base}/preferences").json == {"preference": None}
    wish = {"channels": ["email", "mailbox"], "email": "camila@example.com"}
    assert described.call("PUT", f"{base}/preferences", wish).json["preference"]["phone"] is None


def test_no_route_for_services_and_their_people_goes_without_a_description(described: Described) -> None:
    without = [
        f"{method} {path}"
        for path, operations in described.document["paths"].items()
        if path.startswith(("/v1/mailbox", "/v2", "/services", "/service/"))
        for method, operation in operations.items()
        if operation["responses"].keys() - {"default"} == {"200"} and "content" not in operation["responses"]["200"]
    ]
    assert without == []


def test_callbacks_unsubscribes_proofs_people_and_reminders(described: Described, world: World, run_jobs: RunJobs) -> None:
    told = {"kind": "complaint", "url": "https://service.example.com/told", "bearer_token": "bearer-of-tests"}
    assert described.call("POST", "/v2/callbacks/settings", told).json["signing_secret"].startswith("whsec_")
    assert described.call("GET", "/v2/callbacks").json == {"callbacks": []}
    assert described.call("POST", f"/v2/callbacks/{NOBODY}/replay", None).status_code == 404
    assert described.call("GET", "/v2/unsubscribe-requests").json == {"unsubscribe_requests": []}
    assert described.call("POST", "/v2/unsubscribe-requests/processed", {"ids": [NOBODY]}).json == {"processed": 0}
    templates = {"mailbox": str(world.templates["mailbox"])}
    made = described.call("POST", "/v2/notifications/person", {"person": "11111111-1", "templates": templates, "personalisation": VALUES})
    run_jobs()
    assert described.call("GET", f"/v2/notifications/{made.json['id']}/proof").json["message"]["type"] == "mailbox"
    wanted = {"template_id": str(world.templates["sms"]), "phone_number": "07700900001", "personalisation": VALUES, "date": "2027-03-01"}
    reminder = described.call("POST", "/v2/reminders", wanted | {"days_before": [7, 1]}).json
    assert described.call("GET", f"/v2/reminders/{reminder['id']}").json == reminder
    assert len(described.call("GET", "/v2/reminders").json["reminders"]) == 2
    assert described.call("POST", f"/v2/reminders/{reminder['id']}/cancel").json["reminders"][0]["state"] == "cancelled"
    assert described.call("POST", "/v2/reminders", {}).status_code == 400
