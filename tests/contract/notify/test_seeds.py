"""The seeds of the sandbox: what other parts rely on, and that a second start changes nothing."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from deploy.sandbox.plan import Plan
from deploy.sandbox.ports import Ports
from deploy.sandbox.seeds.notify import RECEIPTS, seed
from notify.context import Notify
from notify.standards.personalisation import placeholders
from notify.standards.service_jwt import sign


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path, Ports(8000), b"s" * 32)


def test_a_second_seed_gives_the_same(notify: Notify, plan: Plan, client: FlaskClient) -> None:
    first = seed(notify, plan)
    assert seed(notify, plan) == first
    key = str(first["api_keys"]["live"])  # type: ignore[index]  # the part is a JSON object
    headers = {"Authorization": f"Bearer {sign(key[-73:-37], key[-36:], notify.clock.now().timestamp())}"}
    found = client.get("/v2/templates", headers=headers).json["templates"]
    assert {template["name"]: template["version"] for template in found} == {
        **{words.name: 1 for words in RECEIPTS.values()},
        "Client Functional test email template": 1,
        "Client Functional test sms template": 2,
        "Client functional letter template": 2,
    }


@pytest.mark.rule("notify", "§21")
def test_the_variables_of_the_client_harnesses_are_all_there(notify: Notify, plan: Plan) -> None:
    env = seed(notify, plan)["env"]
    assert set(env) == {  # type: ignore[call-overload]  # the part is a JSON object
        *("NOTIFY_API_URL", "API_KEY", "API_SENDING_KEY", "INBOUND_SMS_QUERY_KEY", "FUNCTIONAL_TEST_EMAIL", "FUNCTIONAL_TEST_NUMBER"),
        *("EMAIL_TEMPLATE_ID", "SMS_TEMPLATE_ID", "LETTER_TEMPLATE_ID", "EMAIL_REPLY_TO_ID", "SMS_SENDER_ID"),
    }


@pytest.mark.parametrize("channel", ["email", "sms", "letter", "mailbox"])
def test_receipts_use_the_agreed_keys(channel: str) -> None:
    words = RECEIPTS[channel]
    assert set(placeholders(words.subject or "", words.body)) == {"name", "reference", "amount", "date"}
