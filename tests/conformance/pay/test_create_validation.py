"""Every row of the table of literal refusals, the order of the checks, and the business checks."""

from typing import Any

import pytest

from tests.factories.pay import BODY, Till, World

ABSENT = object()
NUMERIC, STRING, URL, BOOLEAN = (
    "Must be a valid numeric format",
    "Must be a valid string format",
    "Must be a valid URL format",
    "Must be true or false",
)
LONG = "Must be less than or equal to {} characters length"
LANGUAGE = 'Must be "en" or "cy"'
DETAILS = "prefilled_cardholder_details"
ZERO = "Must be greater than or equal to 1. Refer to https://docs.payments.service.gov.uk/making_payments/#amount"


@pytest.fixture(scope="module")
def world(standing_world: World) -> World:
    return standing_world


def refusal(world: World, till: Till | None = None, **changes: Any) -> tuple[int, dict[str, str]]:
    body = {name: value for name, value in (BODY | changes).items() if value is not ABSENT}
    response = world.post("/v1/payments", body, till=till)
    return response.status_code, response.get_json()


@pytest.mark.rule("pay", "A3", "A4", "§5.2", "§24.14")
@pytest.mark.parametrize(
    ("field", "value", "status", "message"),
    [
        *[("amount", value, 400, NUMERIC) for value in ("1", "100", 1.5, 100.0, True, {}, [])],
        ("amount", -1, 422, "Must be greater than or equal to 1"),
        ("amount", 0, 422, ZERO),
        ("amount", 10_000_001, 422, "Must be less than or equal to 10000000"),
        ("amount", 2**40, 422, "Must be less than or equal to 10000000"),
        *[(field, value, 400, STRING) for field in ("reference", "description") for value in (1, True, ["a"], {}, "a<b", "a>b", "a|b")],
        *[(field, "é" * 256, 422, LONG.format(255)) for field in ("reference", "description")],
        *[("return_url", value, 400, URL) for value in (1, None, [], False)],
        *[
            ("return_url", value, 422, URL)
            for value in ("", "nonsense", "ftp://a.example/", "https://", "https://a b/", "//a.example", "https://a:99999/")
        ],
        *[("return_url", "javascript:alert(1)", 422, URL), ("return_url", "https://a.example/\n", 422, URL)],
        ("return_url", "https://a.example/" + "a" * 2000, 422, LONG.format(2000)),
        *[(field, value, 400, BOOLEAN) for field in ("moto", "delayed_capture") for value in (None, "true", 1, [])],
        *[("language", value, 400, LANGUAGE) for value in (1, "", " ", None)],
        ("language", "fr", 422, LANGUAGE),
        ("email", 1, 400, "Field must be a string"),
        ("email", "a" * 255, 422, LONG.format(254)),
        ("authorisation_mode", "other", 422, "Must be one of web, moto_api, agreement"),
        ("agreement_payment_type", "other", 422, "Must be one of instalment, recurring, unscheduled"),
        ("metadata", [], 422, "Must be an object of JSON key-value pairs"),
        ("metadata", "a", 422, "Must be an object of JSON key-value pairs"),
        ("metadata", None, 422, "Value must not be null"),
        ("metadata", {f"k{n}": n for n in range(16)}, 422, "Cannot have more than 15 key-value pairs"),
        ("metadata", {"k" * 31: 1}, 422, "Keys must be between 1 and 30 characters long"),
        ("metadata", {"": 1}, 422, "Keys must be between 1 and 30 characters long"),
        ("metadata", {"k": {}}, 422, "Values must be of type String, Boolean or Number"),
        ("metadata", {"k": [1]}, 422, "Values must be of type String, Boolean or Number"),
        ("metadata", {"k": "v" * 101}, 422, "Values must be no greater than 100 characters long"),
        ("metadata", {"k": None}, 422, "Must not have null values"),
        ("metadata", {"Key": 1, "kEY": 2}, 422, "Must have case insensitive unique keys"),
        ("metadata", {"Key": 1, "kEY": None}, 422, "Must not have null values. Must have case insensitive unique keys"),
        ("set_up_agreement", "short", 422, "Field [set_up_agreement] length must be 26"),
        ("agreement_id", "short", 422, "Field [agreement_id] length must be 26"),
    ],
)
def test_a_bad_value_is_refused_in_the_words_of_the_contract(world: World, field: str, value: object, status: int, message: str) -> None:
    assert refusal(world, **{field: value}) == (
        status,
        {"field": field, "code": "P0102", "description": f"Invalid attribute value: {field}. {message}"},
    )


