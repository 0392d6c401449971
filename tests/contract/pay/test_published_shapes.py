"""`/openapi.json` checked by replay: what the API answers through the lives of payments is as the document says, and nothing else."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pay.operations.disputes import DisputeNews, take_news
from pay.standards.dispute_states import DisputeState
from pay.standards.identifiers import PaymentId
from tests.factories.pay import BODY, DECLINED_CARD, World

AGREEMENT = {"reference": "Cuota", "description": "Cuota mensual", "user_identifier": "socio-7"}
REPORT = {
    "amount": 1,
    "reference": "T",
    "description": "T",
    "processor_id": "i",
    "provider_id": "p",
    "payment_outcome": {"status": "success"},
}


@pytest.mark.rule("pay", "§4", "§6", "§24.6", "§22")
def test_every_answer_is_as_the_document_says(world: World) -> None:
    world.change_account(allow_recurring=True, allow_telephone=True, allow_moto_api=True)
    paths = world.client().get("/openapi.json").get_json()["paths"]
    seen: set[str] = set()

    def check(method: str, path: str, body: Any = None, **ids: str) -> Any:
        answer = world.client().open(path.format(**ids), method=method.upper(), json=body, headers=world.till.headers)
        taken = paths[path.partition("?")[0]][method].get("requestBody")
        if body is not None:
            assert taken is not None, path
            Draft202012Validator(taken["content"]["application/json"]["schema"]).validate(body)
        told = paths[path.partition("?")[0]][method]["responses"]
        assert str(answer.status_code) in told, (method, path, answer.get_data(as_text=True))
        content = told[str(answer.status_code)].get("content")
        if content is None:
            assert answer.get_data() == b""
            return None
        Draft202012Validator(content["application/json"]["schema"]).validate(answer.get_json())
        seen.add(f"{method} {path.partition('?')[0]}")
        return answer.get_json()

    shares = [{"beneficiary": "org-a", "amount": 14500}]
    fresh = check("post", "/v1/payments", BODY | {"metadata": {"a": 1, "b": True}, "email": "a@b.cl", "allocations": shares})["payment_id"]
    paid, declined = world.paid(), world.paid(DECLINED_CARD)
    refund = check("post", "/v1/payments/{payment_id}/refunds", {"amount": 500}, payment_id=paid)["refund_id"]
    check("get", "/v1/payments/{payment_id}/refunds/{refund_id}", payment_id=paid, refund_id=refund)
    for payment_id in (fresh, paid, declined):
        for path in ("", "/events", "/refunds"):
            check("get", "/v1/payments/{payment_id}" + path, payment_id=payment_id)
    agreement_id = check("post", "/v1/agreements", AGREEMENT)["agreement_id"]
    world.paid(set_up_agreement=agreement_id)
    check("get", "/v1/agreements/{agreement_id}", agreement_id=agreement_id)
    moto = {name: value for name, value in BODY.items() if name != "return_url"} | {"authorisation_mode": "moto_api"}
    link = check("post", "/v1/payments", moto)["_links"]["auth_url_post"]
    card = {"card_number": "4242424242424242", "cvc": "123", "expiry_date": "11/29", "cardholder_name": "José Ñancupil"}
    check("post", "/v1/auth", link["params"] | card)
    check("post", "/v1/payment_notification", REPORT)
    news = DisputeNews("sandbox", "dp", PaymentId(paid), DisputeState.LOST, 14000, "fraudulent")
    take_news(world.pay, news)
    for path in ("/v1/payments?display_size=2", "/v1/refunds", "/v1/agreements", "/v1/disputes"):
        check("get", path)
    check("post", "/v1/payments/{payment_id}/cancel", payment_id=fresh)
    described = {
        f"{method} {path}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if path.startswith("/v1/") and any("content" in answer for answer in operation["responses"].values())
    }
    own = ("/v1/payments", "/v1/refunds", "/v1/agreements", "/v1/disputes", "/v1/payment_notification")
    assert {one for one in described if one.split(" ")[1].startswith(own)} <= seen


@pytest.mark.rule("pay", "§13", "§14")
def test_the_document_refuses_what_the_api_refuses(world: World) -> None:
    world.change_account(allow_telephone=True, allow_moto_api=True)
    paths = world.client().get("/openapi.json").get_json()["paths"]
    card = {"one_time_token": "x", "card_number": "4242424242424242", "cvc": "123", "expiry_date": "11/29", "cardholder_name": "J"}
    wrong = [("/v1/auth", card | change) for change in ({"card_number": "4242"}, {"cvc": "12"}, {"expiry_date": "13/29"}, {"cvc": 123})]
    changes: tuple[dict[str, Any], ...] = (
        {"amount": "5"},
        {"payment_outcome": {"status": "maybe"}},
        {"card_expiry": "1/1"},
        {"provider_id": None},
    )
    wrong += [("/v1/payment_notification", REPORT | change) for change in changes]
    for path, body in wrong:
        schema = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert not Draft202012Validator(schema).is_valid(body), body
        assert world.post(path, body).status_code in {400, 422}, body
