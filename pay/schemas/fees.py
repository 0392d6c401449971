"""Fee rules as they come in and go out, and `fee_rule` of a new payment.  Spec: requirements PA-10, PA-11; pay-api.md §25."""

from datetime import date

from pay.operations.fees import FeeAsked
from pay.schemas.bodies import Body
from pay.schemas.console import is_day
from pay.schemas.rules import check_length, check_plain_text, is_integer, missing, out_of_range, wrong_type
from pay.standards.fee_rules import PRODUCT, Channel, Exemption, FeeRule
from pay.standards.payment_object import Json

FIELD = "fee_rule"
PRODUCT_MAX, NAME_MAX, TEXT_MAX, CODE_MAX, REASON_MAX = 60, 120, 140, 40, 500
EXEMPTIONS_MAX, AMOUNT_MAX = 20, 2_000_000_000


def read_fee(body: Body) -> FeeAsked | None:
    """Return what a new payment says of its fee.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange."""
    given = body.get(FIELD)
    if FIELD not in body:
        return None
    if not isinstance(given, dict):
        raise wrong_type(FIELD, "Must be a JSON object")
    product, channel, exemption = given.get("product"), given.get("channel", "web"), given.get("exemption")
    if product is None:
        raise missing("product")
    if not isinstance(product, str):
        raise wrong_type("product", "Must be a valid string format")
    if channel not in set(Channel):
        raise out_of_range("channel", "Must be one of web, phone, counter")
    if exemption is None:
        return FeeAsked(product[: PRODUCT_MAX + 1], Channel(str(channel)))
    if not isinstance(exemption, dict):
        raise wrong_type("exemption", "Must be a JSON object")
    check_plain_text("code", exemption.get("code"))
    check_plain_text("reason", exemption.get("reason"))
    check_length("reason", exemption.get("reason"), REASON_MAX)
    return FeeAsked(product[: PRODUCT_MAX + 1], Channel(str(channel)), str(exemption["code"]), str(exemption["reason"]))


def read_rule(body: Body, today: date) -> FeeRule:
    """Return a rule, its version yet to be given.  Raises: MissingAttribute, InvalidAttribute, AttributeOutOfRange."""
    product, amounts, exemptions = body.get("product"), body.get("amounts"), body.get("exemptions", [])
    if product is None:
        raise missing("product")
    if not isinstance(product, str) or len(product) > PRODUCT_MAX or not PRODUCT.fullmatch(product):
        raise out_of_range("product", "Must be small letters, digits and hyphens, at most 60")
    check_plain_text("name", body.get("name"))
    check_length("name", body.get("name"), NAME_MAX)
    if not isinstance(amounts, dict):
        raise missing("amounts") if amounts is None else wrong_type("amounts", "Must be a JSON object")
    read = {channel: _amount("amounts", amounts.get(channel.value, amounts.get(Channel.WEB.value))) for channel in Channel}
    if not isinstance(exemptions, list) or not all(isinstance(each, dict) for each in exemptions):
        raise wrong_type("exemptions", "Must be a list of objects")
    if len(exemptions) > EXEMPTIONS_MAX or len({each.get("code") for each in exemptions if isinstance(each.get("code"), str)}) < len(
        exemptions
    ):
        raise out_of_range("exemptions", f"Must have at most {EXEMPTIONS_MAX}, each code once")
    begins = body.get("valid_from", today.isoformat())
    if not isinstance(begins, str) or not is_day(begins):
        raise out_of_range("valid_from", "Must be a day such as 2026-11-30")
    return FeeRule(product, 0, str(body["name"]), read, tuple(_exemption(each) for each in exemptions), date.fromisoformat(begins))


def _amount(field: str, value: object) -> int:
    if not isinstance(value, int) or not is_integer(value):
        raise wrong_type(field, "Must be a valid numeric format")
    if not 0 <= value <= AMOUNT_MAX:
        raise out_of_range(field, f"Must be between 0 and {AMOUNT_MAX}")
    return value


def _exemption(body: Body) -> Exemption:
    check_plain_text("code", body.get("code"))
    check_length("code", body.get("code"), CODE_MAX)
    check_plain_text("text", body.get("text"))
    check_length("text", body.get("text"), TEXT_MAX)
    decides = body.get("needs_decision", True)
    if not isinstance(decides, bool):
        raise wrong_type("needs_decision", "Must be true or false")
    return Exemption(str(body["code"]), str(body["text"]), _amount("amount", body.get("amount", 0)), decides)


def rule_body(rule: FeeRule) -> Json:
    """Return a rule; `warnings` names channels on which the same thing costs more.  Spec: PA-11."""
    exemptions = [
        {"code": each.code, "text": each.text, "amount": each.amount_minor, "needs_decision": each.needs_decision}
        for each in rule.exemptions
    ]
    dearer = [f"{channel.value} costs more than another channel" for channel in rule.dearer_channels]
    return {
        "product": rule.product,
        "version": rule.version,
        "name": rule.name,
        "amounts": {channel.value: amount for channel, amount in rule.amounts.items()},
        "exemptions": exemptions,
        "valid_from": rule.valid_from.isoformat(),
        "warnings": dearer,
    }