@pytest.mark.rule("pay", "A3", "§3", "§5.2")
@pytest.mark.parametrize(
    ("details", "field", "status", "message"),
    [
        ({"cardholder_name": 1}, "cardholder_name", 400, "Field must be a string"),
        ({"cardholder_name": "a" * 256}, "cardholder_name", 422, LONG.format(255)),
        *[
            ({"billing_address": {name: 1}}, name, 400, "Field must be a string")
            for name in ("line1", "line2", "city", "postcode", "country")
        ],
        *[({"billing_address": {name: "a" * 256}}, name, 422, LONG.format(255)) for name in ("line1", "line2", "city")],
        ({"billing_address": {"postcode": "a" * 26}}, "postcode", 422, LONG.format(25)),
    ],
)
def test_prefilled_details_are_named_by_their_last_part(
    world: World, details: dict[str, Any], field: str, status: int, message: str
) -> None:
    assert refusal(world, **{DETAILS: details}) == (
        status,
        {"field": field, "code": "P0102", "description": f"Invalid attribute value: {field}. {message}"},
    )


@pytest.mark.rule("pay", "A3", "§5.2")
@pytest.mark.parametrize("field", ["amount", "reference", "description"])
@pytest.mark.parametrize("value", [ABSENT, None])
def test_a_mandatory_member_is_missed_by_name(world: World, field: str, value: object) -> None:
    assert refusal(world, **{field: value}) == (
        400,
        {"field": field, "code": "P0101", "description": f"Missing mandatory attribute: {field}"},
    )


@pytest.mark.rule("pay", "A3", "§5.2")
@pytest.mark.parametrize("field", ["reference", "description"])
@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_a_blank_text_is_a_missing_one(world: World, field: str, value: str) -> None:
    assert refusal(world, **{field: value})[1]["code"] == "P0101"


@pytest.mark.rule("pay", "A3", "§5.2")
def test_a_missing_return_url_is_told_without_a_field(world: World) -> None:
    assert refusal(world, return_url=ABSENT) == (400, {"code": "P0101", "description": "Missing mandatory attribute: return_url"})


@pytest.mark.rule("pay", "§3", "§5.2")
@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'"a"', b'{"amount": NaN}', b"\xff", b'{"reference": "\\ud800"}', b'{"reference": "\\u0000"}', b"[" * 5000],
)
def test_a_body_that_is_no_json_object_is_refused(world: World, raw: bytes) -> None:
    response = world.client().post("/v1/payments", data=raw, headers=world.till.headers, content_type="application/json")
    assert (response.status_code, response.get_json()) == (400, {"code": "P0197", "description": "Unable to parse JSON"})


# In the order of §5.2: each fault answers before all that stand after it.
TYPE_FAULTS: list[tuple[str, object]] = [
    ("amount", "1"),
    ("reference", 1),
    ("description", 1),
    ("return_url", 1),
    ("moto", 1),
    ("set_up_agreement", 1),
    ("authorisation_mode", "other"),
    ("agreement_id", 1),
    ("agreement_payment_type", "other"),
    ("language", "fr"),
    ("delayed_capture", 1),
    ("email", 1),
    ("metadata", None),
]
RANGE_FAULTS: list[tuple[str, object]] = [
    ("amount", 0),
    ("reference", "a" * 256),
    ("description", "a" * 256),
    ("return_url", "nonsense"),
    ("set_up_agreement", "short"),
    ("email", "a" * 255),
]


@pytest.mark.rule("pay", "A3", "§5.2")
@pytest.mark.parametrize("faults", [TYPE_FAULTS, RANGE_FAULTS], ids=["types", "ranges"])
def test_the_first_fault_in_the_contracts_order_answers(world: World, faults: list[tuple[str, object]]) -> None:
    for start, (field, _) in enumerate(faults):
        assert refusal(world, **dict(faults[start:]))[1]["field"] == field


@pytest.mark.rule("pay", "A3", "§5.2")
def test_every_type_is_checked_before_any_range(world: World) -> None:
    assert refusal(world, amount=0, metadata=None)[1]["field"] == "metadata"
    assert refusal(world, amount=0, return_url=ABSENT)[1]["field"] == "amount"


@pytest.mark.rule("pay", "A4", "A5", "§5.1")
@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 1},
        {"amount": 10_000_000},
        {"reference": "é" * 255},
        {"metadata": {f"k{n}": n for n in range(15)}},
        {"metadata": {"k" * 30: "v" * 100}},
        {"language": "cy"},
        {"language": "es"},
        {"email": "a" * 254},
        {"return_url": "http://localhost:9999/back?a=1#b"},
        {"internal": {"source": "CARD_PAYMENT_LINK"}},
        {DETAILS: {"billing_address": {"country": "Chile"}}},
    ],
)
def test_values_on_the_edge_are_taken(world: World, changes: dict[str, Any]) -> None:
    assert refusal(world, **changes)[0] == 201


