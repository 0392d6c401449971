"""Calls to providers over HTTP: JSON in, JSON out, and what an answer means for what we know."""

from collections.abc import Mapping
from typing import Any

from pay.providers.base import GatewayUnavailable
from shared.http import Outbound, OutboundError

TIMEOUT_SECONDS = 10.0
Json = dict[str, Any]  # what a provider sent: each reader checks what it takes


class GatewayRefused(Exception):
    """The provider answered, and refused: nothing was done.  `status` is what it answered."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"{status}: {why}")
        self.status = status
        self.why = why


def call(http: Outbound, method: str, url: str, *, headers: Mapping[str, str], json: Json | None = None) -> Json:
    """Return the JSON object that was answered.  Raises: GatewayRefused for a 4xx, GatewayUnavailable for anything unclear."""
    try:
        reply = http.request(method, url, json=json, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
        answer = reply.json() if reply.body else {}
    except OutboundError as error:
        raise GatewayUnavailable(type(error).__name__) from None
    if reply.status >= 500 or reply.status == 429:
        raise GatewayUnavailable(f"answered {reply.status}")
    if not isinstance(answer, dict):
        raise GatewayUnavailable("the answer is no object")
    if reply.status >= 400:
        raise GatewayRefused(reply.status, str(answer.get("error_message") or answer.get("message") or "")[:150])
    return answer
