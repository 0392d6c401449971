"""`/v2/findUsage`, `/v2/usagePeriod`, `/v2/heartbeat`: our log, served as a federated register.  Spec: wallet contract §10.5."""

from datetime import UTC, datetime

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from shared.access import PUBLIC
from shared.clock import rfc3339
from shared.openapi import describes
from shared.routes import Routes
from shared.run import InvalidRun, parse_run
from wallet.context import current
from wallet.errors import InvalidExchange
from wallet.operations.usages import LIMIT_MAX, find_usages, log_begin
from wallet.routes.access import BODY

TEXT: dict[str, object] = {"type": "string"}
MOMENT: dict[str, object] = {"type": "string", "format": "date-time"}
USAGE: dict[str, object] = {
    "type": "object",
    "required": ["logtime", "action", "receiverCode"],
    "properties": {"logtime": MOMENT, "action": TEXT, "receiverCode": TEXT, "receiverName": TEXT, "receiverSystem": TEXT},
}
USAGES: dict[str, object] = {
    "type": "object",
    "required": ["totalUsages", "usages"],
    "properties": {"totalUsages": {"type": "integer"}, "usages": {"type": "array", "items": USAGE}},
}
ASKED: dict[str, object] = {
    "type": "object",
    "properties": {
        "userCode": TEXT,
        "periodStart": MOMENT,
        "periodEnd": MOMENT,
        "offset": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
    },
}
PERIOD: dict[str, object] = {"type": "object", "required": ["periodStart"], "properties": {"periodStart": MOMENT, "periodEnd": MOMENT}}
BEAT: dict[str, object] = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": ["OK", "FAIL"]}, "message": TEXT},
}
bp = Routes("usages", __name__, url_prefix="/v2", access=BODY)


@bp.get("/findUsage")
@describes(query=ASKED, headers={"X-Road-UserId": "who asks, for whom the auditor's system acts"}, answers={200: USAGES})
def find() -> ResponseReturnValue:
    """Say who used a person's data; the header names the user for whom the auditor's system asks."""
    if not request.headers.get("X-Road-UserId"):
        raise InvalidExchange("Name the acting user in the header X-Road-UserId.")
    total, found = find_usages(
        current(),
        g.caller.client_id,
        _run(request.args.get("userCode", "")),
        since=_moment("periodStart"),
        until=_moment("periodEnd"),
        offset=_number("offset", 0, 0, 1_000_000),
        limit=_number("limit", LIMIT_MAX, 1, LIMIT_MAX),
    )
    usages = [
        {
            "logtime": rfc3339(one.logtime),
            "action": one.action,
            "receiverCode": one.receiver_code,
            "receiverName": one.receiver_name,
            "receiverSystem": one.receiver_system,
        }
        for one in found
    ]
    return jsonify({"totalUsages": total, "usages": usages}), 200


@bp.get("/usagePeriod")
@describes(answers={200: PERIOD})
def period() -> ResponseReturnValue:
    """Say since when the log is kept."""
    wallet = current()
    return jsonify({"periodStart": rfc3339(log_begin(wallet) or wallet.clock.now())}), 200


@bp.get("/heartbeat", access=PUBLIC)
@describes(answers={200: BEAT})
def heartbeat() -> ResponseReturnValue:
    """Say whether the log can be read."""
    is_ready = current().db.is_ready()
    return jsonify({"status": "OK"} if is_ready else {"status": "FAIL", "message": "the log cannot be read"}), 200


def _run(text: str) -> str:
    try:
        return str(parse_run(text.removeprefix("CL")))
    except InvalidRun:
        raise InvalidExchange("`userCode` is a RUN, such as 11111111-1.") from None


def _moment(name: str) -> datetime | None:
    text = request.args.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidExchange(f"`{name}` is a time such as 2026-11-21T00:00:00Z.") from None


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not least <= int(text) <= most:
        raise InvalidExchange(f"`{name}` is a number from {least} to {most}.")
    return int(text)
