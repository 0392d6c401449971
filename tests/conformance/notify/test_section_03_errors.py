"""Refusals of notify-api §3: texts, several at once, and which of two faults is told."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from notify.context import Notify
from notify.models import Service
from notify.schemas.wire import parse_json
from tests.factories.notify import ADDRESS, VALUES, World, add_template, make_world

pytestmark = pytest.mark.rule("notify", "§3")
SMS, EMAIL, LETTER, MAILBOX = (f"/v2/notifications/{channel}" for channel in ("sms", "email", "letter", "mailbox"))


def valid(world: World, channel: str) -> dict[str, Any]:
    recipient = {
        "sms": {"phone_number": "07700900001"},
        "email": {"email_address": "a@b.com"},
        "mailbox": {"recipient": "11111111-1"},
        "letter": {},
    }[channel]
    values = VALUES | (ADDRESS if channel == "letter" else {})
    return {**recipient, "template_id": str(world.templates[channel]), "personalisation": values}


def post(client: FlaskClient, world: World, channel: str, body: Any, kind: str = "normal") -> tuple[int, list[tuple[str, str]]]:
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = client.post(f"/v2/notifications/{channel}", data=data, headers=world.headers(kind))
    document = answer.json
    assert document["status_code"] == answer.status_code
    return answer.status_code, [(entry["error"], entry["message"]) for entry in document["errors"]]


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("sms", {"template_id": "x"}, "template_id is not a valid UUID"),
    ("sms", {"template_id": 5}, "template_id is not a valid UUID"),
    ("sms", {"sms_sender_id": "x"}, "sms_sender_id is not a valid UUID"),
    ("sms", {"phone_number": None}, "phone_number None is not of type string"),
    ("sms", {"phone_number": 7700900003}, "phone_number 7700900003 is not of type string"),
    ("sms", {"phone_number": ["07700900003"]}, "phone_number [07700900003] is not of type string"),
    ("sms", {"reference": None}, "reference None is not of type string"),
    ("sms", {"reference": "r" * 1001}, f"reference {'r' * 1001} is too long"),
    ("sms", {"scheduled_for": 5}, "scheduled_for 5 is not of type string, null"),
    ("sms", {"scheduled_for": "2026-06-08T15:59:59"}, "scheduled_for datetime can not be in the past"),
    ("sms", {"scheduled_for": "2026-06-09T16:00:01"}, "scheduled_for datetime can only be 24 hours in the future"),
    (
        "sms",
        {"scheduled_for": "tomorrow"},
        "scheduled_for datetime format is invalid. It must be a valid ISO8601 date time format, https://en.wikipedia.org/wiki/ISO_8601",
    ),
    ("email", {"sanitise_content_for": "x"}, "sanitise_content_for x is not of type array, null"),
    ("sms", {"personalisation": "not_a_dict"}, "personalisation not_a_dict is not of type object"),
    ("sms", {"personalisation": None}, "personalisation None is not of type object"),
    ("sms", {"foo": 1}, "Additional properties are not allowed (foo was unexpected)"),
    ("sms", {"foo": 1, "bar": 2}, "Additional properties are not allowed (bar, foo were unexpected)"),
    ("sms", {"email_address": "a@b.com"}, "Additional properties are not allowed (email_address was unexpected)"),
    ("sms", {"phone_number": "+99912345678"}, "phone_number Too many digits"),
    ("sms", {"phone_number": "999"}, "phone_number Not enough digits"),
    ("sms", {"phone_number": "07" + "7" * 5000}, "phone_number Too many digits"),
    ("sms", {"phone_number": ""}, "phone_number Not enough digits"),
    ("sms", {"phone_number": "07abc"}, "phone_number Must not contain letters or symbols"),
    ("sms", {"phone_number": "0800123456"}, "phone_number Number is not valid – double check the phone number you entered"),
    ("email", {"email_address": "a@b"}, "email_address Not a valid email address"),
    ("email", {"email_address": "a@b.com\r\nBcc: c@d.com"}, "email_address Not a valid email address"),
    ("email", {"one_click_unsubscribe_url": "http://e.com"}, "one_click_unsubscribe_url is not a valid https url"),
    ("email", {"one_click_unsubscribe_url": "https://e.com>\r\nBcc: c@d.com"}, "one_click_unsubscribe_url is not a valid https url"),
    ("mailbox", {"recipient": "11111111-2"}, "recipient Not a valid RUN or subject identifier"),
]


@pytest.mark.parametrize(("channel", "change", "message"), CHANGES)
def test_validation_texts(client: FlaskClient, world: World, channel: str, change: dict[str, Any], message: str) -> None:
    assert post(client, world, channel, valid(world, channel) | change) == (400, [("ValidationError", message)])


@pytest.mark.parametrize("body", [b"{}", b"null", b"[]", b"\xef\xbb\xbf{}"])
def test_an_empty_body_misses_every_required_property(client: FlaskClient, world: World, body: bytes) -> None:
    messages = [("ValidationError", f"{name} is a required property") for name in ("phone_number", "template_id")]
    assert post(client, world, "sms", body) == (400, messages)


def test_several_faults_are_told_together_in_the_order_of_the_schema(client: FlaskClient, world: World) -> None:
    body = {"template_id": "x", "reference": 5, "zzz": 1}
    assert [message for _, message in post(client, world, "sms", body)[1]] == [
        "reference 5 is not of type string",
        "template_id is not a valid UUID",
        "phone_number is a required property",
        "Additional properties are not allowed (zzz was unexpected)",
    ]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b"[" * 65 + b"]" * 65),
        b'{"reference": "\xed\xa0\x80"}',  # half of a surrogate pair, not written as an escape
        '{"reference": "\\u0000"}'.encode("utf-16"),
        b'{"personalisation": {"x": ' + b"[" * 600 + b'"\\u0000"' + b"]" * 600 + b"}}",
    ],
)
def test_what_is_not_json_is_refused(client: FlaskClient, world: World, body: bytes) -> None:
    assert post(client, world, "sms", body) == (400, [("BadRequestError", "Invalid JSON supplied in POST data")])


def test_lists_in_lists_are_read_to_a_depth() -> None:
    assert repr(parse_json(b"[" * 64 + b"]" * 64)) == "[" * 64 + "]" * 64


def test_a_json_text_is_no_object(client: FlaskClient, world: World) -> None:
    assert post(client, world, "sms", b'"x"') == (400, [("ValidationError", "x is not of type object")])


def test_a_body_over_the_limit_is_refused(client: FlaskClient, world: World) -> None:
    status, errors = post(client, world, "sms", b'{"a": "' + b"x" * 9_000_000 + b'"}')
    assert (status, errors[0][0]) == (413, "BadRequestError")


def refusals(world: World) -> dict[str, tuple[str, dict[str, Any], str]]:
    other = make_world(world.notify)
    archived = add_template(world, "sms", archived=True)
    conditional = add_template(world, "sms", body="((x??y))")
    long_sms, long_email = add_template(world, "sms", body="((x))"), add_template(world, "email", body="((x))", subject="x")
    unknown = "6f1b4f3e-0000-4000-8000-000000000000"
    return {
        "unknown template": ("sms", {"template_id": unknown}, "Template not found"),
        "another service's": ("sms", {"template_id": str(other.templates["sms"])}, "Template not found"),
        "wrong type": ("sms", {"template_id": str(world.templates["email"])}, "email template is not suitable for sms notification"),
        "archived": ("sms", {"template_id": str(archived)}, "Template has been deleted"),
        "missing": ("email", {"personalisation": {}}, "Missing personalisation: name, amount"),
        "null is missing": ("sms", {"personalisation": {"name": None, "amount": 1}}, "Missing personalisation: name"),
        "empty": ("sms", {"template_id": str(conditional), "personalisation": {"x": "no"}}, "Your message is empty."),
        "sms too long": (
            "sms",
            {"template_id": str(long_sms), "personalisation": {"x": "a" * 919}},
            "Your message is too long. Text messages cannot be longer than 918 characters. Your message is 919 characters long.",
        ),
        "email too long": (
            "email",
            {"template_id": str(long_email), "personalisation": {"x": "ñ" * 1_000_001}},
            "Your message is too long. Emails cannot be longer than 2000000 bytes. Your message is 2000002 bytes.",
        ),
        "sender": (
            "sms",
            {"sms_sender_id": unknown},
            f"sms_sender_id {unknown} does not exist in database for service id {world.service_id}",
        ),
        "reply-to": (
            "email",
            {"email_reply_to_id": unknown},
            f"email_reply_to_id {unknown} does not exist in database for service id {world.service_id}",
        ),
        "file in sms": ("sms", {"personalisation": VALUES | {"f": {"file": "YQ=="}}}, "Can only send a file by email"),
        "large file in sms": (
            "sms",
            {"template_id": str(long_sms), "personalisation": {"x": {"file": "YQ==" * 50_000}}},
            "Can only send a file by email",
        ),
        "file in letter": ("letter", {"personalisation": VALUES | ADDRESS | {"f": {"file": "YQ=="}}}, "Can only send a file by email"),
        "file not set up": (
            "email",
            {"personalisation": VALUES | {"f": {"file": "YQ=="}}},
            (
                "Send files by email has not been set up - add contact details for your service at "
                f"http://localhost/services/{world.service_id}/service-settings/send-files-by-email"
            ),
        ),
    }


def test_business_refusals(client: FlaskClient, world: World) -> None:
    for name, (channel, change, message) in refusals(world).items():
        assert post(client, world, channel, valid(world, channel) | change) == (400, [("BadRequestError", message)]), name


@pytest.mark.rule("notify", "§4.5")
def test_how_a_file_is_put_comes_before_what_the_service_set_up_and_that_before_the_file(client: FlaskClient, world: World) -> None:
    for file, kind, begins in (
        ({"file": "YQ==", "retention_period": "soon"}, "ValidationError", "retention_period Unsupported value"),
        ({"file": "YQ==", "filename": "x.exe"}, "BadRequestError", "Send files by email has not been set up"),
        ({"file": "not base64"}, "BadRequestError", "Send files by email has not been set up"),
    ):
        status, [(told, message)] = post(client, world, "email", valid(world, "email") | {"personalisation": VALUES | {"f": file}})
        assert (status, told, message[: len(begins)]) == (400, kind, begins)


@pytest.mark.rule("notify", "§17")
def test_a_bad_address_is_a_validation_error(client: FlaskClient, world: World) -> None:
    body = valid(world, "letter") | {"personalisation": VALUES | {"address_line_1": "A", "address_line_2": "B"}}
    assert post(client, world, "letter", body) == (400, [("ValidationError", "Address must be at least 3 lines")])


@pytest.mark.rule("notify", "§4.3")
def test_a_qr_line_that_no_code_can_hold(client: FlaskClient, world: World) -> None:
    template_id = add_template(world, "letter", body="Pague aquí\n\nQR: ((link))")
    body = valid(world, "letter") | {"template_id": str(template_id), "personalisation": VALUES | ADDRESS | {"link": "x" * 505}}
    answer = client.post(LETTER, json=body, headers=world.headers())
    assert answer.json["errors"] == [
        {
            "error": "ValidationError",
            "message": "Cannot create a usable QR code - the link is too long",
            "data": "x" * 505,
            "num_bytes": 505,
            "max_bytes": 504,
        }
    ]


@pytest.mark.parametrize(("channel", "words"), [("sms", "text messages"), ("email", "emails"), ("letter", "letters")])
def test_a_channel_needs_its_permission(client: FlaskClient, world: World, channel: str, words: str) -> None:
    _set(world, permissions=[])
    expected = (400, [("BadRequestError", f"Service is not allowed to send {words}")])
    assert post(client, world, channel, valid(world, channel) | {"template_id": str(world.service_id)}) == expected


@pytest.mark.rule("notify", "§16")
def test_international_numbers_and_landlines_need_permissions(client: FlaskClient, world: World) -> None:
    _set(world, permissions=["sms"])
    for number in ("+33612345678", "07911123456"):
        body = valid(world, "sms") | {"phone_number": number}
        assert post(client, world, "sms", body) == (400, [("BadRequestError", "Cannot send to international mobile numbers")])
    body = valid(world, "sms") | {"phone_number": "02079460000"}
    assert post(client, world, "sms", body) == (400, [("InvalidPhoneError", "Not a UK mobile number")])
    _set(world, permissions=["sms", "international_sms", "sms_to_uk_landlines"])
    for number in ("+33612345678", "07911123456", "02079460000"):
        assert client.post(SMS, json=valid(world, "sms") | {"phone_number": number}, headers=world.headers()).status_code == 201


def _set(world: World, **changes: Any) -> None:
    with world.notify.db.begin() as connection:
        connection.execute(update(Service).where(Service.id == world.service_id).values(**changes))
    world.notify.catalogue.forget()


@pytest.mark.parametrize("path", ["/v2/notifications/foo/bar", "/v2/template/x/version/y", "/v2/nothing"])
def test_the_router_refuses_in_the_older_form(client: FlaskClient, world: World, path: str) -> None:
    answer = client.get(path, headers=world.headers())
    assert answer.status_code == 404
    assert answer.json["result"] == "error"


def test_a_channel_that_is_none_is_not_found(client: FlaskClient, world: World) -> None:
    answer = client.post("/v2/notifications/fax", json=valid(world, "sms"), headers=world.headers())
    assert (answer.status_code, answer.json["result"]) == (404, "error")
    assert client.post("/v2/notifications/fax", json={}).status_code == 401


def test_the_wrong_method_is_told(client: FlaskClient, world: World) -> None:
    answer = client.delete("/v2/templates", headers=world.headers())
    assert (answer.status_code, answer.json["result"]) == (405, "error")


def test_a_fault_of_ours_tells_nothing(client: FlaskClient, world: World, notify: Notify, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("notify.operations.checks.check_channel", fail)
    answer = client.post(SMS, json=valid(world, "sms"), headers=world.headers())
    assert answer.json == {"status_code": 500, "errors": [{"error": "InternalServerError", "message": "Internal server error"}]}


@pytest.mark.parametrize(
    "value", ["\x00", "\ud800", "a\u202eb", "🎉" * 100, "' OR 1=1 --", "{{ 7*7 }}", "<script>alert(1)</script>", "((amount))"]
)
@pytest.mark.parametrize("channel", ["sms", "email", "letter", "mailbox"])
def test_no_value_breaks_a_send(client: FlaskClient, world: World, channel: str, value: str) -> None:
    body = valid(world, channel)
    body["personalisation"] = body["personalisation"] | {"name": value + "x"}
    body["reference"] = value
    answer = client.post(f"/v2/notifications/{channel}", data=json.dumps(body), headers=world.headers())
    assert answer.status_code == 201
    assert client.get(f"/v2/notifications/{answer.json['id']}", headers=world.headers()).status_code == 200