@pytest.mark.rule("pay", "A5", "§6", "§24.16")
def test_metadata_keep_their_type_and_their_order(world: World) -> None:
    metadata = {"z": 1, "a": "<b>", "yes": True, "half": 0.5, "whole": 1.0}
    made = world.create(metadata=metadata)
    kept = world.read(made["payment_id"])["metadata"]
    assert list(kept.items()) == list(metadata.items())
    assert [type(value) for value in kept.values()] == [int, str, bool, float, float]


@pytest.mark.rule("pay", "§5.1", "§6")
def test_prefilled_details_show_all_eight_keys(world: World) -> None:
    address = {"line1": "Los Aromos 12", "postcode": "2430000", "city": "Quilpalín", "country": "CL"}
    made = world.create(email="a@example.cl", **{DETAILS: {"cardholder_name": "María", "billing_address": address}})
    details = world.read(made["payment_id"])["card_details"]
    assert details == {
        "last_digits_card_number": None,
        "first_digits_card_number": None,
        "cardholder_name": "María",
        "expiry_date": None,
        "billing_address": address,
        "card_brand": None,
        "card_type": None,
        "wallet_type": None,
    }
    assert "card_brand" not in made


@pytest.mark.rule("pay", "§5.3")
@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"authorisation_mode": "moto_api"}, 400, "P0104", "return_url"),
        ({"authorisation_mode": "agreement", "agreement_id": "a" * 26}, 400, "P0104", "return_url"),
        ({"moto": True}, 422, "P0196", None),
        ({"authorisation_mode": "moto_api", "return_url": ABSENT}, 422, "P0195", None),
        ({"authorisation_mode": "agreement", "return_url": ABSENT}, 400, "P0101", "agreement_id"),
        ({"agreement_id": "a" * 26}, 400, "P0104", "agreement_id"),
        ({"authorisation_mode": "agreement", "agreement_id": "a" * 26, "return_url": ABSENT, "email": "a@b.cl"}, 400, "P0104", "email"),
        ({"authorisation_mode": "agreement", "agreement_id": "a" * 26, "return_url": ABSENT, "moto": True}, 400, "P0104", "moto"),
        ({"authorisation_mode": "agreement", "agreement_id": "a" * 26, "return_url": ABSENT}, 400, "P0102", "agreement_id"),
        ({"set_up_agreement": "a" * 26}, 400, "P0103", "set_up_agreement"),
        ({"internal": {"source": "OTHER"}}, 422, "P0102", "source"),
        ({"internal": {"source": 1}}, 400, "P0102", "source"),
    ],
)
def test_business_checks_answer_with_their_code(world: World, changes: dict[str, Any], status: int, code: str, field: str | None) -> None:
    answered, body = refusal(world, **changes)
    assert (answered, body["code"], body.get("field")) == (status, code, field)


@pytest.mark.rule("pay", "§5.3", "§3")
def test_a_stopped_or_unready_account_takes_no_new_payments(world: World) -> None:
    status, body = refusal(world, world.add_account(gateway_ready=False))
    assert (status, body["code"]) == (403, "P0940")
    status, body = refusal(world, world.add_account(gateway_ready=False, disabled_reason="fraud review"))
    assert (status, body["code"]) == (403, "P0941")
    assert body["description"].startswith("Andamio has disabled payment and refund creation on this account.")


@pytest.mark.rule("pay", "§5.3")
def test_a_live_account_wants_https(world: World) -> None:
    status, body = refusal(world, world.add_account(is_live=True, gateway="bank"), return_url="http://service.example/")
    assert (status, body["code"], body["field"]) == (422, "P0920", "return_url")


@pytest.mark.rule("pay", "§5.1", "pay-design §7.3")
def test_the_ceiling_and_zero_amounts_are_settings_of_the_account(world: World) -> None:
    till = world.add_account(max_amount_minor=50_000_000, allow_zero_amount=True)
    assert [refusal(world, till, amount=amount)[0] for amount in (0, 50_000_000, 50_000_001)] == [201, 201, 422]


@pytest.mark.rule("pay", "§5.3", "§3", "§17", "pay-design §5")
def test_a_card_number_that_a_payer_typed_as_the_reference_of_a_link_is_refused(world: World) -> None:
    link = {"internal": {"source": "CARD_PAYMENT_LINK"}}
    for reference in ("4242424242424242", "pago 4242 4242-4242 4242"):
        status, body = refusal(world, reference=reference, **link)
        assert (status, body["code"], body["field"]) == (400, "P0105", "reference")
        assert reference not in body["description"]
        assert refusal(world, reference=reference)[0] == 201, "a service's own numbers are its own"
    assert refusal(world, reference="4242424242424241", **link)[0] == 201
