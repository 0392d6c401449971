"""Fee rules as they come in and go out, and `fee_rule` of a new payment.  Spec: requirements PA-10, PA-11; pay-api.md §25."""

import re
from collections.abc import Mapping
from datetime import date

from pay.operations.fees import FeeAsked
from pay.schemas.bodies import Body
from pay.schemas.console import is_day, read_amount
from pay.schemas.rules import check_length, check_plain_text, is_integer, missing, out_of_range, wrong_type
from pay.standards.fee_rules import PRODUCT, Channel, Exemption, FeeRule
from pay.standards.payment_object import Json
from shared.web import gettext

FIELD = "fee_rule"
PRODUCT_MAX, NAME_MAX, TEXT_MAX, CODE_MAX, REASON_MAX = 60, 120, 140, 40, 500
EXEMPTIONS_MAX, FORM_EXEMPTIONS, AMOUNT_MAX = 20, 3, 2_000_000_000


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


def read_rule_form(form: Mapping[str, str], currency: str, today: date) -> tuple[FeeRule | None, list[tuple[str, str]]]:
    """Read the console's form: a rule, or what to do about each field."""
    typed = {name: value.strip() for name, value in form.items()}
    faults: list[tuple[str, str]] = []
    product, name, begins = typed.get("product", ""), typed.get("name", ""), typed.get("valid_from", "") or today.isoformat()
    if not PRODUCT.fullmatch(product) or len(product) > PRODUCT_MAX:
        faults.append(("product", gettext("Type small letters, digits and hyphens only.")))
    if not 0 < len(name) <= NAME_MAX:
        faults.append(("name", gettext("Say what is paid.")))
    if not is_day(begins):
        faults.append(("valid_from", gettext("Type the day like this: 2026-11-30.")))
    amounts: dict[Channel, int] = {}
    for channel in Channel:
        amount = read_amount(typed.get(channel.value, "") or typed.get("web", ""), currency)
        if amount is None or amount > AMOUNT_MAX:
            faults.append((channel.value, gettext("Type an amount.")))
        else:
            amounts[channel] = amount
    exemptions = []
    for number in range(1, FORM_EXEMPTIONS + 1):
        text, reduced = typed.get(f"text{number}", ""), typed.get(f"reduced{number}", "") or "0"
        amount = read_amount(reduced, currency)
        if not text:
            continue
        if amount is None or amount > AMOUNT_MAX:
            faults.append((f"reduced{number}", gettext("Type an amount.")))
        else:
            code = re.sub("[^a-z0-9]+", "-", typed.get(f"code{number}", "").lower()).strip("-") or f"exemption-{number}"
            exemptions.append(Exemption(code[:CODE_MAX], text[:TEXT_MAX], amount, form.get(f"decide{number}") == "yes"))
    if len({each.code for each in exemptions}) < len(exemptions):
        faults.append(("code1", gettext("Give each exemption a code of its own.")))
    if faults:
        return None, faults
    return FeeRule(product, 0, name, amounts, tuple(exemptions), date.fromisoformat(begins)), []
